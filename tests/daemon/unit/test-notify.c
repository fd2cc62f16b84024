/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams of anybody, and how long is waited for ready. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/life/ready.h"
#include "daemon/watch/notify.h"

#define SECOND 1000000ull
#define HOUR   (3600 * SECOND)

static struct notification parse(const char *text) {
	char buf[512];
	struct notification n;

	assert_true(strlen(text) < sizeof(buf));
	strcpy(buf, text);
	notification_parse(buf, &n);
	return n;
}

static void ready_is_a_line_of_its_own(void **state) {
	static const char *const yes[] = { "READY=1", "READY=1\n", "STATUS=up\nREADY=1\nMAINPID=3",
		"\n\n\nREADY=1", "READY=1\nREADY=0" };
	static const char *const no[] = { "", "\n", "READY=0", "READY=", "READY=11", "READY=1 ",
		" READY=1", "ready=1", "READY", "XREADY=1", "STATUS=READY=1", "READY=1\r\n",
		"READY=1\t", "RELOADING=1", "STOPPING=1" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!parse(yes[i]).ready)
			fail_msg("not ready: %s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (parse(no[i]).ready || parse(no[i]).extend)
			fail_msg("says something: %s", no[i]);
}

static void signs_of_life_are_lines_of_their_own(void **state) {
	struct notification n = parse("WATCHDOG=1\nWATCHDOG_USEC=5000000");

	assert_true(n.alive);
	assert_false(n.trigger);
	assert_int_equal(n.watchdog_usec, 5 * SECOND);
	assert_true(parse("WATCHDOG=trigger").trigger);
	assert_true(parse("STOPPING=1").stopping);
	assert_true(parse("RELOADING=1\nMONOTONIC_USEC=5").reloading);
	n = parse("WATCHDOG=0\nWATCHDOG=\nWATCHDOG=TRIGGER\nWATCHDOG=1x\nSTOPPING=0\nRELOADING\n"
		  "XWATCHDOG=1\nWATCHDOG_USEC=5s");
	assert_false(n.alive || n.trigger || n.stopping || n.reloading);
	assert_int_equal(n.watchdog_usec, 0);
}

static void an_extension_is_a_plain_number(void **state) {
	static const char *const no[] = { "EXTEND_TIMEOUT_USEC=", "EXTEND_TIMEOUT_USEC=-1",
		"EXTEND_TIMEOUT_USEC=+1", "EXTEND_TIMEOUT_USEC=1s", "EXTEND_TIMEOUT_USEC= 1",
		"EXTEND_TIMEOUT_USEC=0x10", "EXTEND_TIMEOUT_USEC=18446744073709551616",
		"EXTEND_TIMEOUT_USEC=1e9", "EXTEND_TIMEOUT_USEC", "EXTEND_TIMEOUT=5" };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (parse(no[i]).extend)
			fail_msg("extends: %s", no[i]);
	assert_true(parse("EXTEND_TIMEOUT_USEC=18446744073709551615").extend);
	assert_int_equal(parse("EXTEND_TIMEOUT_USEC=5000000").extend_usec, 5 * SECOND);
}

static void of_two_extensions_the_later_counts(void **state) {
	assert_int_equal(
		parse("EXTEND_TIMEOUT_USEC=9\nEXTEND_TIMEOUT_USEC=7\nREADY=1").extend_usec, 7);
	assert_true(parse("EXTEND_TIMEOUT_USEC=9\nREADY=1").ready);
}

static void a_number_that_is_not_one_leaves_the_one_before(void **state) {
	struct notification n = parse("EXTEND_TIMEOUT_USEC=9\nEXTEND_TIMEOUT_USEC=99x");

	assert_true(n.extend);
	assert_int_equal(n.extend_usec, 9);
}

static void bytes_that_are_not_text_say_nothing(void **state) {
	assert_false(parse("\xff\xfe\x80=1\n\x1b[2J\n=\n==\n=READY=1").ready);
	assert_true(parse("\xff\xfe\nREADY=1\n\x01").ready);
}

static void a_status_is_the_rest_of_its_line(void **state) {
	char text[] = "READY=1\nSTATUS=3 files = 2M\nX=1", none[] = "READY=1\nXSTATUS=up";
	char last[] = "STATUS=a\nSTATUS=b";
	struct notification n;

	notification_parse(text, &n);
	assert_string_equal(n.status, "3 files = 2M");
	notification_parse(none, &n);
	assert_null(n.status);
	notification_parse(last, &n);
	assert_string_equal(n.status, "b");
}

static void a_section_is_told_with_its_faults(void **state) {
	char text[] =
		"X_RTMEM_SECTION=control loop\nX_RTMEM_MINOR=3\nX_RTMEM_MAJOR=1\nX_RTMEM_TID=123";
	char odd[] = "X_RTMEM_SECTION=\nX_RTMEM_MINOR=-3\nX_RTMEM_MAJOR=1x\nX_RTMEM_TID=\nREADY=1";
	struct notification n;

	notification_parse(text, &n);
	assert_string_equal(n.section, "control loop");
	assert_int_equal(n.minor, 3);
	assert_int_equal(n.major, 1);
	assert_int_equal(n.tid, 123);
	assert_false(n.ready);
	notification_parse(odd, &n);
	assert_string_equal(n.section, "");
	assert_int_equal(n.minor + n.major + n.tid, 0);
	assert_true(n.ready);
}

static void an_extension_never_shortens(void **state) {
	const uint64_t now = 100 * SECOND, present = 130 * SECOND;

	assert_int_equal(ready_deadline(present, now, 0), present);
	assert_int_equal(ready_deadline(present, now, 10 * SECOND), present);
	assert_int_equal(ready_deadline(present, now, 30 * SECOND), present);
	assert_int_equal(ready_deadline(present, now, 31 * SECOND), 131 * SECOND);
}

static void an_extension_is_an_hour_at_most(void **state) {
	assert_int_equal(ready_deadline(1, 100 * SECOND, UINT64_MAX), 100 * SECOND + HOUR);
	assert_int_equal(ready_deadline(1, 100 * SECOND, HOUR + 1), 100 * SECOND + HOUR);
	/* said again later, it goes on from there */
	assert_int_equal(ready_deadline(HOUR, HOUR, UINT64_MAX), 2 * HOUR);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_is_a_line_of_its_own),
		cmocka_unit_test(signs_of_life_are_lines_of_their_own),
		cmocka_unit_test(an_extension_is_a_plain_number),
		cmocka_unit_test(of_two_extensions_the_later_counts),
		cmocka_unit_test(a_number_that_is_not_one_leaves_the_one_before),
		cmocka_unit_test(bytes_that_are_not_text_say_nothing),
		cmocka_unit_test(a_status_is_the_rest_of_its_line),
		cmocka_unit_test(a_section_is_told_with_its_faults),
		cmocka_unit_test(an_extension_never_shortens),
		cmocka_unit_test(an_extension_is_an_hour_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
