/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init-fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

struct init_order strict_order(void) {
	return (struct init_order){
		.lock = INIT_LOCK_STRICT,
		.arenas = 1,
		.thread_stack_bytes = 256u << 10,
		.report_fd = FIXTURE_REPORT_FD,
	};
}

const struct report *assert_prepared(const struct outcome *o) {
	const struct report *r = find_report(o, REPORT_INIT);

	if (!r) {
		const struct report *other = o->n_reports ? &o->reports[0] : NULL;

		fail_msg("status %d, %s, %s", o->status, other ? other->text : "no report", o->err);
	}
	assert_string_equal(r->text, "");
	assert_string_equal(r->step, "");
	return r;
}

/* Workers need the kernel's leave to count their own faults. */
void assert_counted(const struct outcome *o) {
	if (o->status == 77)
		skip();
	assert_started(o);
}

void run_workers(const struct init_order *order, const char *threads, const char *mib,
	const char *mode, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	add_protection(&p, fixture_library(), order);
	add_command(&p, fixture_program("workers"), threads, mib, "25", mode, NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_counted(o);
	assert_prepared(o);
	assert_int_equal(output_number(o, "failed"), 0);
}

void as_nobody(struct plan *p, uint64_t memlock_bytes) {
	add_step(p, STEP_RLIMIT, NULL, RLIMIT_MEMLOCK, (int64_t)memlock_bytes,
		(int64_t)memlock_bytes);
	add_step(p, STEP_GROUPS, NULL, NOBODY, 0, 0);
	add_step(p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(p, STEP_CAPABILITIES, NULL, 0, 0, 0);
}
