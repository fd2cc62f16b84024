/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl apply: the daemon loads its directories again, and says what that changes. What it started is
 * followed until it runs or is known not to: an apply whose program can't run is not a good one.
 */
#include <stdio.h>
#include <string.h>

#include "common/units.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/follow.h"
#include "ctl/local.h"
#include "ctl/status-view.h"
#include "ctl/table.h"
#include "ctl/terminal.h"
#include "ctl/writes-view.h"
#include "libpolicy/diagnostic.h"

/* The text of a member, borrowed; NULL when it's empty or missing. */
static char *text_of(json_object *item, const char *name) {
	const char *text = answer_string(item, name);

	return *text ? (char *)text : NULL;
}

/* As `check` prints them, one at a time. The daemon sends the line along: it may have read another
 * version of the file than is there now. */
static void print_diagnostics(json_object *d) {
	for (size_t i = 0; i < answer_length(d, "diagnostics"); i++) {
		json_object *item = answer_item(d, "diagnostics", i);
		bool warning = strcmp(answer_string(item, "severity"), "warning") == 0;
		struct diagnostic one = {
			.file = (char *)answer_string(item, "file"),
			.line = (unsigned)answer_int(item, "line"),
			.column = (unsigned)answer_int(item, "column"),
			.severity = warning ? SEVERITY_WARNING : SEVERITY_ERROR,
			.message = (char *)answer_string(item, "message"),
			.hint = text_of(item, "hint"),
			.source = text_of(item, "source"),
		};
		const struct diagnostics borrowed = { .items = &one, .n_items = 1 };

		diagnostics_print(&borrowed, stderr, terminal_has_colour(stderr));
	}
}

/* Key by key, what it was and is; environment variables aren't told. */
static void print_changes(json_object *process) {
	for (size_t i = 0; i < answer_length(process, "changes"); i++) {
		json_object *c = answer_item(process, "changes", i);
		const char *from = answer_string(c, "from"), *to = answer_string(c, "to");

		printf("  %s: %s", answer_string(process, "name"), answer_string(c, "key"));
		if (*from || *to)
			printf(": %s -> %s", *from ? from : "(not set)", *to ? to : "(not set)");
		puts(answer_bool(c, "needs_restart") ? " (restart needed)" : "");
	}
	if (*answer_string(process, "problem"))
		fprintf(stderr, "rtmemctl: %s: %s\n", answer_string(process, "name"),
			answer_string(process, "problem"));
}

static bool has_problem(json_object *d) {
	for (size_t i = 0; i < answer_length(d, "processes"); i++)
		if (*answer_string(answer_item(d, "processes", i), "problem"))
			return true;
	return false;
}

static int print_actions(json_object *d) {
	static const struct table_column columns[] = {
		{ .title = "NAME", .shrink = true },
		{ .title = "ACTION" },
		{ .title = "REASON", .shrink = true },
	};
	_cleanup_table_ struct table table;
	int r;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < answer_length(d, "processes"); i++) {
		json_object *item = answer_item(d, "processes", i);
		const char *action = answer_string(item, "action");

		table_cell(&table, COLOUR_NONE, "%s", answer_string(item, "name"));
		table_cell(&table, strcmp(action, "keep") == 0 ? COLOUR_DIM : COLOUR_BOLD, "%s",
			action);
		table_cell(&table, COLOUR_NONE, "%s", answer_string(item, "reason"));
	}
	if (table.n_cells == 0)
		return 0;
	r = table_print(&table, stdout, terminal_width(stdout), 0, terminal_has_colour(stdout));
	for (size_t i = 0; i < answer_length(d, "processes"); i++)
		print_changes(answer_item(d, "processes", i));
	return r;
}

static size_t count_pending(json_object *d) {
	size_t n = 0;

	for (size_t i = 0; i < answer_length(d, "processes"); i++)
		n += strcmp(answer_string(answer_item(d, "processes", i), "action"), "pending") ==
			0;
	return n;
}

/* What waits is no failure, but nobody should overlook it. */
static void print_pending(json_object *d) {
	size_t n = count_pending(d);

	if (n > 0)
		printf("%zu process%s a restart: `rtmemctl restart NAME`, or `rtmemctl apply "
		       "--restart` for all\n",
			n, n == 1 ? " needs" : "es need");
}

