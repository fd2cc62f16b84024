/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of a run: what is written is read back, anything else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/survive/record.h"
#include "house.h"
#include "support/tree.h"

#define RECORD "processes/camera"

static const char policy[] = "version: 1\n"
			     "processes:\n"
			     "  camera:\n"
			     "    command: [/bin/camera]\n";

static int setup(void **state) {
	struct report report;
	struct house *h;
	struct process *p;

	if (house_setup(state) < 0)
		return -1;
	h = *state;
	house_move_in(h, policy);
	p = house_run(h, "camera");
	p->n_restarts = 3;
	p->run->start_ticks = 1234567890123ull;
	p->run->plan_hash = UINT64_MAX;
	p->run->ready = p->run->injection_wanted = p->run->seal.in_force = true;
	report_init(&report, REPORT_INIT);
	report.init_lock = INIT_LOCK_STRICT;
	report.heap_bytes = 150u << 20;
	report.main_stack_bytes = 1u << 20;
	report.unlocked_bytes = 32u << 10;
	report.dumpable = 1;
	report.injection = REPORT_BY_PTRACE;
	report.heap_start = 0x555500000000;
	report.heap_end = 0x555509600000;
	assert_return_code(run_keep_report(p->run, &report), 0);
	assert_return_code(record_init(&h->manager), 0);
	return 0;
}

static struct process *camera(void **state) {
	return ((struct house *)*state)->manager.processes[0];
}

/* The written record with `from` (once in it) made `to`, parsed. */
static int parse_with(void **state, const char *from, const char *to, struct record *ret) {
	struct house *h = *state;
	_cleanup_free_ char *text = NULL, *changed = NULL;
	char *at;

	assert_return_code(record_write(camera(state)), 0);
	text = tree_read(h->tree, RECORD);
	assert_non_null(text);
	at = strstr(text, from);
	assert_non_null(at);
	assert_return_code(
		asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)), 0);
	return record_parse(changed, ret);
}

static void what_is_written_is_read(void **state) {
	struct record r;

	assert_return_code(record_write(camera(state)), 0);
	assert_return_code(record_read(camera(state), &r), 0);
	assert_int_equal(r.pid, HOUSE_PID);
	assert_true(r.start_ticks == 1234567890123ull);
	assert_true(r.plan_hash == UINT64_MAX);
	assert_true(r.ready);
	assert_true(r.injection_wanted);
	assert_true(r.sealed);
	assert_true(r.have_report);
	assert_int_equal(r.n_restarts, 3);
	assert_int_equal(r.report.kind, REPORT_INIT);
	assert_int_equal(r.report.init_lock, INIT_LOCK_STRICT);
	assert_int_equal(r.report.heap_bytes, 150u << 20);
	assert_int_equal(r.report.main_stack_bytes, 1u << 20);
	assert_int_equal(r.report.unlocked_bytes, 32u << 10);
	assert_int_equal(r.report.dumpable, 1);
	assert_int_equal(r.report.injection, REPORT_BY_PTRACE);
	assert_true(r.report.heap_start == 0x555500000000);
	assert_true(r.report.heap_end == 0x555509600000);
}

static void without_a_report_none_is_read(void **state) {
	struct record r;

	free(TAKE(camera(state)->run->report));
	camera(state)->run->ready = false;
	assert_return_code(record_write(camera(state)), 0);
	assert_return_code(record_read(camera(state), &r), 0);
	assert_false(r.have_report);
	assert_false(r.ready);
	assert_int_equal(r.report.heap_bytes, 0);
}

static void a_record_is_replaced_and_removed(void **state) {
	struct record r;

	assert_return_code(record_write(camera(state)), 0);
	camera(state)->run->start_ticks = 7;
	assert_return_code(record_write(camera(state)), 0);
	assert_return_code(record_read(camera(state), &r), 0);
	assert_int_equal(r.start_ticks, 7);
	record_remove(camera(state));
	assert_int_equal(record_read(camera(state), &r), -ENOENT);
	record_remove(camera(state)); /* and nothing happens */
}

