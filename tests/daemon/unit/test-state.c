/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a process, cell by cell. The expectation is written the other way round, as text by
 * event, so that a slip in the table isn't repeated here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/life/state.h"

struct cell {
	enum process_event event;
	enum process_state from, to;
	enum process_action action;
};

static const struct cell cells[] = {
	{ EVENT_START, PROCESS_STOPPED, PROCESS_STARTING, ACTION_LAUNCH },
	{ EVENT_START, PROCESS_BACKOFF, PROCESS_STARTING, ACTION_LAUNCH },
	{ EVENT_START, PROCESS_FAILED, PROCESS_STARTING, ACTION_LAUNCH },
	{ EVENT_START, PROCESS_STOPPING, PROCESS_STOPPING, ACTION_ASKED },

	{ EVENT_WAIT, PROCESS_STOPPED, PROCESS_STOPPED, ACTION_WAIT },
	{ EVENT_WAIT, PROCESS_BACKOFF, PROCESS_STOPPED, ACTION_WAIT },
	{ EVENT_WAIT, PROCESS_FAILED, PROCESS_STOPPED, ACTION_WAIT },

	{ EVENT_WAIT_OVER, PROCESS_STOPPED, PROCESS_STARTING, ACTION_LAUNCH },

	{ EVENT_STOP, PROCESS_STOPPED, PROCESS_STOPPED, ACTION_NOT_WAIT },
	{ EVENT_STOP, PROCESS_STARTING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_STOP, PROCESS_PREPARING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_STOP, PROCESS_RUNNING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_STOP, PROCESS_STOPPING, PROCESS_STOPPING, ACTION_ASKED },
	{ EVENT_STOP, PROCESS_BACKOFF, PROCESS_STOPPED, ACTION_CANCEL_DELAY },
	{ EVENT_STOP, PROCESS_FAILED, PROCESS_STOPPED, ACTION_NONE },

	{ EVENT_RESTART, PROCESS_STOPPED, PROCESS_STARTING, ACTION_LAUNCH },
	{ EVENT_RESTART, PROCESS_BACKOFF, PROCESS_STARTING, ACTION_LAUNCH },
	{ EVENT_RESTART, PROCESS_FAILED, PROCESS_STARTING, ACTION_LAUNCH },
	{ EVENT_RESTART, PROCESS_STARTING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_RESTART, PROCESS_PREPARING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_RESTART, PROCESS_RUNNING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_RESTART, PROCESS_STOPPING, PROCESS_STOPPING, ACTION_ASKED },

	{ EVENT_INIT, PROCESS_STARTING, PROCESS_PREPARING, ACTION_PREPARE },

	{ EVENT_READY, PROCESS_STARTING, PROCESS_RUNNING, ACTION_READY },
	{ EVENT_READY, PROCESS_PREPARING, PROCESS_RUNNING, ACTION_READY },

	{ EVENT_TIMEOUT, PROCESS_STARTING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_TIMEOUT, PROCESS_PREPARING, PROCESS_STOPPING, ACTION_TERMINATE },

	{ EVENT_VIOLATION, PROCESS_STARTING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_VIOLATION, PROCESS_PREPARING, PROCESS_STOPPING, ACTION_TERMINATE },
	{ EVENT_VIOLATION, PROCESS_RUNNING, PROCESS_STOPPING, ACTION_TERMINATE },

	{ EVENT_WATCHDOG, PROCESS_STARTING, PROCESS_STOPPING, ACTION_ABORT },
	{ EVENT_WATCHDOG, PROCESS_PREPARING, PROCESS_STOPPING, ACTION_ABORT },
	{ EVENT_WATCHDOG, PROCESS_RUNNING, PROCESS_STOPPING, ACTION_ABORT },

	{ EVENT_REST, PROCESS_STOPPED, PROCESS_STOPPING, ACTION_CLEAR },
	{ EVENT_REST, PROCESS_STARTING, PROCESS_STOPPING, ACTION_CLEAR },
	{ EVENT_REST, PROCESS_PREPARING, PROCESS_STOPPING, ACTION_CLEAR },
	{ EVENT_REST, PROCESS_RUNNING, PROCESS_STOPPING, ACTION_CLEAR },
	{ EVENT_REST, PROCESS_BACKOFF, PROCESS_STOPPING, ACTION_CLEAR },
	{ EVENT_REST, PROCESS_FAILED, PROCESS_STOPPING, ACTION_CLEAR },

	{ EVENT_EXIT_DONE, PROCESS_STARTING, PROCESS_STOPPED, ACTION_NONE },
	{ EVENT_EXIT_DONE, PROCESS_PREPARING, PROCESS_STOPPED, ACTION_NONE },
	{ EVENT_EXIT_DONE, PROCESS_RUNNING, PROCESS_STOPPED, ACTION_NONE },
	{ EVENT_EXIT_DONE, PROCESS_STOPPING, PROCESS_STOPPED, ACTION_NONE },

	{ EVENT_EXIT_AGAIN, PROCESS_STARTING, PROCESS_BACKOFF, ACTION_DELAY },
	{ EVENT_EXIT_AGAIN, PROCESS_PREPARING, PROCESS_BACKOFF, ACTION_DELAY },
	{ EVENT_EXIT_AGAIN, PROCESS_RUNNING, PROCESS_BACKOFF, ACTION_DELAY },
	{ EVENT_EXIT_AGAIN, PROCESS_STOPPING, PROCESS_BACKOFF, ACTION_DELAY },

	{ EVENT_EXIT_NOW, PROCESS_STOPPING, PROCESS_STARTING, ACTION_LAUNCH },

	{ EVENT_EXIT_WAIT, PROCESS_STOPPING, PROCESS_STOPPED, ACTION_WAIT },

	{ EVENT_EXIT_FAILED, PROCESS_STARTING, PROCESS_FAILED, ACTION_NONE },
	{ EVENT_EXIT_FAILED, PROCESS_PREPARING, PROCESS_FAILED, ACTION_NONE },
	{ EVENT_EXIT_FAILED, PROCESS_RUNNING, PROCESS_FAILED, ACTION_NONE },
	{ EVENT_EXIT_FAILED, PROCESS_STOPPING, PROCESS_FAILED, ACTION_NONE },
	{ EVENT_EXIT_FAILED, PROCESS_BACKOFF, PROCESS_FAILED, ACTION_NONE },

	{ EVENT_DELAY_OVER, PROCESS_BACKOFF, PROCESS_STARTING, ACTION_LAUNCH },
};
#define N_CELLS (sizeof(cells) / sizeof(cells[0]))

