/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mappings, stacks and children, of this very process: where they lie, and how deep they were used. */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "host/mapping.h"
#include "host/process.h"
#include "host/stack.h"

#define KIB	    1024ull
#define STACK_BYTES (256 * KIB)

static uint64_t number(const void *p) {
	return (uint64_t)(uintptr_t)p;
}

/* ---- mappings ---------------------------------------------------------------------------------- */

static void a_line_of_the_list_is_taken_apart(void **state) {
	struct mapping m;

	assert_int_equal(mapping_parse("7f01a000-7f01c000 rw-p 00000000 00:00 0 [heap]", &m), 0);
	assert_int_equal(m.start, 0x7f01a000);
	assert_int_equal(m.end, 0x7f01c000);
	assert_true(m.readable && m.writable && m.anonymous);
	assert_int_equal(mapping_parse("1000-2000 r--s 0 08:01 77 /a file", &m), 0);
	assert_false(m.anonymous);
	assert_int_equal(mapping_parse("1000-2000 ---p 0 0:0 0", &m), 0);
	assert_false(m.readable || m.writable);
}

static void what_is_no_line_is_refused(void **state) {
	static const char *const texts[] = { "", "\n", "7f01a000", "7f01a000-", "zz-ff rw-p",
		"2000-1000 rw-p", "1000-1000 rw-p", "1000-2000" };
	struct mapping m;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (mapping_parse(texts[i], &m) != -EBADMSG)
			fail_msg("taken: %s", texts[i]);
}

static void an_address_is_found_in_its_mapping_alone(void **state) {
	_cleanup_close_ int maps = mapping_open(getpid());
	char *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mapping m;

	assert_true(maps >= 0);
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mapping_find(maps, number(p + 5000), &m), 0);
	assert_int_equal(m.start, number(p + 4096));
	assert_int_equal(m.end, number(p + 2 * 4096));
	assert_true(m.writable);
	assert_int_equal(munmap(p + 4096, 4096), 0);
	assert_int_equal(mapping_find(maps, number(p + 5000), &m), -ENOENT);
	assert_int_equal(mapping_find(maps, 0, &m), -ENOENT);
	assert_int_equal(munmap(p, 4096), 0);
	assert_int_equal(munmap(p + 2 * 4096, 4096), 0);
}

/* ---- stacks ------------------------------------------------------------------------------------ */

struct guest {
	pthread_t thread;
	pthread_barrier_t stands; /* it has gone down */
	pthread_barrier_t leave;
	size_t depth_bytes;
	pid_t tid;
};

static __attribute__((noinline)) void go_down(size_t bytes) {
	char *frame = alloca(bytes);

	memset(frame, 1, bytes);
	__asm__ volatile("" : : "r"(frame) : "memory");
}

static void *stand(void *userdata) {
	struct guest *g = userdata;

	g->tid = (pid_t)syscall(SYS_gettid);
	if (g->depth_bytes)
		go_down(g->depth_bytes);
	pthread_barrier_wait(&g->stands);
	pthread_barrier_wait(&g->leave);
	return NULL;
}

static void guest_start(struct guest *g, size_t depth_bytes, void *own_stack) {
	pthread_attr_t attr;

	*g = (struct guest){ .depth_bytes = depth_bytes };
	assert_int_equal(pthread_barrier_init(&g->stands, NULL, 2), 0);
	assert_int_equal(pthread_barrier_init(&g->leave, NULL, 2), 0);
	assert_int_equal(pthread_attr_init(&attr), 0);
	if (own_stack)
		assert_int_equal(pthread_attr_setstack(&attr, own_stack, STACK_BYTES), 0);
	else
		assert_int_equal(pthread_attr_setstacksize(&attr, STACK_BYTES), 0);
	assert_int_equal(pthread_create(&g->thread, &attr, stand, g), 0);
	pthread_attr_destroy(&attr);
	pthread_barrier_wait(&g->stands);
}

static void guest_leave(struct guest *g) {
	pthread_barrier_wait(&g->leave);
	assert_int_equal(pthread_join(g->thread, NULL), 0);
	pthread_barrier_destroy(&g->stands);
	pthread_barrier_destroy(&g->leave);
}

/* Bytes used of the stack that was found, -errno when none was. */
static int64_t depth(pid_t tid, struct stack_range *ret) {
	_cleanup_close_ int maps = mapping_open(getpid()), pages = stack_open_pages(getpid());
	uint64_t address = 0;
	size_t budget = SIZE_MAX;
	int r = stack_find(getpid(), tid, maps, ret);

	if (r == 0)
		r = stack_scan(getpid(), pages, ret->start, ret->end, &budget, &address);
	return r < 0 ? r : (int64_t)(ret->end - address);
}