static void a_record_of_another_boot_is_stale(void **state) {
	struct house *h = *state;
	_cleanup_free_ char *text = NULL;
	struct record r;

	assert_return_code(record_write(camera(state)), 0);
	text = tree_read(h->tree, RECORD);
	strstr(text, "boot_id=")[strlen("boot_id=")] ^= 1;
	tree_write_text(h->tree, RECORD, text);
	assert_int_equal(record_read(camera(state), &r), -ESTALE);
}

/* As the first release wrote them: its processes still run when a later one comes. */
static const char first_release[] = "boot_id=00000000-1111-2222-3333-444444444444\n"
				    "pid=4711\n"
				    "start_ticks=123\n"
				    "plan=99\n"
				    "ready=1\n"
				    "restarts=2\n"
				    "injection=1\n"
				    "report=3\n"
				    "report_lock=1\n"
				    "report_heap_bytes=4096\n"
				    "report_main_stack_bytes=0\n"
				    "report_unlocked_bytes=0\n"
				    "report_dumpable=1\n";

static void every_key_of_the_first_release_is_needed(void **state) {
	struct record r;

	for (const char *line = first_release; *line; line = strchr(line, '\n') + 1) {
		_cleanup_free_ char *without = NULL;

		assert_return_code(asprintf(&without, "%.*s%s", (int)(line - first_release),
					   first_release, strchr(line, '\n') + 1),
			0);
		assert_int_equal(record_parse(without, &r), -EBADMSG);
	}
}

static void a_record_of_the_first_release_is_read(void **state) {
	_cleanup_free_ char *text = strdup(first_release);
	struct record r;

	assert_return_code(record_parse(text, &r), 0);
	assert_int_equal(r.pid, 4711);
	assert_int_equal(r.n_restarts, 2);
	assert_int_equal(r.state, PROCESS_RUNNING);
	assert_true(r.begun);
	assert_true(r.have_report);
	assert_false(r.counted); /* it kept no counts */
}

/* Lines that the first release needs are there for it, within what it reads. */
static void the_first_release_can_read_it(void **state) {
	struct house *h = *state;
	_cleanup_free_ char *text = NULL;

	assert_return_code(record_write(camera(state)), 0);
	text = tree_read(h->tree, RECORD);
	assert_true(strlen(text) <= 4096);
	for (const char *line = first_release; *line; line = strchr(line, '\n') + 1) {
		char key[64];

		assert_true(snprintf(key, sizeof(key), "\n%.*s",
				    (int)(strchr(line, '=') - line + 1), line) > 0);
		assert_non_null(strstr(text, key));
	}
}

static void a_state_of_a_later_version_is_no_reason_to_start_it_twice(void **state) {
	struct record r;

	assert_return_code(parse_with(state, "state=starting", "state=hibernating", &r), 0);
	assert_int_equal(r.pid, HOUSE_PID);
	assert_int_equal(r.state, PROCESS_RUNNING);
}

static void without_a_process_there_is_a_record_still(void **state) {
	struct process *p = camera(state);
	struct record r;

	p->run = run_free(p->run);
	p->state = PROCESS_BACKOFF;
	p->delay_until_usec = 4711;
	p->history = (struct restart_history){ .opened_usec = 42, .n_restarts = 2 };
	process_failure(p, "ended: exit status 3");
	assert_return_code(record_write(p), 0);
	assert_return_code(record_read(p, &r), 0);
	assert_int_equal(r.pid, 0);
	assert_int_equal(r.state, PROCESS_BACKOFF);
	assert_int_equal(r.delay_until_usec, 4711);
	assert_int_equal(r.history.opened_usec, 42);
	assert_int_equal(r.history.n_restarts, 2);
	assert_string_equal(r.failure, "ended: exit status 3");
}

static void what_was_told_is_read_again(void **state) {
	struct process *p = camera(state);
	struct record r;

	events_add(&p->run->events, "fork", "", true, 3, "thread main (tid 7): who");
	events_add(&p->run->events, "section", "loop", false, 2, "2 minor");
	run_note(p->run, "preload", "said so");
	assert_return_code(record_write(p), 0);
	assert_return_code(record_read(p, &r), 0);
	assert_int_equal(r.n_events, 2);
	assert_string_equal(r.events[0].call, "fork");
	assert_string_equal(r.events[0].last, "thread main (tid 7): who");
	assert_int_equal(r.events[0].n, 3);
	assert_true(r.events[0].ready);
	assert_string_equal(r.events[1].subject, "loop");
	assert_false(r.events[1].ready);
	assert_int_equal(r.n_notes, 1);
	assert_string_equal(r.notes[0].detail, "said so");
}

