/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rtmem-exec, the library, and whoever else has the socket say to rtmemd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/life/ready.h"
#include "daemon/watch/report.h"
#include "daemon/watch/sample.h"
#include "house.h"

static const char policy[] = "version: 1\n"
			     "processes:\n"
			     "  camera:\n"
			     "    command: [/bin/camera]\n"
			     "    memory: { lock: balanced }\n"
			     "    ready: { when: notify }\n";

static int childs_end = -1;

static int setup(void **state) {
	struct process *p;
	int pair[2];

	if (house_setup(state) < 0)
		return -1;
	house_move_in(*state, policy);
	p = house_run(*state, "camera");
	p->run->injection_wanted = true;
	assert_return_code(sample_init(p->manager), 0);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), errno);
	p->run->report_fd = pair[0];
	childs_end = pair[1];
	return 0;
}

static int teardown(void **state) {
	childs_end = close_fd(childs_end);
	return house_teardown(state);
}

static struct process *camera(void **state) {
	return ((struct house *)*state)->manager.processes[0];
}

static struct report make(enum report_kind kind, const char *step, const char *text) {
	struct report r;

	report_init(&r, kind);
	snprintf(r.step, sizeof(r.step), "%s", step);
	snprintf(r.text, sizeof(r.text), "%s", text);
	return r;
}

static void say(void **state, enum report_kind kind, const char *step, const char *text) {
	struct report r = make(kind, step, text);

	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
}

static void the_library_reports_and_the_program_runs(void **state) {
	struct process *p = camera(state);
	struct report r = make(REPORT_INIT, "", "");

	r.heap_bytes = 4096;
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(p);
	assert_non_null(p->run->report);
	assert_int_equal(p->run->report->heap_bytes, 4096);
	assert_int_equal(p->state, PROCESS_PREPARING);
}

static void only_the_first_report_counts(void **state) {
	struct report r = make(REPORT_INIT, "", "");

	say(state, REPORT_INIT_PARTIAL, "mlockall", "no permission");
	r.heap_bytes = 1u << 30;
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
	assert_int_equal(camera(state)->run->report->kind, REPORT_INIT_PARTIAL);
	assert_int_equal(camera(state)->run->report->heap_bytes, 0);
}

static void a_report_that_nobody_waits_for_is_not_believed(void **state) {
	camera(state)->run->injection_wanted = false;
	say(state, REPORT_INIT, "", "");
	assert_null(camera(state)->run->report);
	assert_int_equal(camera(state)->state, PROCESS_STARTING);
}

/* What was sent is no report: nothing changes, and the sender isn't heard any more. */
static void expect_misuse(void **state, const void *data, size_t size) {
	struct process *p = camera(state);

	assert_return_code(send(childs_end, data, size, 0), errno);
	report_drain(p);
	assert_int_equal(p->state, PROCESS_STARTING);
	assert_null(p->run->report);
	assert_null(p->run->failure);
	assert_int_equal(p->run->n_notes, 0);
	assert_int_equal(p->run->report_fd, -1);
}

static void a_packet_of_another_size_ends_the_conversation(void **state) {
	char large[sizeof(struct report) + 100];
	struct report r = make(REPORT_INIT, "", "");

	memset(large, 0, sizeof(large));
	memcpy(large, &r, sizeof(r));
	expect_misuse(state, large, sizeof(large));
}

static void a_single_byte_ends_the_conversation(void **state) {
	expect_misuse(state, "G", 1);
}

static void a_foreign_magic_ends_the_conversation(void **state) {
	struct report r = make(REPORT_INIT, "", "");

	r.magic ^= 1;
	expect_misuse(state, &r, sizeof(r));
}

static void a_library_of_another_release_is_told_from_a_misuse(void **state) {
	const struct run *run = camera(state)->run;
	struct report r = make(REPORT_INIT, "", "");

	r.version++;
	assert_return_code(send(childs_end, &r, sizeof(r) / 2, 0), errno); /* of any size */
	report_drain(camera(state));
	assert_null(run->report);
	assert_int_equal(run->report_fd, -1);
	assert_int_equal(run->n_notes, 1);
	assert_string_equal(run->notes[0].rule, "release");
}

