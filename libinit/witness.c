/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that undo what the order asked for. They are forwarded unchanged: it's the program's memory. If
 * one succeeded and something is undone, the daemon is told which thread did it, and where.
 */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "libinit/guard.h"

static const struct init *locked(void) {
	const struct init *i = guard_in_force();

	return i && i->order.lock != INIT_LOCK_NONE ? i : NULL;
}

/* What a further mlockall() with these flags takes away; NULL = nothing. */
static const char *lost_by_mlockall(enum init_lock lock, int flags) {
	if (lock != INIT_LOCK_STRICT && lock != INIT_LOCK_ONFAULT)
		return NULL;
	if (!(flags & MCL_FUTURE))
		return "without MCL_FUTURE it cancels the lock of all later memory; add MCL_FUTURE, "
		       "or leave the call out: rtmem has locked already";
	if (lock == INIT_LOCK_STRICT && (flags & MCL_ONFAULT))
		return "with MCL_ONFAULT later memory isn't present until it's touched, at the price "
		       "of a fault for each page; leave the call out: rtmem has locked already";
	return NULL;
}

WRAPPER int mlockall(int flags) {
	__typeof__(&mlockall) next = NEXT(NEXT_MLOCKALL, mlockall);
	const struct init *i;
	const char *lost;
	int r;

	if (!next)
		return -1;
	r = next(flags);
	if (r < 0 || !(i = locked()))
		return r;
	lost = lost_by_mlockall(i->order.lock, flags);
	if (lost)
		event_send(i, "mlockall", 0, CALL_SITE(), "%s", lost);
	return r;
}

WRAPPER int munlockall(void) {
	__typeof__(&munlockall) next = NEXT(NEXT_MUNLOCKALL, munlockall);
	const struct init *i;
	int r;

	if (!next)
		return -1;
	r = next();
	if (r == 0 && (i = locked()))
		event_send(i, "munlockall", 0, CALL_SITE(),
			"nothing of the program is locked any more; leave the call out, or set "
			"memory.lock: none");
	return r;
}

WRAPPER int munlock(const void *start, size_t len) {
	__typeof__(&munlock) next = NEXT(NEXT_MUNLOCK, munlock);
	const struct init *i;
	int r;

	if (!next)
		return -1;
	r = next(start, len);
	if (r == 0 && len && (i = locked()))
		event_send(i, "munlock", 0, CALL_SITE(),
			"%zu bytes aren't locked any more: their pages may be taken away and fault "
			"when they're used again",
			len);
	return r;
}

WRAPPER int malloc_trim(size_t pad) {
	__typeof__(&malloc_trim) next = NEXT(NEXT_MALLOC_TRIM, malloc_trim);
	const struct init *i;
	int released;

	if (!next)
		return 0;
	released = next(pad);
	i = guard_in_force();
	if (released && i && i->order.heap_prealloc_bytes)
		event_send(i, "malloc_trim", 0, CALL_SITE(),
			"free heap was given back to the kernel, of memory.heap.prealloc too: what is "
			"allocated anew is made present anew");
	return released;
}

/* What this prctl() takes away; NULL = nothing. */
static const char *lost_by_prctl(const struct init *i, int option, unsigned long value) {
	if (option == PR_SET_DUMPABLE && value == 1 && i->order.non_dumpable)
		return "the program can dump core again where kernel.core_pattern is a pipe, though "
		       "limits.core is 0";
	if (option == PR_SET_THP_DISABLE && value == 0 && i->report.thp_disabled)
		return "transparent huge pages are back, though memory.thp is off: the kernel may "
		       "merge and move this program's pages";
	return NULL;
}

/* Like the C library's own: four words, however many the option has. */
WRAPPER int prctl(int option, ...) {
	__typeof__(&prctl) next = NEXT(NEXT_PRCTL, prctl);
	const struct init *i;
	unsigned long a[4];
	const char *lost;
	va_list ap;
	int r;

	va_start(ap, option);
	for (size_t n = 0; n < 4; n++)
		a[n] = va_arg(ap, unsigned long);
	va_end(ap);
	if (!next)
		return -1;
	r = next(option, a[0], a[1], a[2], a[3]);
	if (r < 0 || (option != PR_SET_DUMPABLE && option != PR_SET_THP_DISABLE) ||
		!(i = guard_in_force()))
		return r;
	lost = lost_by_prctl(i, option, a[0]);
	if (lost)
		event_send(i, "prctl", 0, CALL_SITE(), "%s", lost);
	return r;
}
