/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which way into a program, for each obstacle, each wish and each right of the launcher. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/capability.h"
#include "libpolicy/injection.h"

#define USER 1000

static struct process_policy strict(void) {
	return (struct process_policy){ .memory = { .lock = LOCK_STRICT }, .fork = FORK_REPORT };
}

static struct launch_facts facts(enum preflight_obstacle obstacle) {
	return (struct launch_facts){
		.capabilities_effective = CAPABILITY_BIT(CAP_SYS_PTRACE),
		.target_known = true,
		.target = { .obstacle = obstacle, .glibc = obstacle != OBSTACLE_MUSL },
		.init_library = "/usr/lib/rtmem/librtmem-init.so",
	};
}

static struct injection choose(const struct process_policy *p, const struct launch_facts *f) {
	struct injection i;

	injection_choose(p, f, &i);
	assert_true(strlen(i.why) > 0);
	return i;
}

static void assert_says(const char *text, const char *part) {
	if (!strstr(text, part))
		fail_msg("'%s' isn't in: %s", part, text);
}

static void an_ordinary_program_is_preloaded(void **state) {
	struct process_policy p = strict();
	struct launch_facts f = facts(OBSTACLE_NONE);

	assert_int_equal(choose(&p, &f).way, WAY_PRELOAD);
	f.target_known = false;
	f.target.obstacle = OBSTACLE_STATIC; /* means nothing then */
	assert_int_equal(choose(&p, &f).way, WAY_PRELOAD);
}

static void nothing_to_do_needs_no_way(void **state) {
	struct process_policy p = { .memory = { .lock = LOCK_NONE } };
	struct launch_facts f = facts(OBSTACLE_STATIC);

	assert_int_equal(choose(&p, &f).way, WAY_NOT_NEEDED);
}

static void what_takes_no_library_is_traced(void **state) {
	static const enum preflight_obstacle obstacles[] = { OBSTACLE_STATIC, OBSTACLE_MUSL,
		OBSTACLE_SETUID, OBSTACLE_SETGID, OBSTACLE_FILE_CAPABILITIES };
	struct process_policy p = strict();

	for (size_t n = 0; n < ARRAY_LEN(obstacles); n++) {
		struct launch_facts f = facts(obstacles[n]);
		struct injection i = choose(&p, &f);

		assert_int_equal(i.way, WAY_PTRACE);
		assert_says(i.why, preflight_obstacle_text(obstacles[n]));
	}
}

static void what_nobody_can_prepare_is_refused_or_unprotected(void **state) {
	static const enum preflight_obstacle obstacles[] = { OBSTACLE_SANITIZER,
		OBSTACLE_WORD_SIZE };
	struct process_policy p = strict();

	for (size_t n = 0; n < ARRAY_LEN(obstacles); n++) {
		struct launch_facts f = facts(obstacles[n]);
		struct injection i = choose(&p, &f);

		assert_int_equal(i.way, WAY_REFUSE);
		assert_says(i.why, "strict starts nothing");
		assert_says(i.why, "build");
		p.memory.lock = LOCK_ONFAULT;
		assert_int_equal(choose(&p, &f).way, WAY_NONE);
		p.inject = INJECT_PTRACE;
		assert_int_equal(choose(&p, &f).way, WAY_NONE);
		p = strict();
	}
}

static void tracing_takes_a_right(void **state) {
	struct process_policy p = strict();
	struct launch_facts f = facts(OBSTACLE_STATIC);

	f.capabilities_effective = 0;
	f.launcher_uid = f.uid = USER;
	assert_int_equal(choose(&p, &f).way, WAY_PTRACE); /* one's own program */
	f.ptrace_scope = 1;
	assert_int_equal(choose(&p, &f).way, WAY_PTRACE);
	f.ptrace_scope = 2;
	assert_says(choose(&p, &f).why, "ptrace_scope is 2");
	f.ptrace_scope = 0;
	f.uid = USER + 1;
	assert_says(choose(&p, &f).why, "another user");
	f.uid = USER;
	f.target.gains_rights = true;
	assert_says(choose(&p, &f).why, "rights of its file");
	assert_int_equal(choose(&p, &f).way, WAY_REFUSE);
	f = facts(OBSTACLE_STATIC);
	f.ptrace_scope = 3;
	assert_says(choose(&p, &f).why, "ptrace_scope is 3");
}

