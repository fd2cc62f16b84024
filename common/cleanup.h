/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_CLEANUP_H
#define RTMEM_COMMON_CLEANUP_H

/*
 * Ownership by attribute. A local is declared with its cleanup, built step by step, and on success
 * handed over with TAKE(), which leaves NULL (or -1 for a descriptor) behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define DEFINE_CLEANUP(type, fn)                   \
	static inline void fn##_cleanup(type *p) { \
		if (*p)                            \
			fn(*p);                    \
	}

static inline void free_cleanup(void *p) {
	free(*(void **)p);
}

/** Closes fd if it's open, keeps errno; returns -1 so that `fd = close_fd(fd)` forgets it. */
static inline int close_fd(int fd) {
	int saved = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}

static inline void close_fd_cleanup(int *fd) {
	*fd = close_fd(*fd);
}

static inline void fclose_cleanup(FILE **f) {
	if (*f)
		(void)fclose(*f);
}

static inline void closedir_cleanup(DIR **d) {
	if (*d)
		(void)closedir(*d);
}

#define _cleanup_free_	   CLEANUP(free_cleanup)
#define _cleanup_close_	   CLEANUP(close_fd_cleanup)
#define _cleanup_fclose_   CLEANUP(fclose_cleanup)
#define _cleanup_closedir_ CLEANUP(closedir_cleanup)

#define TAKE(p)                             \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
