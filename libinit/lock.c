/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock by mode, and the proof that it holds. mlockall() having returned 0 proves little: a process
 * under a finite limit may be refused its very next thread, and the vdso is covered by no lock at all.
 */
#include <elf.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "libinit/init.h"
#include "libinit/prefault.h"

/* vdso and vvar, which the kernel never locks: 32 kB on x86-64, up to 64 kB where pages are larger or
 * the kernel keeps more clocks. Any real mapping that escaped is larger, or shows as a fault later. */
#define NEVER_LOCKED_BYTES (128u << 10)
#define MINCORE_PAGES	   4096u /* one piece: 16 MiB of 4K pages */

int lock_all(struct init *i, int flags) {
	struct proc_status s = { 0 };
	int error;

	if (mlockall(flags) == 0)
		return 0;
	error = errno;
	(void)proc_status_read(&s);
	return init_problem_diagnosed(i, "mlockall", error, s.size_bytes - s.locked_bytes);
}

/* Only what is there: the heap is mapped next, and populated faster than a lock would do it. */
int lock_memory(struct init *i) {
	return i->order.lock == INIT_LOCK_NONE ? 0 : lock_all(i, MCL_CURRENT);
}

int lock_future(struct init *i) {
	switch (i->order.lock) {
	case INIT_LOCK_STRICT:
		/* without MCL_CURRENT it walks no page; lock_verify() sees what escaped */
		return lock_all(i, MCL_FUTURE);
	case INIT_LOCK_ONFAULT:
		return lock_all(i, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	case INIT_LOCK_BALANCED:
	case INIT_LOCK_NONE:
		break;
	}
	return 0;
}

int make_present(struct init *i, char *start, size_t len) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *first = start + (page - (uintptr_t)start % page) % page;
	char *end = start + len - (uintptr_t)(start + len) % page;

	if (end <= first)
		return 0;
	if (i->order.lock == INIT_LOCK_BALANCED)
		return mlock(first, (size_t)(end - first)) < 0 ? -errno : 0;
	return prefault_range(i, first, (size_t)(end - first), 0);
}

size_t missing_bytes(const char *start, size_t len) {
	static unsigned char present[MINCORE_PAGES];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t first = ((uintptr_t)start + page - 1) / page;
	size_t end = ((uintptr_t)start + len) / page;
	size_t missing = 0;

	for (size_t at = first; at < end; at += MINCORE_PAGES) {
		size_t n = end - at < MINCORE_PAGES ? end - at : MINCORE_PAGES;

		if (mincore((void *)(at * page), n * page, present) < 0) /* NOLINT: page number */
			return len;
		for (size_t p = 0; p < n; p++)
			missing += (present[p] & 1) ? 0 : page;
	}
	return missing;
}

/* ---- vdso -------------------------------------------------------------------------------------- */

/* The code pages, by reading them; its image is one loadable segment. */
static void touch_vdso_image(void) {
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address */
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)(const void *)image;
	const Elf64_Phdr *p;

	if (!image || e->e_ident[EI_CLASS] != ELFCLASS64)
		return;
	p = (const Elf64_Phdr *)(const void *)(image + e->e_phoff);
	for (unsigned n = 0; n < e->e_phnum; n++)
		for (size_t at = 0; p[n].p_type == PT_LOAD && at < p[n].p_memsz; at += 4096)
			(void)*(const volatile char *)(image + at);
}

/* Clocks are read without a system call from pages that no lock covers and the first use maps. */
int vdso_touch(struct init *i) {
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
		CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };
	struct timespec t;
	struct timeval tv;
	unsigned cpu, node;

	for (size_t c = 0; c < ARRAY_LEN(clocks); c++) {
		(void)clock_gettime(clocks[c], &t);
		(void)clock_getres(clocks[c], &t);
	}
	(void)gettimeofday(&tv, NULL);
	(void)time(NULL);
	(void)getcpu(&cpu, &node);
	touch_vdso_image();
	return 0;
}

/* ---- proof ------------------------------------------------------------------------------------- */

/* Under a finite limit and without the capability, the next thread must still fit. */
static int verify_headroom(struct init *i, const struct proc_status *s) {
	uint64_t thread = i->report.thread_stack_bytes + (uint64_t)sysconf(_SC_PAGESIZE);
	struct rlimit limit;

	if (i->order.lock != INIT_LOCK_STRICT || (s->capabilities >> CAP_IPC_LOCK & 1) ||
		getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
		s->locked_bytes + thread <= limit.rlim_cur)
		return 0;
	return init_problem_diagnosed(i, "memlock", ENOMEM, thread);
}

static int verify_main_stack(struct init *i) {
	size_t missing;

	if (!i->main_stack_len)
		return 0;
	if (missing_bytes(i->main_stack_low, i->main_stack_len) == 0)
		return 0;
	(void)make_present(i, i->main_stack_low, i->main_stack_len);
	missing = missing_bytes(i->main_stack_low, i->main_stack_len);
	return missing ? init_problem_diagnosed(i, "main-stack", ENOMEM, missing) : 0;
}

/* Stacks of helpers and what an allocator mapped beside its heap came between the two locks. */
static int read_status(struct init *i, struct proc_status *ret) {
	int r = proc_status_read(ret);

	if (r < 0 || i->order.lock != INIT_LOCK_STRICT ||
		proc_unlocked_bytes(ret) <= NEVER_LOCKED_BYTES)
		return r;
	r = lock_all(i, MCL_CURRENT | MCL_FUTURE);
	return r < 0 ? r : proc_status_read(ret);
}

int lock_verify(struct init *i) {
	struct proc_status s;
	int r = verify_main_stack(i);

	if (r < 0 || i->order.lock == INIT_LOCK_NONE)
		return r;
	r = read_status(i, &s);
	if (r < 0)
		return init_problem(i, "verify", r, "/proc/self/status: %s; is /proc mounted?",
			strerrordesc_np(-r));
	i->report.locked_bytes = s.locked_bytes;
	i->report.size_bytes = s.size_bytes;
	i->report.unlocked_bytes = proc_unlocked_bytes(&s);
	if (i->report.unlocked_bytes > NEVER_LOCKED_BYTES && i->order.lock != INIT_LOCK_BALANCED)
		return init_problem(i, "verify", EAGAIN,
			"mlockall() succeeded, but %llu bytes of %llu aren't locked: the program maps "
			"device memory, or a library before this one called munlockall()",
			(unsigned long long)i->report.unlocked_bytes,
			(unsigned long long)s.size_bytes);
	return verify_headroom(i, &s);
}
