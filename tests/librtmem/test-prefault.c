/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory and stacks made present and locked, on the real kernel. */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/librtmem/support.h"

#define LEN ((size_t)5 << 20)

static uint64_t faults(void) {
	struct rtmem_fault_count c;

	assert_int_equal(rtmem_faults(&c), 0);
	return c.minor + c.major;
}

static int expected(size_t bytes) {
	return may_lock(bytes) ? RTMEM_LOCKED : RTMEM_PRESENT;
}

static void a_range_becomes_present_locked_and_keeps_its_contents(void **state) {
	int wanted = expected(LEN);
	char *p = fresh(LEN);
	size_t before = status_bytes("VmLck");
	uint64_t n;

	strcpy(p + 4096, "kept");
	assert_int_equal(rtmem_prefault(p, LEN), wanted);
	assert_int_equal(absent_bytes(p, LEN), 0);
	assert_string_equal(p + 4096, "kept");
	if (wanted == RTMEM_LOCKED)
		assert_int_equal(status_bytes("VmLck") - before, LEN);
	n = faults();
	touch(p, LEN);
	assert_int_equal(faults() - n, 0);
	munmap(p, LEN);
}

static void a_range_is_rounded_to_the_pages_that_it_touches(void **state) {
	char *p = fresh(LEN);

	assert_true(rtmem_prefault(p + 4095, 2) >= 0);
	assert_int_equal(absent_bytes(p, 8192), 0);
	assert_int_equal(absent_bytes(p + 8192, 4096), 4096);
	assert_int_equal(rtmem_prefault(p, 0), RTMEM_LOCKED);
	munmap(p, LEN);
}

static void memory_that_can_only_be_read_is_present_too(void **state) {
	char *p = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_true(rtmem_prefault(p, LEN) >= 0);
	assert_int_equal(absent_bytes(p, LEN), 0);
	munmap(p, LEN);
}

static void a_range_that_isnt_there_is_an_error(void **state) {
	char *p = fresh(LEN);

	munmap(p + 4096, 4096);
	assert_int_equal(rtmem_prefault(p, LEN), -ENOMEM);
	assert_int_equal(rtmem_prefault((void *)(UINTPTR_MAX - 4096), 16384), -EINVAL);
	assert_int_equal(rtmem_prefault(p, SIZE_MAX), -EINVAL);
	munmap(p, LEN);
}

static void a_file_that_is_too_short_is_an_error(void **state) {
	int fd = memfd_create("short", MFD_CLOEXEC);
	char *p;

	assert_int_equal(ftruncate(fd, 4096), 0);
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	assert_int_equal(rtmem_prefault(p, LEN), -EFAULT);
	assert_true(rtmem_prefault(p, 4096) >= 0);
	munmap(p, LEN);
	close(fd);
}

static void *nothing(void *userdata) {
	return userdata;
}

static bool all_is_present_only(void) {
	struct rtmem_thread *t = NULL;
	struct rtmem_pool *pool = NULL;
	char *p = fresh(LEN);

	return rtmem_prefault(p, LEN) == RTMEM_PRESENT && absent_bytes(p, LEN) == 0 &&
		rtmem_prefault_stack((size_t)64 << 10) == RTMEM_PRESENT &&
		rtmem_pool_new(&pool, 64, 64, 0) == RTMEM_PRESENT && rtmem_pool_get(pool) &&
		rtmem_thread_create(&t, NULL, nothing, NULL) == RTMEM_PRESENT &&
		rtmem_thread_join(t, NULL) == 0;
}

static void without_the_right_to_lock_memory_is_present(void **state) {
	pid_t child = fork();
	int status;

	if (child == 0) {
		const struct rlimit none = { 0, 0 };

		_exit(setrlimit(RLIMIT_MEMLOCK, &none) == 0 &&
					(geteuid() != 0 || setuid(65534) == 0) &&
					all_is_present_only()
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- stacks ------------------------------------------------------------------------------------ */

static __attribute__((noinline)) uint64_t faults_of_depth(size_t bytes) {
	uint64_t n = faults();
	char *frame = alloca(bytes);

	touch(frame, bytes);
	return faults() - n;
}

static void the_main_stack_grows_once(void **state) {
	assert_true(faults_of_depth((size_t)256 << 10) > 0); /* so this test can fail */
	assert_true(rtmem_prefault_stack((size_t)2 << 20) >= 0);
	assert_int_equal(faults_of_depth(((size_t)2 << 20) - 8192), 0);
}

static void *deep_thread(void *userdata) {
	(void)rtmem_prepare();
	assert_int_equal(rtmem_prefault_stack((size_t)64 << 20), -ENOMEM);
	assert_true(faults_of_depth((size_t)64 << 10) > 0);
	assert_true(rtmem_prefault_stack((size_t)512 << 10) >= 0);
	assert_int_equal(faults_of_depth(((size_t)512 << 10) - 8192), 0);
	return NULL;
}

static void a_threads_stack_becomes_present(void **state) {
	pthread_attr_t attr;
	pthread_t t;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)1 << 20), 0);
	assert_int_equal(pthread_create(&t, &attr, deep_thread, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void a_stack_that_cant_be_so_deep_is_an_error_and_no_crash(void **state) {
	struct rlimit limit;
	pid_t child;
	int status;

	assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
	if (limit.rlim_cur == RLIM_INFINITY)
		skip();
	assert_int_equal(rtmem_prefault_stack(limit.rlim_cur), -ENOMEM);
	assert_int_equal(rtmem_prefault_stack(SIZE_MAX), -ENOMEM);
	child = fork();
	if (child == 0) { /* the limit would allow it, the size of the process doesn't */
		struct rlimit size = { status_bytes("VmSize") + (256 << 10), RLIM_INFINITY };

		_exit(setrlimit(RLIMIT_AS, &size) == 0 &&
					rtmem_prefault_stack((size_t)4 << 20) == -ENOMEM
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_becomes_present_locked_and_keeps_its_contents),
		cmocka_unit_test(a_range_is_rounded_to_the_pages_that_it_touches),
		cmocka_unit_test(memory_that_can_only_be_read_is_present_too),
		cmocka_unit_test(a_range_that_isnt_there_is_an_error),
		cmocka_unit_test(a_file_that_is_too_short_is_an_error),
		cmocka_unit_test(without_the_right_to_lock_memory_is_present),
		cmocka_unit_test(the_main_stack_grows_once),
		cmocka_unit_test(a_threads_stack_becomes_present),
		cmocka_unit_test(a_stack_that_cant_be_so_deep_is_an_error_and_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