static void an_unknown_kind_ends_the_conversation(void **state) {
	struct report r = make(REPORT_KIND_MAX, "", "");

	expect_misuse(state, &r, sizeof(r));
}

static void no_kind_ends_the_conversation(void **state) {
	struct report r = make(REPORT_INIT, "", "");

	r.kind = 0;
	expect_misuse(state, &r, sizeof(r));
}

static void text_is_made_printable_and_ends(void **state) {
	struct report r = make(REPORT_INIT_PARTIAL, "\x1b[31mred", "a\nb\xff\x07");

	memset(r.malloc_owner, 0x1b, sizeof(r.malloc_owner)); /* not terminated */
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
	assert_string_equal(camera(state)->run->report->step, "?[31mred");
	assert_string_equal(camera(state)->run->report->text, "a b??");
	assert_int_equal(
		strspn(camera(state)->run->report->malloc_owner, "?"), sizeof(r.malloc_owner) - 1);
}

static void why_the_library_can_not_be_loaded_is_kept(void **state) {
	say(state, REPORT_EXEC_NOTE, step_kind_to_string(STEP_PRELOAD), "it is a static program");
	say(state, REPORT_EXEC_NOTE, step_kind_to_string(STEP_PRELOAD), "something else");
	assert_string_equal(camera(state)->run->injection_cause, "it is a static program");
	assert_int_equal(camera(state)->run->n_notes, 1); /* nothing that was said is lost */
	assert_string_equal(camera(state)->run->notes[0].detail, "something else");
}

static void notes_are_kept_up_to_a_bound(void **state) {
	struct run *r = camera(state)->run;

	say(state, REPORT_EXEC_NOTE, "scheduler", "100% of %s %n"); /* text, never a format */
	assert_string_equal(r->notes[0].rule, "scheduler");
	assert_string_equal(r->notes[0].detail, "100% of %s %n");
	for (int i = 0; i < NOTES_MAX + 5; i++)
		say(state, REPORT_EXEC_NOTE, "scheduler", "again");
	assert_int_equal(r->n_notes, NOTES_MAX);
}

static void the_first_words_of_a_failure_are_kept(void **state) {
	say(state, REPORT_INIT_FAILED, "mlockall", "");
	say(state, REPORT_EXEC_FAILED, "execve", "no such file");
	assert_string_equal(camera(state)->run->failure, "mlockall");
}

static void a_lock_that_was_not_asked_for_is_ignored(void **state) {
	say(state, REPORT_INIT, "", "");
	say(state, REPORT_LOCKED, "", "");
	assert_int_equal(camera(state)->state, PROCESS_PREPARING);
	assert_false(camera(state)->run->ready);
}

static void the_second_lock_makes_ready(void **state) {
	say(state, REPORT_INIT, "", "");
	camera(state)->run->lock_asked = true;
	say(state, REPORT_LOCKED, "", "");
	assert_int_equal(camera(state)->state, PROCESS_RUNNING);
	assert_true(camera(state)->run->ready);
	assert_int_equal(camera(state)->run->report->kind, REPORT_INIT);
}

static void a_second_lock_that_failed_makes_the_report_partial(void **state) {
	struct report r = make(REPORT_LOCKED, "mlockall", "not enough memory");

	say(state, REPORT_INIT, "", "");
	camera(state)->run->lock_asked = true;
	r.error = ENOMEM;
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
	assert_true(camera(state)->run->ready);
	assert_int_equal(camera(state)->run->report->kind, REPORT_INIT_PARTIAL);
	assert_string_equal(camera(state)->run->report->text, "not enough memory");
	assert_int_equal(camera(state)->compliance, COMPLIANCE_VIOLATING);
}

