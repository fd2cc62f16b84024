/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into rtmemd: its time passes RTMEM_TEST_SPEED times as fast, so that what takes ten minutes
 * is a test of seconds. Clocks are read faster than they run, and timers set for a time of such a clock
 * are set for the kernel's.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000LL

static long long to_nsec(const struct timespec *t) {
	return t->tv_sec * NSEC + t->tv_nsec;
}

static struct timespec to_timespec(long long nsec) {
	return (struct timespec){ .tv_sec = nsec / NSEC, .tv_nsec = nsec % NSEC };
}

static long long real_now(clockid_t clock) {
	struct timespec now = { .tv_sec = 0 };

	(void)syscall(SYS_clock_gettime, clock, &now);
	return to_nsec(&now);
}

/* When each clock was first looked at: from there on it's faster. */
static long long *begin(clockid_t clock) {
	static long long begins[16];
	long long *b = &begins[clock & 15];

	if (*b == 0)
		*b = real_now(clock);
	return b;
}

static long long speed(void) {
	const char *value = getenv("RTMEM_TEST_SPEED");

	return value && atoll(value) > 0 ? atoll(value) : 1;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret) {
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, ret);
	*ret = to_timespec(*begin(clock) + (real_now(clock) - *begin(clock)) * speed());
	return 0;
}

/* sd-event has a timer for each clock, always with absolute times. */
__attribute__((visibility("default"))) int timerfd_settime(
	int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
	struct itimerspec real = *new;
	long long at = to_nsec(&new->it_value), from = *begin(CLOCK_MONOTONIC);

	if (flags & TFD_TIMER_ABSTIME && at > from)
		real.it_value = to_timespec(from + (at - from) / speed());
	return (int)syscall(SYS_timerfd_settime, fd, flags, &real, old);
}
