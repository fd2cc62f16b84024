/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_ROTATION_H
#define RTMEM_DAEMON_ROTATION_H

/* One file of output: when to look at it, and having it rotated. */
#include <stdint.h>
#include <sys/types.h>

#define LOOK_MIN_USEC	200000u /* between two looks at one file */
#define LOOK_MAX_USEC	10000000u
#define LOOK_FIRST_USEC 1000000u

struct watch {
	char *process;
	char *path;
	uint64_t size_bytes; /* rotate at; 0 = never */
	uint32_t keep;
	uid_t uid;
	char *gids; /* "1000,44", the primary one first */
	uint64_t due_usec; /* CLOCK_MONOTONIC, as all of these */
	uint64_t seen_usec; /* 0 = not seen yet */
	uint64_t seen_bytes;
	int error; /* of the last rotation, -errno */
};

void watch_done(struct watch *w);
uint64_t watch_now(void);
/** When it may have grown to its size, at the pace of late. Pure. */
uint64_t watch_next(const struct watch *w, uint64_t now_usec, uint64_t bytes);
/** Starts rtmem-rotate with these arguments. 0 or -errno */
typedef int (*rotation_start)(const char *const *argv, pid_t *ret, void *userdata);
/** Looks at its size, and has rtmem-rotate started if it has grown so far: waits for both. */
void watch_look(struct watch *w, rotation_start start, void *userdata);

#endif
