/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_BENCH_MEASURE_H
#define RTMEM_BENCH_MEASURE_H

/* What the measuring programs share: a clock, a median, and the launch chain as rtmemd uses it. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/handoff.h"

uint64_t now_nsec(void);
/** Sorts values. */
double median(double *values, size_t n);

/**
 * Builds the plan of process `name` of a policy text, with the facts of this machine and with the report
 * socket at descriptor 3. Prints diagnostics to stderr. Returns a sealed memfd or a negative errno.
 */
int plan_from_policy(const char *text, const char *name);

/**
 * Launches a plan in the way of rtmemd: posix_spawn of rtmem-exec, GO, the report of libinit if one
 * comes, exit. 0, or -errno; -ECHILD when the program didn't end with 0.
 */
int launch_and_wait(const char *helper, int plan_fd, struct report *ret);

#endif
