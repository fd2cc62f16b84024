/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads with stacks of their own, on the real kernel. */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/librtmem/support.h"

struct seen {
	char name[16];
	int policy, priority;
	cpu_set_t cpus;
	size_t stack_bytes;
	sigset_t blocked;
	uint64_t faults;
	int source;
};

static __attribute__((noinline)) void use_stack(size_t bytes) {
	char *frame = alloca(bytes);

	touch(frame, bytes);
}

/* All but what the C library and this function need of it. */
static void *look_around(void *userdata) {
	struct seen *s = userdata;
	struct rtmem_fault_count before, after;
	struct sched_param param;
	pthread_attr_t attr;
	void *low;

	prctl(PR_GET_NAME, s->name, 0, 0, 0);
	pthread_getschedparam(pthread_self(), &s->policy, &param);
	s->priority = param.sched_priority;
	pthread_getaffinity_np(pthread_self(), sizeof(s->cpus), &s->cpus);
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &s->stack_bytes);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_BLOCK, NULL, &s->blocked);
	rtmem_faults(&before);
	use_stack(s->stack_bytes - (16 << 10));
	rtmem_faults(&after);
	s->faults = after.minor + after.major - before.minor - before.major;
	s->source = after.source;
	return s;
}

static struct seen run(const struct rtmem_thread_attributes *a, int wanted) {
	struct rtmem_thread *t = NULL;
	struct seen s = { .policy = -1 };
	void *value = NULL;

	assert_int_equal(rtmem_thread_create(&t, a, look_around, &s), wanted);
	assert_int_equal(rtmem_thread_join(t, &value), 0);
	assert_ptr_equal(value, &s);
	return s;
}

static int expected(size_t bytes) {
	return may_lock(bytes) ? RTMEM_LOCKED : RTMEM_PRESENT;
}

static void an_ordinary_thread_has_its_whole_stack_from_the_start(void **state) {
	struct seen s = run(NULL, expected((size_t)256 << 10));

	assert_int_equal(s.stack_bytes, 256 << 10);
	assert_int_equal(s.policy, SCHED_OTHER);
	assert_int_equal(s.faults, 0);
	assert_int_not_equal(s.source, RTMEM_FAULTS_UNKNOWN);
}

static void a_stack_has_the_size_that_was_asked_for(void **state) {
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	struct seen s;

	a.stack_bytes = ((size_t)3 << 20) + 1;
	s = run(&a, expected(a.stack_bytes));
	assert_int_equal(s.stack_bytes, ((size_t)3 << 20) + 4096);
	assert_int_equal(s.faults, 0);
	a.stack_bytes = 1; /* the C library's least */
	assert_true(run(&a, expected(16384)).stack_bytes >= 16384);
}

static void name_priority_and_cpus_are_those_of_the_attributes(void **state) {
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	cpu_set_t all, one;
	struct seen s;

	if (!may_run_in_real_time())
		skip();
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	a.name = "fifteen-letters";
	a.policy = SCHED_RR;
	a.priority = 7;
	a.cpus = &one;
	a.cpus_bytes = sizeof(one);
	s = run(&a, expected((size_t)256 << 10));
	assert_string_equal(s.name, "fifteen-letters");
	assert_int_equal(s.policy, SCHED_RR);
	assert_int_equal(s.priority, 7);
	assert_true(CPU_EQUAL(&s.cpus, &one));
}

static void the_creators_policy_isnt_inherited(void **state) {
	const struct sched_param fifo = { .sched_priority = 20 }, other = { 0 };
	struct seen s;

	if (!may_run_in_real_time())
		skip();
	assert_int_equal(sched_setscheduler(0, SCHED_FIFO, &fifo), 0);
	s = run(NULL, expected((size_t)256 << 10));
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &other), 0);
	assert_int_equal(s.policy, SCHED_OTHER);
}

