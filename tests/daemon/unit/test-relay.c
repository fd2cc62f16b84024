/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the bytes of a client are cut into lines and messages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/bus/relay.h"

static int line(const char *text, enum relay_phase *phase) {
	*phase = RELAY_LINES;
	return relay_unit(phase, (const unsigned char *)text, strlen(text));
}

static int message(unsigned char order, uint32_t body, uint32_t fields, size_t size) {
	static unsigned char data[RELAY_MESSAGE_MAX_BYTES + 64];
	enum relay_phase phase = RELAY_MESSAGES;

	memset(data, 0, sizeof(data));
	data[0] = order;
	for (unsigned i = 0; i < 4; i++) {
		unsigned shift = order == 'B' ? 24 - i * 8 : i * 8;

		data[4 + i] = (unsigned char)(body >> shift);
		data[12 + i] = (unsigned char)(fields >> shift);
	}
	return relay_unit(&phase, data, size);
}

static void lines_end_with_begin(void **state) {
	enum relay_phase phase;

	assert_int_equal(line("AUTH ANONYMOUS\r\nBEGIN\r\n", &phase), 16);
	assert_int_equal(phase, RELAY_LINES);
	assert_int_equal(line("BEGIN\r\nl", &phase), 7);
	assert_int_equal(phase, RELAY_MESSAGES);
	assert_int_equal(line("BEGIN \r\n", &phase), 8);
	assert_int_equal(phase, RELAY_LINES);
	assert_int_equal(line("BEGIN\r", &phase), 0);
}

static void a_line_has_an_end(void **state) {
	static char endless[4096];
	enum relay_phase phase;

	memset(endless, 'A', sizeof(endless) - 1);
	assert_int_equal(line(endless, &phase), -EMSGSIZE);
	endless[2000] = '\r';
	endless[2001] = '\n';
	assert_int_equal(line(endless, &phase), -EMSGSIZE);
}

static void a_message_is_as_long_as_it_says(void **state) {
	assert_int_equal(message('l', 10, 5, 15), 0);
	assert_int_equal(message('l', 10, 5, 33), 0);
	assert_int_equal(message('l', 10, 5, 34), 34);
	assert_int_equal(message('B', 10, 5, 1000), 34);
	assert_int_equal(message('l', 0, 0, 16), 16);
	assert_int_equal(message('l', RELAY_MESSAGE_MAX_BYTES - 16, 0, RELAY_MESSAGE_MAX_BYTES),
		RELAY_MESSAGE_MAX_BYTES);
}

static void a_message_that_is_too_long_is_known_by_its_beginning(void **state) {
	assert_int_equal(message('l', RELAY_MESSAGE_MAX_BYTES - 15, 0, 16), -EMSGSIZE);
	assert_int_equal(message('l', 0, UINT32_MAX, 16), -EMSGSIZE);
	assert_int_equal(message('B', UINT32_MAX, UINT32_MAX, 16), -EMSGSIZE);
	assert_int_equal(message('B', UINT32_MAX, 8, 15), 0);
}

static void other_byte_orders_are_none(void **state) {
	assert_int_equal(message('x', 0, 0, 16), -EBADMSG);
	assert_int_equal(message(0, 0, 0, 16), -EBADMSG);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_begin),
		cmocka_unit_test(a_line_has_an_end),
		cmocka_unit_test(a_message_is_as_long_as_it_says),
		cmocka_unit_test(a_message_that_is_too_long_is_known_by_its_beginning),
		cmocka_unit_test(other_byte_orders_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