static void counts_and_threads_are_formatted_and_parsed(void **state) {
	struct record r = { .boot_id = "b",
		.state = PROCESS_RUNNING,
		.pid = 4711,
		.ready = true,
		.counted = true,
		.n_tasks = 3,
		.faults = { 5, 1 },
		.base = { UINT64_MAX - 2, 7 },
		.stat = { 1000, 2 },
		.unwatched = { 4, 0 },
		.threads = { { .tid = 12, .name = "worker", .count = { 3, 1 } } },
		.n_threads = 1 };
	struct record back;
	char text[RECORD_MAX_BYTES];

	record_format(&r, text);
	assert_return_code(record_parse(text, &back), 0);
	assert_true(back.counted);
	assert_int_equal(back.n_tasks, 3);
	assert_memory_equal(&back.faults, &r.faults, sizeof(r.faults));
	assert_memory_equal(&back.base, &r.base, sizeof(r.base));
	assert_memory_equal(&back.stat, &r.stat, sizeof(r.stat));
	assert_memory_equal(&back.unwatched, &r.unwatched, sizeof(r.unwatched));
	assert_int_equal(back.n_threads, 1);
	assert_int_equal(back.threads[0].tid, 12);
	assert_int_equal(back.threads[0].count.minor, 3);
	assert_string_equal(back.threads[0].name, "worker");
}

static void what_finds_no_room_is_counted(void **state) {
	struct process *p = camera(state);
	struct record r;
	char subject[EVENT_SUBJECT_MAX], text[EVENT_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	process_failure(p, "%s%s", text, text);
	for (int i = 0; i < EVENTS_MAX; i++) {
		snprintf(subject, sizeof(subject), "a section with a long name, %d", i);
		events_add(&p->run->events, "section", subject, true, 1, text);
	}
	for (int i = 0; i < NOTES_MAX; i++)
		run_note(p->run, "preload", "%s", text);
	assert_return_code(record_write(p), 0);
	assert_return_code(record_read(p, &r), 0);
	assert_true(r.n_events > 4 && r.n_events < EVENTS_MAX);
	assert_int_equal(r.n_events + r.n_more_events, EVENTS_MAX);
}

static void rows_that_make_no_sense_are_refused(void **state) {
	static const char *const bad[] = { "event=fork", "event=fork\t\t2\t1\tx",
		"event=fork\t\t1\t-1\tx", "note=rule", "thread=0\t1\t1\tx", "thread=1\t1\tx",
		"thread=9999999999\t1\t1\tx", "end=2" };
	struct record r;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char with[64];

		snprintf(with, sizeof(with), "ready=1\n%s", bad[i]);
		if (parse_with(state, "ready=1", with, &r) != -EBADMSG)
			fail_msg("believed: %s", bad[i]);
	}
}

static void what_was_written_last_is_not_written_again(void **state) {
	struct house *h = *state;

	assert_return_code(record_write(camera(state)), 0);
	tree_write_text(h->tree, RECORD, "mark");
	assert_return_code(record_write(camera(state)), 0);
	{
		_cleanup_free_ char *text = tree_read(h->tree, RECORD);

		assert_string_equal(text, "mark");
	}
	camera(state)->n_restarts++;
	assert_return_code(record_write(camera(state)), 0);
	{
		_cleanup_free_ char *text = tree_read(h->tree, RECORD);

		assert_non_null(strstr(text, "restarts=4\n"));
	}
}

static void numbers_of_a_report_that_lies_can_be_read_again(void **state) {
	struct record r;

	camera(state)->run->report->injection = UINT32_MAX;
	camera(state)->run->report->init_lock = 4711;
	assert_return_code(record_write(camera(state)), 0);
	assert_return_code(record_read(camera(state), &r), 0);
	assert_int_equal(r.report.init_lock, INIT_LOCK_ONFAULT);
}

