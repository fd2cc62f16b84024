/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBINIT_INIT_H
#define RTMEM_LIBINIT_INIT_H

/*
 * The injected library at work. Everything here runs before main() of somebody else's program: no
 * allocation before memory is locked, no call that may need locale, stdio or threads, no global state
 * but `the_init`. A step returns 0 or a negative errno; on failure it has said why by init_problem().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/diagnose.h"
#include "common/handoff.h"
#include "common/proc-text.h"

struct init {
	struct init_order order;
	struct report report; /* filled in by the steps; its first problem stays */
	const char *program; /* argv[0] */
	uint64_t arena_max; /* glibc.malloc.arena_max as the C library was told; 0 = not at all */
	bool tcmalloc_keeps; /* TCMALLOC_RELEASE_RATE was 0 */
	uint64_t started_usec;
	uint64_t prefaulted_bytes; /* made present so far */
	uint64_t told_usec; /* when it last said how far it is; 0 = not yet */
	pid_t pid; /* the process that the order is for */
	ino_t report_inode; /* of the socket: its number may be the program's own by now */
	char *main_stack_low; /* the range that was grown; NULL = none */
	size_t main_stack_len;
};

struct proc_status { /* of /proc/self/status, bytes */
	uint64_t size_bytes, locked_bytes, data_bytes, hugetlb_bytes;
	uint64_t capabilities; /* effective */
	uint64_t n_threads;
	int seccomp;
};

/* Steps, in the order in which they run. */
int dumpable_set(struct init *i); /* no core, no ptrace by others */
int thread_stack_set(struct init *i); /* default size of threads' stacks */
int main_stack_grow(struct init *i); /* the main stack is mapped as deep as wished */
int lock_memory(struct init *i); /* what is there now */
int heap_prepare(struct init *i); /* free heap that is present and stays */
int arenas_prepare(struct init *i); /* the same in further arenas */
int lock_future(struct init *i); /* and what comes, by mode; nothing maps in bulk after it */
int agent_start(
	struct init *i); /* balanced, seal: a thread that locks again or seals once the program is
				    ready, when a daemon or a settle time can say so */
int stacks_reserve(struct init *i); /* stacks of threads made ahead; nobody may take one after it */
int vdso_touch(struct init *i); /* pages of the vdso, which no lock covers */
int lock_verify(struct init *i); /* reads back what the steps before claim */

/** Notes the first problem: step and errno, and why. Returns error, negative. */
int init_problem(struct init *i, const char *step, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/** The same, with the cause found by diagnose(); facts are gathered here. */
int init_problem_diagnosed(struct init *i, const char *step, int error, uint64_t needed_bytes);
/** mlockall() with these flags; why it failed is a problem noted. */
int lock_all(struct init *i, int flags);
/** The memory map is sealed, and the report says so, or why not. */
void seal_map(struct init *i);
/** The descriptor is still the socket that it was at the start. */
bool report_fd_is_ours(const struct init *i);
/** Something was decided in the user's favour: to the daemon, or on stderr. */
void init_note(struct init *i, const char *step, const char *text);
void init_say(const struct init *i, const char *what, const char *step, const char *text);
uint64_t now_usec(void);

/** The order in the environment; NULL = none. Stays valid when it's taken out. */
const char *environment_order(char **envp);
/** Takes the order out of the environment, and all that rtmem-exec put there. */
void environment_take(char **envp);
/** Leaves it all there for the program's children, with an order that names no socket. */
void environment_pass_on(char **envp, const struct init_order *o);
/** True when the environment gives this variable this value. To be asked before the order is taken. */
bool environment_says(char **envp, const char *key, const char *value);
/** Number that GLIBC_TUNABLES gives this tunable; 0 = none. To be asked before the order is taken. */
uint64_t environment_tunable(char **envp, const char *name);

int proc_status_read(struct proc_status *ret);
uint64_t proc_unlocked_bytes(const struct proc_status *s);
/** Everything diagnose() wants to know; path is where the control group's limit is. */
void proc_facts(struct diagnose_facts *ret, char *path, size_t path_size);

/** Makes the pages of a range present, and locked where the mode doesn't do so by itself. */
int make_present(struct init *i, char *start, size_t len);
/** Bytes of the range that aren't present. */
size_t missing_bytes(const char *start, size_t len);
/** Free heap that each further arena gets, and what is left for the main one. */
uint64_t heap_arena_share(const struct init_order *o);
uint64_t heap_main_share(const struct init_order *o);

/* On top of what is asked: headers of chunks, alignment, and the few hundred bytes that malloc keeps
 * for each thread, so that a block of exactly the size asked for fits. */
#define HEAP_MARGIN_BYTES (256u << 10)

#endif