static void the_policy_has_the_first_word(void **state) {
	struct process_policy p = strict();
	struct launch_facts dynamic = facts(OBSTACLE_NONE), fixed = facts(OBSTACLE_STATIC);

	p.inject = INJECT_PTRACE;
	assert_int_equal(choose(&p, &dynamic).way, WAY_PTRACE);
	p.inject = INJECT_PRELOAD;
	assert_int_equal(choose(&p, &dynamic).way, WAY_PRELOAD);
	assert_int_equal(choose(&p, &fixed).way, WAY_REFUSE);
	assert_says(choose(&p, &fixed).why, "inject: auto");
	p.memory.lock = LOCK_BALANCED;
	assert_int_equal(choose(&p, &fixed).way, WAY_NONE);
	p.inject = INJECT_NONE;
	assert_int_equal(choose(&p, &dynamic).way, WAY_NONE);
	assert_says(choose(&p, &dynamic).why, "the policy says inject: none");
}

static void what_takes_the_library_is_no_promise_without_it(void **state) {
	struct process_policy p = strict();
	struct launch_facts f = facts(OBSTACLE_STATIC);

	p.fork = FORK_DENY;
	assert_int_equal(choose(&p, &f).way, WAY_REFUSE);
	assert_says(choose(&p, &f).why, "fork: deny");
	p.fork = FORK_REPORT;
	p.memory.heap.allocator = ALLOCATOR_JEMALLOC;
	assert_int_equal(choose(&p, &f).way, WAY_REFUSE);
	p.memory.lock = LOCK_ONFAULT;
	assert_int_equal(choose(&p, &f).way, WAY_NONE);
}

static bool has_note(const struct injection *i, const char *part) {
	for (unsigned n = 0; n < i->n_notes; n++)
		if (strstr(i->notes[n], part))
			return true;
	return false;
}

static void what_is_lost_is_said(void **state) {
	struct process_policy p = strict();
	struct launch_facts f = facts(OBSTACLE_STATIC);
	struct injection i = choose(&p, &f);

	assert_int_equal(i.n_notes, 0);
	p.memory.heap.prealloc_bytes = 1 << 20;
	p.memory.stack.threads_bytes = 1 << 18;
	p.memory.stack.reserve = 2;
	p.children = CHILDREN_INHERIT;
	i = choose(&p, &f);
	assert_true(has_note(&i, "top_pad"));
	assert_true(has_note(&i, "stack limit"));
	assert_true(has_note(&i, "stack.reserve can't"));
	assert_true(has_note(&i, "children: inherit can't"));
	f.target.runtime = RUNTIME_GO;
	f.target.glibc = false;
	i = choose(&p, &f);
	assert_true(has_note(&i, "memory.heap can't be applied: the heap is that of Go"));
	assert_true(has_note(&i, "Go chooses"));
	f = facts(OBSTACLE_SETUID);
	f.target.gains_rights = true;
	i = choose(&p, &f);
	assert_true(has_note(&i, "glibc ignores GLIBC_TUNABLES"));
	assert_false(injection_tunables_work(&f));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_program_is_preloaded),
		cmocka_unit_test(nothing_to_do_needs_no_way),
		cmocka_unit_test(what_takes_no_library_is_traced),
		cmocka_unit_test(what_nobody_can_prepare_is_refused_or_unprotected),
		cmocka_unit_test(tracing_takes_a_right),
		cmocka_unit_test(the_policy_has_the_first_word),
		cmocka_unit_test(what_takes_the_library_is_no_promise_without_it),
		cmocka_unit_test(what_is_lost_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
