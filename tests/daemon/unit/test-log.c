/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reaches the operator's terminal: one line per event, and nothing that a terminal obeys. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/log.h"

static char line[8192];
static int real_stderr = -1, file = -1;

static int setup(void **state) {
	file = fileno(tmpfile());
	real_stderr = dup(STDERR_FILENO);
	(void)unsetenv("JOURNAL_STREAM");
	return file < 0 || real_stderr < 0 || dup2(file, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state) {
	(void)dup2(real_stderr, STDERR_FILENO);
	real_stderr = close_fd(real_stderr);
	return 0;
}

/* What was written since the last call. */
static const char *written(void) {
	ssize_t n = pread(file, line, sizeof(line) - 1, 0);

	line[n < 0 ? 0 : n] = '\0';
	(void)ftruncate(file, 0);
	(void)lseek(file, 0, SEEK_SET);
	return line;
}

static void control_characters_and_foreign_bytes_are_replaced(void **state) {
	static const char *const rows[][2] = {
		{ "", "" }, { "plain ~ text!", "plain ~ text!" },
		{ "two\nlines\tand a tab", "two lines and a tab" }, { "a\r\n", "a? " },
		{ "\x1b[2J\x1b]0;title\x07", "?[2J?]0;title?" }, { "\x7f\x01\x1f", "???" },
		{ "gr\xc3\xb6\xc3\x9f"
		  "e",
			"gr????e" },
		{ "\xff\xfe\x80\xc0\xaf", "?????" },
		{ "\xe2\x80\xae", "???" }, /* turns the direction of writing around */
		{ "\xc2\x9b"
		  "31m",
			"??31m" }, /* an escape sequence in one character */
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), "%s", rows[i][0]);
		assert_ptr_equal(make_printable(text), text);
		assert_string_equal(text, rows[i][1]);
	}
}

static void every_byte_comes_out_printable(void **state) {
	char text[256];

	for (int i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	(void)make_printable(text);
	assert_int_equal(strlen(text), 255);
	for (int i = 0; i < 255; i++)
		assert_true(text[i] >= ' ' && text[i] <= '~');
}

static void an_event_is_one_line(void **state) {
	log_init(LOG_INFO);
	log_event(MESSAGE_PLAIN, LOG_INFO, "camera", NULL, "says %s",
		"READY\nrtmemd: error: forged\x1b[31m");
	assert_string_equal(written(), "rtmemd: camera: says READY rtmemd: error: forged?[31m\n");
	log_event(MESSAGE_PLAIN, LOG_INFO, "bad\nname", NULL, "x");
	assert_string_equal(written(), "rtmemd: bad name: x\n");
}

static void severity_is_said_where_it_matters(void **state) {
	log_init(LOG_DEBUG);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(
		written(), "rtmemd: error: a\nrtmemd: warning: b\nrtmemd: c\nrtmemd: d\n");
}

static void less_severe_than_asked_for_is_not_written(void **state) {
	log_init(LOG_WARNING);
	log_info("c");
	log_debug("d");
	assert_string_equal(written(), "");
	log_warning("b");
	assert_string_equal(written(), "rtmemd: warning: b\n");
}

static void a_text_without_end_is_cut(void **state) {
	char text[6000];

	log_init(LOG_INFO);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_event(MESSAGE_PLAIN, LOG_INFO, text, text, "%s", text);
	assert_true(strlen(written()) < 1600);
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_memory_equal(line, "rtmemd: xxx", 11);
}

static void errno_survives(void **state) {
	log_init(LOG_INFO);
	errno = ENOTTY;
	log_info("x");
	assert_int_equal(errno, ENOTTY);
}

static void another_stream_of_the_journal_is_not_ours(void **state) {
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	log_init(LOG_INFO);
	log_info("x");
	assert_string_equal(written(), "rtmemd: x\n");
	(void)setenv("JOURNAL_STREAM", "nonsense", 1);
	log_init(LOG_INFO);
	log_info("y");
	assert_string_equal(written(), "rtmemd: y\n");
}

static void levels_have_names(void **state) {
	assert_int_equal(log_level_from_string("error"), LOG_ERR);
	assert_int_equal(log_level_from_string("debug"), LOG_DEBUG);
	assert_int_equal(log_level_from_string("Debug"), -EINVAL);
	assert_int_equal(log_level_from_string(""), -EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_and_foreign_bytes_are_replaced),
		cmocka_unit_test(every_byte_comes_out_printable),
		CASE(an_event_is_one_line),
		CASE(severity_is_said_where_it_matters),
		CASE(less_severe_than_asked_for_is_not_written),
		CASE(a_text_without_end_is_cut),
		CASE(errno_survives),
		CASE(another_stream_of_the_journal_is_not_ours),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
