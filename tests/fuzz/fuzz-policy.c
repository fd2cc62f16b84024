/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a policy. Beyond not crashing: a verdict always comes with its reason, what's accepted
 * holds what the language promises, and what's printed about it can't drive a terminal.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/budget.h"
#include "libpolicy/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
	if (!condition)
		abort();
}

static void check_process(const struct process_policy *p) {
	struct budget b;

	require(p->name && p->command && p->command[0] && p->command[0][0]);
	require(p->place.file && p->place.line > 0 && p->place.column > 0);
	require(p->memory.lock < LOCK_MODE_MAX && p->ready.when < READY_WHEN_MAX);
	require(p->memory.heap.arenas <= 64); /* 0: the allocator's own choice */
	require(p->scheduling.priority >= 0 && p->scheduling.priority <= 99);
	require(p->compliance.interval_usec >= 1000 && p->ready.timeout_usec > 0);
	require(process_policy_same_launch(p, p));
	budget_compute(p, 1 << 20, 8 << 20, &b);
	require(b.n_lines > 0 && b.total_bytes >= 1 << 20);
	STRV_FOREACH (variable, p->environment)
		require(strchr(*variable, '=') > *variable);
}

/* Only a mount is named by a path, and none of these leads upwards. */
static void check_setting(const char *setting) {
	static const char mount[] = "hugetlbfs./";

	require(setting[0]);
	if (strncmp(setting, mount, strlen(mount)) == 0)
		require(!strstr(setting, "/.") && !strstr(setting, "//"));
	else
		require(!strchr(setting, '/'));
}

static void check_set(const struct policy_set *s) {
	for (size_t i = 0; i < s->n_processes; i++)
		check_process(&s->processes[i]);
	for (size_t i = 0; i < s->n_wishes; i++) {
		check_setting(s->wishes[i].setting);
		require(s->wishes[i].wanted[0] && !strchr(s->wishes[i].wanted, '\n'));
	}
}

static void check_diagnostics(const struct diagnostics *d) {
	for (size_t i = 0; i < d->n_items; i++) {
		const struct diagnostic *item = &d->items[i];

		require(item->file && item->id && item->message && item->message[0]);
		require(item->line == 0 || item->source);
		require(i == 0 || item->line >= d->items[i - 1].line);
	}
}

static void check_output(const struct diagnostics *d) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	require(out);
	diagnostics_print(d, out, false);
	diagnostics_print_json(d, out);
	require(fclose(out) == 0);
	for (size_t i = 0; i < size; i++)
		require((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t');
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	int r = policy_set_parse("input.yaml", (const char *)data, size, &set, &d);

	require(r == 0 || r == -EINVAL);
	require((r == 0) == (set != NULL) && (r == 0) == (d.n_errors == 0));
	check_diagnostics(&d);
	check_output(&d);
	if (set)
		check_set(set);
	return 0;
}