static struct cell expected(enum process_state from, enum process_event event) {
	for (size_t i = 0; i < N_CELLS; i++)
		if (cells[i].from == from && cells[i].event == event)
			return cells[i];
	return (struct cell){ event, from, from, ACTION_IGNORE };
}

static void each_cell_is_as_written(void **state) {
	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		for (enum process_event e = 0; e < PROCESS_EVENT_MAX; e++) {
			struct transition t = state_transition(s, e);
			struct cell c = expected(s, e);

			if (t.next != c.to || t.action != c.action)
				fail_msg("%s in %s leads to %s, action %d",
					process_event_to_string(e), process_state_to_string(s),
					process_state_to_string(t.next), (int)t.action);
		}
}

static void no_cell_leads_out_of_range(void **state) {
	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		for (enum process_event e = 0; e < PROCESS_EVENT_MAX; e++) {
			assert_true(state_transition(s, e).next < PROCESS_STATE_MAX);
			assert_true(state_transition(s, e).action < PROCESS_ACTION_MAX);
		}
}

/* Marks what `from` leads to; returns whether something new was marked. */
static bool spread(enum process_state from, bool seen[static PROCESS_STATE_MAX]) {
	bool grown = false;

	for (enum process_event e = 0; e < PROCESS_EVENT_MAX; e++) {
		enum process_state next = state_transition(from, e).next;

		grown |= !seen[next];
		seen[next] = true;
	}
	return grown;
}