/* Whoever serves the file would decide how long a look takes. */
static void a_stack_in_a_file_is_never_read(void **state) {
	char *block = mmap(NULL, STACK_BYTES + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_cleanup_close_ int fd = memfd_create("stack", MFD_CLOEXEC);
	struct stack_range range;
	struct guest g;

	assert_true(block != MAP_FAILED);
	assert_int_equal(ftruncate(fd, STACK_BYTES), 0);
	assert_true(mmap(block + 4096, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			    fd, 0) != MAP_FAILED);
	guest_start(&g, 64 * KIB, block + 4096);
	assert_int_equal(depth(g.tid, &range), -ENOENT);
	guest_leave(&g);
	assert_int_equal(munmap(block, STACK_BYTES + 4096), 0);
}

static void a_threads_stack_has_its_size_and_depth(void **state) {
	struct stack_range range;
	struct guest g;
	int64_t used;

	guest_start(&g, 100 * KIB, NULL);
	used = depth(g.tid, &range);
	assert_int_equal(range.end - range.start, STACK_BYTES);
	assert_in_range(used, 100 * KIB, 120 * KIB);
	guest_leave(&g);
}

static void the_main_stack_is_found_too(void **state) {
	struct stack_range range;
	char here;

	go_down(64 * KIB);
	assert_true(depth(getpid(), &range) >= (int64_t)(64 * KIB));
	assert_in_range(number(&here), range.start, range.end);
}

static void memory_of_the_programs_own_is_no_stack(void **state) {
	char *own = mmap(
		NULL, 4 * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stack_range range;
	struct guest g;

	assert_true(own != MAP_FAILED);
	assert_int_equal(munmap(own, 4096), 0); /* nothing, not even a guard, lies below */
	guest_start(&g, 0, own + STACK_BYTES);
	assert_int_equal(depth(g.tid, &range), -ENOENT);
	guest_leave(&g);
	assert_int_equal(munmap(own + 4096, 4 * STACK_BYTES - 4096), 0);
}

static void pages_that_are_not_there_stay_so(void **state) {
	const size_t size = 64 * 4096;
	_cleanup_close_ int pages = stack_open_pages(getpid());
	unsigned char *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char present[64];
	size_t budget = SIZE_MAX, n = 0;
	uint64_t address;

	assert_true(p != MAP_FAILED);
	p[40 * 4096 + 123] = 7;
	assert_int_equal(
		stack_scan(getpid(), pages, number(p), number(p) + size, &budget, &address), 1);
	assert_int_equal(address, number(p) + 40 * 4096 + 123);
	p[40 * 4096 + 123] = 0;
	assert_int_equal(
		stack_scan(getpid(), pages, number(p), number(p) + size, &budget, &address), 0);
	assert_int_equal(address, number(p) + size);
	assert_int_equal(mincore(p, size, present), 0);
	for (size_t i = 0; i < sizeof(present); i++)
		n += present[i] & 1;
	assert_int_equal(n, 1);
	assert_int_equal(munmap(p, size), 0);
}

static void a_budget_ends_the_search_and_it_goes_on_from_there(void **state) {
	const size_t size = 64 * 4096;
	_cleanup_close_ int pages = stack_open_pages(getpid());
	unsigned char *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at = number(p), found = 0;
	int r = 0;

	assert_true(p != MAP_FAILED);
	p[size - 1] = 1;
	for (int round = 0; r == 0 && round < 64; round++) {
		size_t budget = 4096;

		r = stack_scan(getpid(), pages, at, number(p) + size, &budget, &found);
		assert_int_equal(budget, 0);
		assert_true(found > at);
		at = found;
	}
	assert_int_equal(r, 1);
	assert_int_equal(found, number(p) + size - 1);
	assert_int_equal(munmap(p, size), 0);
}

static void a_process_that_is_gone_is_an_error_not_a_crash(void **state) {
	struct stack_range range;
	size_t budget = 4096;
	uint64_t address;

	assert_true(mapping_open(INT32_MAX) < 0);
	assert_true(stack_open_pages(INT32_MAX) < 0);
	assert_true(stack_find(INT32_MAX, INT32_MAX, -1, &range) < 0);
	assert_true(stack_scan(INT32_MAX, -1, 0x1000, 0x2000, &budget, &address) < 0);
}

/* ---- children ---------------------------------------------------------------------------------- */

static int count(pid_t child, void *userdata) {
	pid_t *pids = userdata;

	while (*pids != 0 && *pids != child)
		pids++;
	*pids = -1;
	return 0;
}

static void children_are_found(void **state) {
	pid_t children[3] = { 0 };

	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			for (;;)
				pause();
	}
	pid_t left[4] = { children[0], children[1], 0 };

	assert_int_equal(process_children(getpid(), count, left), 0);
	assert_int_equal(left[0], -1);
	assert_int_equal(left[1], -1);
	assert_int_equal(left[2], 0); /* and no other */
	for (int i = 0; i < 2; i++) {
		(void)kill(children[i], SIGKILL);
		assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_the_list_is_taken_apart),
		cmocka_unit_test(what_is_no_line_is_refused),
		cmocka_unit_test(an_address_is_found_in_its_mapping_alone),
		cmocka_unit_test(a_stack_in_a_file_is_never_read),
		cmocka_unit_test(a_threads_stack_has_its_size_and_depth),
		cmocka_unit_test(the_main_stack_is_found_too),
		cmocka_unit_test(memory_of_the_programs_own_is_no_stack),
		cmocka_unit_test(pages_that_are_not_there_stay_so),
		cmocka_unit_test(a_budget_ends_the_search_and_it_goes_on_from_there),
		cmocka_unit_test(a_process_that_is_gone_is_an_error_not_a_crash),
		cmocka_unit_test(children_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