static void a_record_that_ends_early_is_refused(void **state) {
	struct house *h = *state;
	_cleanup_free_ char *text = NULL;
	struct record r;

	assert_return_code(record_write(camera(state)), 0);
	text = tree_read(h->tree, RECORD);
	/* without the last newline it's still whole, without the digits before it isn't */
	for (size_t n = 0; n < strlen(text) - 2; n++) {
		_cleanup_free_ char *part = strndup(text, n);

		assert_int_equal(record_parse(part, &r), -EBADMSG);
	}
}

static void numbers_that_make_no_sense_are_refused(void **state) {
	static const char *const rows[][2] = {
		{ "pid=2147483632", "pid=0" },
		{ "pid=2147483632", "pid=1" }, /* nobody's child but the kernel's */
		{ "pid=2147483632", "pid=-5" },
		{ "pid=2147483632", "pid=2147483648" },
		{ "pid=2147483632", "pid=18446744073709551618" },
		{ "pid=2147483632", "pid=" },
		{ "pid=2147483632", "pid=12x" },
		{ "pid=2147483632", "pid= 12" },
		{ "pid=2147483632", "pid" },
		{ "ready=1", "ready" },
		{ "ready=1", "READY=1" },
		{ "report=3", "report=99" },
		{ "report=3", "report=65539" }, /* 3 in 16 bits */
		{ "restarts=3", "restarts=4294967296" },
		{ "report_lock=1", "report_lock=4" },
		{ "start_ticks=", "\x1b[31m" },
		{ "plan=", "plan=\xff" },
	};
	struct record r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse_with(state, rows[i][0], rows[i][1], &r) != -EBADMSG)
			fail_msg("row %zu was believed: %s", i, rows[i][1]);
}

static void a_key_of_a_later_version_is_skipped(void **state) {
	struct record r;

	assert_return_code(parse_with(state, "ready=1", "ready=1\ncolour=blue", &r), 0);
	assert_true(r.ready);
}

static void a_boot_id_that_is_too_long_is_no_overflow(void **state) {
	struct record r;
	char text[1000] = "boot_id=";

	memset(text + 8, 'a', sizeof(text) - 9);
	(void)parse_with(state, "boot_id=", text, &r);
	assert_true(strlen(r.boot_id) < sizeof(r.boot_id));
}

static void a_file_that_is_no_record_is_refused(void **state) {
	struct house *h = *state;
	struct record r;
	char large[8192];

	tree_write_text(h->tree, RECORD, "");
	assert_int_equal(record_read(camera(state), &r), -EBADMSG);
	tree_write(h->tree, RECORD, "\0\0\0\0", 4);
	assert_int_equal(record_read(camera(state), &r), -EBADMSG);
	memset(large, 'x', sizeof(large));
	tree_write(h->tree, RECORD, large, sizeof(large));
	assert_int_equal(record_read(camera(state), &r), -EBADMSG);
}

static void a_directory_that_is_missing_is_an_error_not_a_crash(void **state) {
	struct house *h = *state;
	struct record r;

	h->options.runtime_dir = "/proc/nowhere";
	assert_true(record_write(camera(state)) < 0);
	assert_int_equal(record_read(camera(state), &r), -ENOENT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, house_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(what_is_written_is_read),
		CASE(without_a_report_none_is_read),
		CASE(a_record_is_replaced_and_removed),
		CASE(a_record_of_another_boot_is_stale),
		CASE(every_key_of_the_first_release_is_needed),
		CASE(a_record_of_the_first_release_is_read),
		CASE(the_first_release_can_read_it),
		CASE(a_state_of_a_later_version_is_no_reason_to_start_it_twice),
		CASE(without_a_process_there_is_a_record_still),
		CASE(what_was_told_is_read_again),
		CASE(counts_and_threads_are_formatted_and_parsed),
		CASE(what_finds_no_room_is_counted),
		CASE(rows_that_make_no_sense_are_refused),
		CASE(what_was_written_last_is_not_written_again),
		CASE(numbers_of_a_report_that_lies_can_be_read_again),
		CASE(a_record_that_ends_early_is_refused),
		CASE(numbers_that_make_no_sense_are_refused),
		CASE(a_key_of_a_later_version_is_skipped),
		CASE(a_boot_id_that_is_too_long_is_no_overflow),
		CASE(a_file_that_is_no_record_is_refused),
		CASE(a_directory_that_is_missing_is_an_error_not_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