static void reach(enum process_state start, bool seen[static PROCESS_STATE_MAX]) {
	bool grown = true;

	memset(seen, 0, PROCESS_STATE_MAX * sizeof(*seen));
	seen[start] = true;
	while (grown) {
		grown = false;
		for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
			if (seen[s])
				grown |= spread(s, seen);
	}
}

static void every_state_is_reached_from_every_other(void **state) {
	bool seen[PROCESS_STATE_MAX];

	for (enum process_state from = 0; from < PROCESS_STATE_MAX; from++) {
		reach(from, seen);
		for (enum process_state to = 0; to < PROCESS_STATE_MAX; to++)
			assert_true(seen[to]);
	}
}

static bool has_process(enum process_state s) {
	return s == PROCESS_STARTING || s == PROCESS_PREPARING || s == PROCESS_RUNNING ||
		s == PROCESS_STOPPING;
}

/* One process, one run: a launch beside a run would be a second program */
static void a_launch_never_happens_beside_a_run(void **state) {
	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		for (enum process_event e = 0; e < PROCESS_EVENT_MAX; e++)
			if (state_transition(s, e).action == ACTION_LAUNCH) {
				assert_int_equal(state_transition(s, e).next, PROCESS_STARTING);
				assert_true(!has_process(s) || e == EVENT_EXIT_NOW);
			}
}

static void actions_on_a_run_happen_only_where_there_is_one(void **state) {
	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		for (enum process_event e = 0; e < PROCESS_EVENT_MAX; e++)
			switch (state_transition(s, e).action) {
			case ACTION_PREPARE:
			case ACTION_READY:
			case ACTION_TERMINATE:
			case ACTION_ABORT:
			case ACTION_ASKED:
				assert_true(has_process(s));
				break;
			default:
				break;
			}
}

static void every_state_with_a_process_takes_an_end(void **state) {
	static const enum process_event ends[] = { EVENT_EXIT_DONE, EVENT_EXIT_AGAIN,
		EVENT_EXIT_FAILED };

	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		for (size_t i = 0; i < 3; i++)
			if (has_process(s))
				assert_false(has_process(state_transition(s, ends[i]).next));
}

static void every_state_and_event_has_a_name_of_its_own(void **state) {
	for (enum process_state a = 0; a < PROCESS_STATE_MAX; a++)
		for (enum process_state b = 0; b < a; b++)
			assert_string_not_equal(
				process_state_to_string(a), process_state_to_string(b));
	for (enum process_event a = 0; a < PROCESS_EVENT_MAX; a++)
		for (enum process_event b = 0; b < a; b++)
			assert_string_not_equal(
				process_event_to_string(a), process_event_to_string(b));
}

static void only_what_is_stopped_waits(void **state) {
	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		for (enum process_event e = 0; e < PROCESS_EVENT_MAX; e++)
			if (state_transition(s, e).action == ACTION_WAIT)
				assert_int_equal(state_transition(s, e).next, PROCESS_STOPPED);
}

static void wanted_has_names(void **state) {
	assert_string_equal(wanted_to_string(WANTED_RUNNING), "running");
	assert_string_equal(wanted_to_string(WANTED_STOPPED), "stopped");
	assert_string_equal(wanted_by_to_string(WANTED_BY_POLICY), "policy");
	assert_string_equal(wanted_by_to_string(WANTED_BY_PERSON), "person");
	assert_string_equal(wanted_by_to_string(WANTED_BY_RELOAD), "reload");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cell_is_as_written),
		cmocka_unit_test(no_cell_leads_out_of_range),
		cmocka_unit_test(every_state_is_reached_from_every_other),
		cmocka_unit_test(a_launch_never_happens_beside_a_run),
		cmocka_unit_test(actions_on_a_run_happen_only_where_there_is_one),
		cmocka_unit_test(every_state_with_a_process_takes_an_end),
		cmocka_unit_test(every_state_and_event_has_a_name_of_its_own),
		cmocka_unit_test(only_what_is_stopped_waits),
		cmocka_unit_test(wanted_has_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