static void a_socket_that_closes_is_let_go(void **state) {
	struct process *p = camera(state);

	childs_end = close_fd(childs_end);
	report_drain(p);
	assert_int_equal(p->run->report_fd, -1);
	assert_int_equal(p->state, PROCESS_STARTING);
	assert_int_equal(report_send_byte(p, HANDOFF_GO), -ENOTCONN);
	report_drain(p); /* and nothing happens */
}

static void a_socket_that_closes_before_the_second_lock_is_noted(void **state) {
	struct process *p = camera(state);

	say(state, REPORT_INIT, "", "");
	p->run->lock_asked = true;
	childs_end = close_fd(childs_end);
	report_drain(p);
	assert_true(p->run->ready);
	assert_int_equal(p->run->n_notes, 1);
	assert_non_null(strstr(p->run->notes[0].detail, "before the lock at ready was done"));
}

static void events_are_kept_and_judged_at_once(void **state) {
	struct process *p = camera(state);

	say(state, REPORT_INIT, "", "");
	say(state, REPORT_EVENT, "fork", "thread a (tid 1)");
	assert_int_equal(p->run->events.n_items, 1);
	assert_false(p->run->events.items[0].ready);
	p->run->lock_asked = true;
	say(state, REPORT_LOCKED, "", "");
	say(state, REPORT_EVENT, "fork", "thread b (tid 2)");
	assert_int_equal(p->run->events.n_items, 2);
	assert_int_equal(p->compliance, COMPLIANCE_VIOLATING);
	assert_int_equal(p->n_findings, 2);
	assert_string_equal(p->findings[0].rule, "stack.main"); /* the report said nothing of it */
	assert_string_equal(p->findings[1].rule, "fork");
	assert_string_equal(p->findings[1].detail, "thread b (tid 2)");
}

static void an_event_before_the_report_is_not_believed(void **state) {
	say(state, REPORT_EVENT, "fork", "thread a (tid 1)");
	assert_int_equal(camera(state)->run->events.n_items, 0);
}

static void progress_is_shown_until_the_report(void **state) {
	struct report r = make(REPORT_PROGRESS, "heap", "prefault 10 % of 8.0G");
	struct run *run = camera(state)->run;

	r.heap_bytes = 100;
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
	assert_string_equal(run->progress, "prefault 10 % of 8.0G");
	snprintf(r.text, sizeof(r.text), "prefault 5 %% of 8.0G"); /* not further than before */
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
	assert_string_equal(run->progress, "prefault 10 % of 8.0G");
	say(state, REPORT_INIT, "", "");
	assert_null(run->progress);
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(camera(state));
	assert_null(run->progress);
}

static uint64_t deadline(const struct process *p) {
	uint64_t usec = 0;

	assert_return_code(sd_event_source_get_time(p->run->ready_timer, &usec), 0);
	return usec;
}

static void progress_that_moves_is_waited_for(void **state) {
	struct report r = make(REPORT_PROGRESS, "heap", "prefault 10 % of 8.0G");
	struct process *p = camera(state);

	assert_return_code(ready_begin(p), 0);
	for (r.heap_bytes = 100; r.heap_bytes <= 200; r.heap_bytes += 100) {
		assert_return_code(sd_event_source_set_time(p->run->ready_timer, 1), 0);
		assert_return_code(report_send(childs_end, &r), 0);
		report_drain(p);
		assert_true(deadline(p) > process_now(p));
	}
	r.heap_bytes = 200; /* stands still, whatever it says */
	snprintf(r.text, sizeof(r.text), "prefault 99 %% of 8.0G");
	assert_return_code(sd_event_source_set_time(p->run->ready_timer, 1), 0);
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(p);
	assert_int_equal(deadline(p), 1);
}

