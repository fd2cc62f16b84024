/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBINIT_GUARD_H
#define RTMEM_LIBINIT_GUARD_H

/*
 * What the library does once the program runs. It stands in for a few functions of the C library
 * (wrappers, with exactly their prototypes); each forwards, and looks at what came of it only while an
 * order is in force. Rules for a wrapper: it may be called at any time and from any thread, also before
 * the constructor and between fork() and exec; it allocates nothing, changes no errno that the call
 * didn't set, and is no cancellation point that the call isn't.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libinit/init.h"

#define WRAPPER	    __attribute__((visibility("default")))
#define CALL_SITE() __builtin_extract_return_addr(__builtin_return_address(0))

/* ---- functions that are stood in for ----------------------------------------------------------- */

enum next {
	NEXT_DAEMON,
	NEXT_FORK,
	NEXT_FORKPTY,
	NEXT_FORK_RAW, /* _Fork */
	NEXT_MADVISE,
	NEXT_MALLOC_TRIM,
	NEXT_MLOCKALL,
	NEXT_MUNLOCK,
	NEXT_MUNLOCKALL,
	NEXT_PRCTL,
	NEXT_PRLIMIT,
	NEXT_PRLIMIT64,
	NEXT_PTHREAD_CREATE,
	NEXT_SETRLIMIT,
	NEXT_SETRLIMIT64,
	NEXT_THRD_CREATE,
	NEXT_MAX
};

/** The function that the program would have called without this library, or NULL where the C library
 *  has none (errno is ENOSYS then). Keeps errno otherwise. */
void *next_function(enum next n);
/** Looks all of them up, so that no wrapper has to. */
void next_resolve(void);
#define NEXT(n, prototype) ((__typeof__(&(prototype)))next_function(n))

/* ---- the order in force ------------------------------------------------------------------------ */

/** From the end of the constructor on, in the process that it ran in (or a child that inherits):
 *  the order and what came of it. NULL at any other time, and in a child of vfork(). */
const struct init *guard_in_force(void);
/** The same in a child of fork() or vfork() too: for what belongs to memory, not to the process. */
struct init *guard_of_memory(void);
void guard_begin(struct init *i);
/** A child of fork(): its memory is nobody's business any more. */
void guard_end(void);

/* ---- events ------------------------------------------------------------------------------------ */

/** Tells the daemon of a call that endangers the guarantee: who, where, and what follows from it
 *  (format). Bounded per process; without a daemon nobody is told. site may be NULL: inside the C
 *  library. Keeps errno. */
void event_send(const struct init *i, const char *step, int error, const void *site,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

struct place {
	const char *file; /* "": the program itself */
	const char *symbol; /* or NULL */
	uintptr_t base; /* where the file is mapped */
};

/** Whose code this is; false if nobody's. Waits for no lock of the loader where glibc is 2.35 or later. */
bool place_find(const void *site, struct place *ret);

/* ---- mappings of this process ------------------------------------------------------------------ */

struct mapping {
	uintptr_t start, end;
	bool readable, writable, shared;
	bool anonymous; /* no file behind it */
};

#define MAPS_BUFFER 4096

struct maps { /* a walk upwards */
	int fd;
	bool as_text; /* the kernel has no query: the text is read */
	int cancel_state; /* of the thread: a walk is no place to end it */
	size_t at, used;
	char buffer[MAPS_BUFFER];
};

/** 0 or negative errno. The thread can't be cancelled until maps_close(). */
int maps_open(struct maps *m);
/** The first mapping that ends above this address, which must not be below the one asked for before.
 *  False: there is none. */
bool maps_find(struct maps *m, uintptr_t address, struct mapping *ret);
void maps_close(struct maps *m);
/** One line of /proc/PID/maps. */
bool maps_parse_line(const char *line, struct mapping *ret);

/* ---- stacks ------------------------------------------------------------------------------------ */

/** Makes the calling thread's stack present and locked as the order wants it: size bytes below its top,
 *  or the program's own block at low. ret_low (or NULL): where it begins. 0 or negative errno. */
int thread_stack_prepare(const struct init *i, char *low, size_t size, char **ret_low);
/** After fork(), on both sides: pages of stacks that are present may be copy-on-write. */
void thread_pages_shared(void);
/** After fork(), in the child: no thread is on its way any more. */
void thread_forget(void);

/* ---- madvise ----------------------------------------------------------------------------------- */

/** Finds the allocators that live with a refused madvise(). */
void advice_prepare(void);

/* ---- fork -------------------------------------------------------------------------------------- */

/** Registers what happens in parent and child of a fork, also of one from within the C library. */
void fork_watch(void);
/** Makes every page that fork() has made copy-on-write this process's own again. */
void precopy(const struct init *i);
/** After fork(), in a child that inherits: locks it; a strict order that fails ends it. */
void child_prepare(struct init *i);

#endif
