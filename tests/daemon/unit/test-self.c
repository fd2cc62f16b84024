/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one line that a service manager shows of rtmemd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/self.h"
#include "house.h"

static const char five[] = "version: 1\n"
			   "processes:\n"
			   "  a: { command: [/bin/a] }\n"
			   "  b: { command: [/bin/b] }\n"
			   "  c: { command: [/bin/c] }\n"
			   "  d: { command: [/bin/d] }\n"
			   "  e: { command: [/bin/e] }\n";

static void expect_line(const struct house *h, const char *text) {
	char buf[256];

	assert_string_equal(self_describe(&h->manager, buf, sizeof(buf)), text);
}

static void set_compliance(struct house *h, size_t i, enum compliance c) {
	h->manager.processes[i]->state = PROCESS_RUNNING;
	h->manager.processes[i]->compliance = c;
}

static void give_finding(struct house *h, size_t i, const char *rule, const char *seen) {
	struct process *p = h->manager.processes[i];

	free(p->findings);
	p->findings = calloc(1, sizeof(*p->findings));
	assert_non_null(p->findings);
	p->n_findings = 1;
	snprintf(p->findings[0].rule, sizeof(p->findings[0].rule), "%s", rule);
	snprintf(p->findings[0].seen, sizeof(p->findings[0].seen), "%s", seen);
}

static void without_processes_there_are_none(void **state) {
	expect_line(*state, "0 processes");
}

static void one_process_is_not_several(void **state) {
	house_move_in(*state, "version: 1\nprocesses:\n  a: { command: [/bin/a] }\n");
	set_compliance(*state, 0, COMPLIANCE_COMPLIANT);
	expect_line(*state, "1 process: 1 compliant");
}

static void each_state_of_compliance_is_counted(void **state) {
	struct house *h = *state;

	house_move_in(h, five);
	expect_line(h, "5 processes: 5 stopped");
	for (size_t i = 0; i < 5; i++)
		set_compliance(h, i, COMPLIANCE_COMPLIANT);
	expect_line(h, "5 processes: 5 compliant");
	set_compliance(h, 1, COMPLIANCE_PENDING);
	set_compliance(h, 2, COMPLIANCE_VIOLATING);
	set_compliance(h, 3, COMPLIANCE_UNPROTECTED);
	set_compliance(h, 4, COMPLIANCE_STOPPED);
	expect_line(
		h, "5 processes: 1 compliant, 1 pending, 1 violating, 1 unprotected, 1 stopped");
}

static void the_first_finding_of_a_group_is_told(void **state) {
	struct house *h = *state;

	house_move_in(h, five);
	for (size_t i = 0; i < 5; i++)
		set_compliance(h, i, i < 2 ? COMPLIANCE_COMPLIANT : COMPLIANCE_VIOLATING);
	give_finding(h, 3, "minor_faults", "12");
	give_finding(h, 4, "lock", "1M unlocked of 2M");
	expect_line(h, "5 processes: 2 compliant, 3 violating (d: 12 minor faults)");
	give_finding(h, 3, "major_faults", "2");
	expect_line(h, "5 processes: 2 compliant, 3 violating (d: 2 major faults)");
	set_compliance(h, 3, COMPLIANCE_COMPLIANT);
	h->manager.processes[3]->n_findings = 0;
	expect_line(h, "5 processes: 3 compliant, 2 violating (e: lock: 1M unlocked of 2M)");
}

static void failed_processes_are_a_group_of_their_own(void **state) {
	struct house *h = *state;

	house_move_in(h, five);
	for (size_t i = 0; i < 4; i++)
		set_compliance(h, i, COMPLIANCE_COMPLIANT);
	h->manager.processes[4]->state = PROCESS_FAILED;
	give_finding(h, 4, "launch", "failed");
	snprintf(h->manager.processes[4]->findings[0].detail,
		sizeof(h->manager.processes[4]->findings[0].detail), "no such program");
	expect_line(h, "5 processes: 4 compliant, 1 failed (e: no such program)");
	assert_string_equal(manager_state(&h->manager), "degraded");
}

static void host_settings_that_drift_are_counted(void **state) {
	struct house *h = *state;
	struct setting_state items[] = { { .result = SETTING_DRIFT }, { .result = SETTING_OK },
		{ .result = SETTING_NOT_APPLICABLE }, { .result = SETTING_DRIFT } };

	h->manager.host = (struct settings){ items, 2 };
	expect_line(h, "0 processes; 1 host setting not as wanted");
	h->manager.host.n_items = 4;
	expect_line(h, "0 processes; 2 host settings not as wanted");
	assert_string_equal(manager_state(&h->manager), "degraded");
}

static void the_worst_process_is_the_state_of_all(void **state) {
	struct house *h = *state;

	assert_string_equal(manager_state(&h->manager), "compliant");
	house_move_in(h, five);
	for (size_t i = 0; i < 5; i++)
		set_compliance(h, i, COMPLIANCE_COMPLIANT);
	assert_string_equal(manager_state(&h->manager), "compliant");
	set_compliance(h, 0, COMPLIANCE_PENDING);
	assert_string_equal(manager_state(&h->manager), "pending");
	set_compliance(h, 1, COMPLIANCE_UNPROTECTED);
	assert_string_equal(manager_state(&h->manager), "violating");
	set_compliance(h, 1, COMPLIANCE_COMPLIANT);
	set_compliance(h, 0, COMPLIANCE_STOPPED);
	h->manager.processes[0]->state = PROCESS_BACKOFF;
	assert_string_equal(manager_state(&h->manager), "pending");
}

static void a_line_that_is_too_long_is_cut(void **state) {
	struct house *h = *state;
	char name[300], buf[64], guard;

	house_move_in(h, five);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	set_compliance(h, 0, COMPLIANCE_VIOLATING);
	give_finding(h, 0, "lock", name);
	for (size_t size = 1; size < sizeof(buf) - 1; size++) {
		memset(buf, '!', sizeof(buf));
		guard = buf[size];
		(void)self_describe(&h->manager, buf, size);
		assert_true(strlen(buf) < size);
		assert_int_equal(buf[size], guard);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(without_processes_there_are_none),
		CASE(one_process_is_not_several),
		CASE(each_state_of_compliance_is_counted),
		CASE(the_first_finding_of_a_group_is_told),
		CASE(failed_processes_are_a_group_of_their_own),
		CASE(host_settings_that_drift_are_counted),
		CASE(the_worst_process_is_the_state_of_all),
		CASE(a_line_that_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