static bool has_drift(json_object *d) {
	for (size_t i = 0; i < answer_length(d, "host"); i++)
		if (strcmp(answer_string(answer_item(d, "host", i), "result"), "drift") == 0)
			return true;
	return false;
}

/* To end the old program and prepare the new one; what takes longer is left to `status`. */
#define BEGIN_MSEC 3000

static bool was_started(json_object *item) {
	const char *action = answer_string(item, "action");

	return strcmp(action, "start") == 0 || strcmp(action, "restart") == 0;
}

/* Says which of the started ones can't run, and why; how many. */
static size_t count_failed(const struct options *o, json_object *d) {
	size_t n = 0;

	for (size_t i = 0; i < answer_length(d, "processes"); i++) {
		json_object *item = answer_item(d, "processes", i), *process;
		const char *name = answer_string(item, "name");
		_cleanup_answer_ json_object *document = NULL;
		_cleanup_free_ char *text = NULL;

		if (!was_started(item) ||
			follow_process(o, name, follow_has_begun, BEGIN_MSEC, &text, &document) !=
				0)
			continue;
		process = answer_item(document, "processes", 0);
		if (strcmp(answer_string(process, "state"), "failed") != 0)
			continue;
		n++;
		fprintf(stderr, "rtmemctl: %s failed: %s\n", name, follow_reason(process));
	}
	return n;
}

static void print_tried(const struct options *o) {
	char duration[UNITS_TEXT_MAX];

	printf("tried: it goes back in %s unless `rtmemctl confirm` comes; `rtmemctl rollback "
	       "--tried` takes it back at once\n",
		format_duration(o->try_usec, duration));
}

static void print_result(const struct options *o, json_object *d, bool changed) {
	const char *result = answer_string(d, "result");

	if (strcmp(result, "refused") == 0)
		puts("refused: nothing was changed, what runs goes on under the policies it has");
	else if (o->dry_run)
		puts(changed ? "this is what apply would do; nothing was changed"
			     : "nothing would change");
	else if (o->try_usec && writes_made(d) > 0)
		print_tried(o);
	else if (has_drift(d))
		puts("applied, but not all: the settings of the machine named above aren't as wanted");
	else
		puts(changed ? "applied" : "unchanged");
}

/* Settings are told by what was written; what else isn't as wanted is told besides. */
static int print_document(const struct options *o, json_object *d, bool changed) {
	int r;

	print_diagnostics(d);
	r = print_actions(d);
	writes_print(d, stdout);
	if (!o->dry_run)
		status_print_host(d, stdout);
	print_pending(d);
	print_result(o, d, changed);
	return r;
}

static int call(const struct options *o, bool *ret_changed, char **ret_text) {
	if (o->host_only)
		return local_apply(o, ret_changed, ret_text);
	return o->try_usec && !o->dry_run ? client_try(o, o->try_usec, ret_changed, ret_text)
					  : client_apply(o, ret_changed, ret_text);
}

int verb_apply(const struct options *o, int argc, char *argv[]) {
	_cleanup_free_ char *text = NULL;
	_cleanup_answer_ json_object *d = NULL;
	bool changed = false;
	int r;

	if (o->restart && (o->try_usec || o->host_only))
		return fail(EXIT_USAGE,
			"--restart: processes are left alone by --try, --host-only "
			"and --at-boot");
	if (o->at_boot && o->try_usec)
		return fail(EXIT_USAGE, "--at-boot: nobody is there to confirm a --try");
	r = call(o, &changed, &text);
	if (r != 0)
		return r;
	d = answer_parse(text);
	if (!d)
		return fail(EXIT_CANT_TELL, "rtmemd gave an answer that is no JSON document");
	if (o->json)
		answer_print(text);
	else if (print_document(o, d, changed) < 0)
		return fail_errno(EXIT_CANT_TELL, ENOMEM, "can't print");
	if (strcmp(answer_string(d, "result"), "refused") == 0)
		return EXIT_NOT_GOOD;
	if (o->dry_run)
		return EXIT_GOOD;
	return count_failed(o, d) > 0 || has_problem(d) || has_drift(d) ||
			writes_failed(d, false) > 0 || *answer_string(d, "problem")
		? EXIT_NOT_GOOD
		: EXIT_GOOD;
}
