/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_LIBRTMEM_SUPPORT_H
#define RTMEM_TESTS_LIBRTMEM_SUPPORT_H

/* What the tests look at without the library's help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "librtmem/rtmem.h"

/** Bytes of a field of /proc/self/status that is in kB; 0 when it isn't there. */
size_t status_bytes(const char *field);
/** Field of /proc/self/task/TID/stat, numbered as in proc(5), from 3 on. */
long thread_stat(pid_t tid, int field);
/** Calls look() until it is true, for 10 s at most. */
bool wait_until(bool (*look)(void *userdata), void *userdata);
/** Can this process lock `bytes` and run real-time threads? */
bool may_lock(size_t bytes);
bool may_run_in_real_time(void);
/** Bytes of the range that aren't present. */
size_t absent_bytes(const void *start, size_t len);
/** Writes to each page; never optimised away. */
void touch(void *start, size_t len);
/** A mapping that is neither present nor locked. */
char *fresh(size_t len);
/** A datagram socket at an abstract or other path; receives without waiting. */
int listen_at(const char *path);
/** The next datagram, terminated; -1 when there's none. */
ssize_t next_message(int fd, char *buf, size_t size);

#endif
