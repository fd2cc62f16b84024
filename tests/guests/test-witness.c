/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What undoes a lock: told once it has happened, with the place, and never in its way. And the one call
 * that does what it's for although the kernel refuses it: madvise() on locked memory.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init-fixture.h"

struct row {
	enum init_lock lock;
	const char *call;
	const char *step; /* of the event; NULL: none */
	const char *consequence;
};

static const struct row rows[] = {
	{ INIT_LOCK_STRICT, "mlockall-current", "mlockall", "MCL_FUTURE" },
	{ INIT_LOCK_ONFAULT, "mlockall-current", "mlockall", "MCL_FUTURE" },
	{ INIT_LOCK_STRICT, "mlockall-onfault", "mlockall", "MCL_ONFAULT" },
	{ INIT_LOCK_STRICT, "mlockall-all", NULL, NULL },
	{ INIT_LOCK_BALANCED, "mlockall-current", NULL, NULL },
	{ INIT_LOCK_ONFAULT, "mlockall-onfault", NULL, NULL },
	{ INIT_LOCK_STRICT, "munlockall", "munlockall", "nothing of the program" },
	{ INIT_LOCK_BALANCED, "munlockall", "munlockall", "nothing of the program" },
	{ INIT_LOCK_STRICT, "munlock", "munlock", "4096 bytes" },
	{ INIT_LOCK_STRICT, "malloc_trim", "malloc_trim", "prealloc" },
	{ INIT_LOCK_STRICT, "dumpable", "prctl", "core" },
	{ INIT_LOCK_STRICT, "thp", "prctl", "memory.thp" },
	{ INIT_LOCK_STRICT, "harmless", NULL, NULL },
	{ INIT_LOCK_STRICT, "memlock", "setrlimit", "memlock limit" },
	{ INIT_LOCK_STRICT, "memlock-prlimit", "setrlimit", "memlock limit" },
	{ INIT_LOCK_STRICT, "core", "setrlimit", "core limit" },
	{ INIT_LOCK_STRICT, "nofile", NULL, NULL },
	{ INIT_LOCK_NONE, "munlockall", NULL, NULL },
};

static void run_undo(enum init_lock lock, const char *call, const char *times, struct outcome *o) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };

	order.lock = lock;
	order.heap_prealloc_bytes = 16 * MIB;
	order.non_dumpable = lock != INIT_LOCK_NONE;
	add_step(&p, STEP_THP_DISABLE, NULL, 0, 0, 0);
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("undo"), call, times, NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_started(o);
	assert_prepared(o);
}

static void what_undoes_a_lock_is_told_and_not_prevented(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct report *e;
		struct outcome o;

		run_undo(rows[i].lock, rows[i].call, "1", &o);
		assert_int_equal(output_number(&o, "result"), 0);
		e = find_report(&o, REPORT_EVENT);
		if (!rows[i].step != !e)
			fail_msg("%s: %s", rows[i].call, e ? e->text : "no event");
		if (!e)
			continue;
		assert_string_equal(e->step, rows[i].step);
		assert_says(e->text, "thread program-undo (tid ");
		assert_says(e->text, ") at program-undo+0x");
		assert_says(e->text, rows[i].consequence);
	}
}

static void a_program_that_never_stops_is_told_of_a_bounded_number_of_times(void **state) {
	struct outcome o;
	size_t events = 0;

	run_undo(INIT_LOCK_STRICT, "munlock", "1000", &o);
	for (size_t r = 0; r < o.n_reports; r++)
		events += o.reports[r].kind == REPORT_EVENT;
	assert_int_equal(events, 16);
}

/* The program's own file under the socket's number: nothing is written there. */
static void a_descriptor_that_became_the_programs_own_is_left_alone(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/usr/bin/python3", "-c",
		"import ctypes, os, socket\n"
		"libc = ctypes.CDLL(None)\n"
		"a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
		"os.dup2(a.fileno(), 200)\n"
		"print('munlockall=%d' % libc.munlockall())\n"
		"b.setblocking(False)\n"
		"try:\n"
		"    b.recv(10)\n"
		"    print('received')\n"
		"except BlockingIOError:\n"
		"    print('clean')\n",
		NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_string_equal(o.out, "munlockall=0\nclean\n");
	assert_null(find_report(&o, REPORT_EVENT));
}

static const char *const advices[] = { "middle", "part_of_a_page", "all", "stays", "free",
	"nothing", "no_access", "read_only", "pieces", "hole", "shared", "shared_free", "file",
	"unaligned", "too_long", "unknown", "untouched", "cancelled", "loader" };

static void memory_that_is_given_back_is_zeros_and_stays(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_STRICT, INIT_LOCK_ONFAULT };

	for (size_t l = 0; l < ARRAY_LEN(locks); l++) {
		struct init_order order = strict_order();
		_cleanup_plan_ struct plan p = { 0 };
		const struct report *e;
		struct outcome o;

		order.lock = locks[l];
		add_protection(&p, fixture_library(), &order);
		add_command(&p, fixture_program("advice"), NULL);
		fixture_run(&p, WITH_SOCKET, NULL, &o);
		assert_counted(&o);
		assert_prepared(&o);
		for (size_t a = 0; a < ARRAY_LEN(advices); a++)
			if (output_number(&o, advices[a]) != 1)
				fail_msg("%s: %s", advices[a], o.out);
		e = find_report(&o, REPORT_EVENT);
		assert_non_null(e);
		assert_says(e->text, " at advice-module.so+0x");
		assert_says(e->text, " (give_back): ");
		if (locks[l] == INIT_LOCK_STRICT)
			assert_int_equal(output_number(&o, "no_access_faults"), 0);
	}
}

/* Node.js compiles, collects and throws code away: each of it gives memory back. */
static void a_runtime_that_dies_of_the_refusal_lives(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_STRICT, INIT_LOCK_ONFAULT };

	if (access("/usr/bin/node", X_OK) < 0)
		skip();
	for (size_t l = 0; l < ARRAY_LEN(locks); l++) {
		struct init_order order = strict_order();
		_cleanup_plan_ struct plan p = { 0 };
		struct outcome o;

		order.lock = locks[l];
		add_protection(&p, fixture_library(), &order);
		add_command(&p, "/usr/bin/node", "--expose-gc", "-e",
			"for (let i = 0; i < 200; i++) {\n"
			"  const f = new Function('n', 'let s = ' + i + '; while (n--) s += n; return s');\n"
			"  f(20000);\n"
			"  if (i % 50 == 0) gc();\n"
			"}\n"
			"console.log('lives');",
			NULL);
		fixture_run(&p, WITH_SOCKET, NULL, &o);
		assert_started(&o);
		assert_string_equal(o.out, "lives\n");
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_undoes_a_lock_is_told_and_not_prevented),
		cmocka_unit_test(a_program_that_never_stops_is_told_of_a_bounded_number_of_times),
		cmocka_unit_test(a_descriptor_that_became_the_programs_own_is_left_alone),
		cmocka_unit_test(memory_that_is_given_back_is_zeros_and_stays),
		cmocka_unit_test(a_runtime_that_dies_of_the_refusal_lives),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