static void signals_go_to_other_threads(void **state) {
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	struct seen s = run(NULL, expected((size_t)256 << 10));
	sigset_t mine;

	assert_true(sigismember(&s.blocked, SIGTERM));
	assert_true(sigismember(&s.blocked, SIGRTMIN));
	assert_false(sigismember(&s.blocked, SIGSEGV));
	pthread_sigmask(SIG_BLOCK, NULL, &mine);
	assert_false(sigismember(&mine, SIGTERM));
	a.flags = RTMEM_THREAD_KEEP_SIGNALS;
	s = run(&a, expected((size_t)256 << 10));
	assert_false(sigismember(&s.blocked, SIGTERM));
}

static void attributes_that_make_no_sense_are_refused(void **state) {
	struct rtmem_thread *t = NULL;
	struct rtmem_thread_attributes a[8];

	memset(a, 0, sizeof(a));
	a[0].name = "sixteen-letters-";
	a[1].flags = 0x80;
	a[2].reserved[3] = 1;
	a[3].policy = SCHED_FIFO; /* without a priority */
	a[4].policy = 99;
	a[5].cpus = a; /* without a size */
	a[6].stack_bytes = SIZE_MAX;
	a[7].priority = 5; /* of an ordinary thread */
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
		assert_int_equal(rtmem_thread_create(&t, &a[i], look_around, NULL), -EINVAL);
		assert_null(t);
	}
	assert_int_equal(rtmem_thread_create(&t, NULL, NULL, NULL), -EINVAL);
	a[6].stack_bytes = (size_t)1 << 46;
	assert_int_equal(rtmem_thread_create(&t, &a[6], look_around, NULL), -ENOMEM);
}

static void join_gives_all_of_it_back(void **state) {
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	size_t before;

	a.stack_bytes = (size_t)1 << 20;
	(void)run(&a, expected(a.stack_bytes));
	before = status_bytes("VmSize");
	for (int i = 0; i < 20; i++)
		(void)run(&a, expected(a.stack_bytes));
	assert_int_equal(status_bytes("VmSize"), before);
}

static void *join_self(void *userdata) {
	struct rtmem_thread **t = userdata;

	while (!__atomic_load_n(t, __ATOMIC_ACQUIRE))
		sched_yield();
	return (void *)(intptr_t)rtmem_thread_join(*t, NULL); /* NOLINT: a number */
}

static void a_thread_cant_join_itself(void **state) {
	struct rtmem_thread *t = NULL, *made = NULL;
	void *value = NULL;

	assert_true(rtmem_thread_create(&made, NULL, join_self, &t) >= 0);
	__atomic_store_n(&t, made, __ATOMIC_RELEASE);
	assert_int_equal(rtmem_thread_join(made, &value), 0);
	assert_int_equal((intptr_t)value, -EDEADLK);
}

static void *overrun(void *userdata) {
	pthread_attr_t attr;
	size_t size;
	void *low;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &size);
	((volatile char *)low)[-1] = 1;
	_exit(0);
}

static void below_the_stack_is_a_guard(void **state) {
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rtmem_thread *t;

		signal(SIGSEGV, SIG_DFL);
		if (rtmem_thread_create(&t, NULL, overrun, NULL) < 0)
			_exit(1);
		rtmem_thread_join(t, NULL);
		_exit(2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_thread_has_its_whole_stack_from_the_start),
		cmocka_unit_test(a_stack_has_the_size_that_was_asked_for),
		cmocka_unit_test(name_priority_and_cpus_are_those_of_the_attributes),
		cmocka_unit_test(the_creators_policy_isnt_inherited),
		cmocka_unit_test(signals_go_to_other_threads),
		cmocka_unit_test(attributes_that_make_no_sense_are_refused),
		cmocka_unit_test(join_gives_all_of_it_back),
		cmocka_unit_test(a_thread_cant_join_itself),
		cmocka_unit_test(below_the_stack_is_a_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
