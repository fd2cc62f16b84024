/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the scripts of these tests ask: `check-policy [--root] PATH...` loads a policy and prints its
 * diagnostics as users see them, then the ids ("ids: unknown-key syntax"); `--root` loads as rtmemd
 * does, with the checks of ownership; `--set` prints the set that came out; `--ids` prints the table
 * of ids. Exit status 0 = accepted, 1 = refused, 2 = can't tell.
 */
#include <string.h>

#include "common/units.h"
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/set.h"

static int print_ids(void) {
	static const char *const noticed[] = {
		[NOTICED_BY_US] = "us",
		[NOTICED_BY_YAML] = "yaml",
		[NOTICED_BY_SCHEMA] = "schema",
	};

	for (int i = 0; i < DIAG_ID_MAX; i++) {
		const struct diagnostic_info *info = diagnostic_info((enum diagnostic_id)i);

		printf("%s %s %s\n", info->name,
			info->severity == SEVERITY_ERROR ? "error" : "warning",
			noticed[info->noticed]);
	}
	return 0;
}

static void print_process(const struct process_policy *p) {
	char threads[UNITS_TEXT_MAX], prealloc[UNITS_TEXT_MAX];

	printf("%s: lock %s, threads %s, prealloc %s, from %s:%u\n", p->name,
		lock_mode_to_string(p->memory.lock),
		format_size(p->memory.stack.threads_bytes, threads),
		format_size(p->memory.heap.prealloc_bytes, prealloc), p->place.file, p->place.line);
	STRV_FOREACH (argument, p->command)
		printf("  argument %s\n", *argument);
	STRV_FOREACH (variable, p->environment)
		printf("  environment %s\n", *variable);
}

static void print_set(const struct policy_set *s) {
	for (size_t i = 0; i < s->n_processes; i++)
		print_process(&s->processes[i]);
	for (size_t i = 0; i < s->n_wishes; i++)
		printf("%s = %s%s\n", s->wishes[i].setting, s->wishes[i].wanted,
			s->wishes[i].reapply ? " (reapply)" : "");
}

int main(int argc, char **argv) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	unsigned flags = 0;
	bool show = false;
	int i = 1, r;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--ids") == 0)
			return print_ids();
		flags |= strcmp(argv[i], "--root") == 0 ? LOAD_CHECK_OWNER : 0;
		show = show || strcmp(argv[i], "--set") == 0;
	}
	r = policy_set_load(argv + i, flags, &set, &d);
	diagnostics_print(&d, stdout, false);
	if (d.n_items > 0)
		printf("ids:");
	for (size_t j = 0; j < d.n_items; j++)
		printf(" %s", d.items[j].id);
	if (d.n_items > 0)
		putchar('\n');
	if (set && show)
		print_set(set);
	return r == 0 ? 0 : r == -EINVAL ? 1 : 2;
}