static void a_lock_that_comes_late_is_answered_once(void **state) {
	struct process *p = camera(state);
	struct report r = make(REPORT_LOCKED, "", "");

	say(state, REPORT_INIT, "", "");
	p->run->lock_asked = true;
	say(state, REPORT_LOCKED, "", "");
	assert_true(p->run->relock.possible);
	r.unlocked_bytes = UINT64_MAX; /* nobody asked */
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(p);
	assert_int_equal(p->run->relock.unlocked_bytes, 0);
	relock_asked(&p->run->relock, 1);
	r.unlocked_bytes = 4096;
	assert_return_code(report_send(childs_end, &r), 0);
	report_drain(p);
	assert_false(p->run->relock.pending);
	assert_int_equal(p->run->relock.unlocked_bytes, 4096);
	childs_end = close_fd(childs_end);
	report_drain(p);
	assert_false(p->run->relock.possible);
}

static void a_flood_waits_its_turn(void **state) {
	struct report r = make(REPORT_EXEC_NOTE, "scheduler", "again"), left;
	struct process *p = camera(state);

	for (int i = 0; i < 40; i++)
		assert_return_code(report_send(childs_end, &r), 0);
	report_drain(p);
	assert_int_equal(recv(p->run->report_fd, &left, sizeof(left), MSG_DONTWAIT | MSG_PEEK),
		sizeof(left));
	report_drain(p);
	assert_int_equal(recv(p->run->report_fd, &left, sizeof(left), MSG_DONTWAIT | MSG_PEEK), -1);
}

static void a_few_packets_now_and_then_may_go_on_for_ever(void **state) {
	for (int i = 0; i < 200; i++) {
		say(state, REPORT_EXEC_NOTE, "scheduler", "again");
		camera(state)->run->packets_usec -= 1000000;
	}
	assert_true(camera(state)->run->report_fd >= 0);
}

static void an_endless_stream_of_reports_is_cut_off(void **state) {
	for (int i = 0; i < 64; i++)
		say(state, REPORT_EXEC_NOTE, "scheduler", "again");
	assert_true(camera(state)->run->report_fd >= 0);
	say(state, REPORT_EXEC_NOTE, "scheduler", "again");
	assert_int_equal(camera(state)->run->report_fd, -1);
}

static void a_byte_reaches_the_child(void **state) {
	char byte = 0;

	assert_return_code(report_send_byte(camera(state), HANDOFF_GO), 0);
	assert_int_equal(recv(childs_end, &byte, 1, MSG_DONTWAIT), 1);
	assert_int_equal(byte, HANDOFF_GO);
	childs_end = close_fd(childs_end);
	assert_int_equal(report_send_byte(camera(state), HANDOFF_GO), -EPIPE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(the_library_reports_and_the_program_runs),
		CASE(only_the_first_report_counts),
		CASE(a_report_that_nobody_waits_for_is_not_believed),
		CASE(a_packet_of_another_size_ends_the_conversation),
		CASE(a_single_byte_ends_the_conversation),
		CASE(a_foreign_magic_ends_the_conversation),
		CASE(a_library_of_another_release_is_told_from_a_misuse),
		CASE(an_unknown_kind_ends_the_conversation),
		CASE(no_kind_ends_the_conversation),
		CASE(text_is_made_printable_and_ends),
		CASE(why_the_library_can_not_be_loaded_is_kept),
		CASE(notes_are_kept_up_to_a_bound),
		CASE(the_first_words_of_a_failure_are_kept),
		CASE(a_lock_that_was_not_asked_for_is_ignored),
		CASE(the_second_lock_makes_ready),
		CASE(a_second_lock_that_failed_makes_the_report_partial),
		CASE(a_socket_that_closes_is_let_go),
		CASE(a_socket_that_closes_before_the_second_lock_is_noted),
		CASE(events_are_kept_and_judged_at_once),
		CASE(an_event_before_the_report_is_not_believed),
		CASE(progress_is_shown_until_the_report),
		CASE(progress_that_moves_is_waited_for),
		CASE(a_lock_that_comes_late_is_answered_once),
		CASE(a_few_packets_now_and_then_may_go_on_for_ever),
		CASE(a_flood_waits_its_turn),
		CASE(an_endless_stream_of_reports_is_cut_off),
		CASE(a_byte_reaches_the_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
