/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl check: are these policies valid? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/policies.h"
#include "ctl/terminal.h"

static const char *plural(size_t n, const char *one, const char *many) {
	return n == 1 ? one : many;
}

static void print_verdict(const struct policy_set *set) {
	size_t n_files = strv_length(set->files), n = set->n_processes;

	if (n_files == 0)
		printf("no policy files (*.yaml) found: nothing to check\n");
	else
		printf("%zu %s, %zu %s: valid\n", n_files, plural(n_files, "file", "files"), n,
			plural(n, "process", "processes"));
}

static int check_exists(int argc, char *argv[]) {
	for (int i = 0; i < argc; i++)
		if (access(argv[i], F_OK) < 0)
			return fail(EXIT_NOT_GOOD, "%s: %s", argv[i], strerror(errno));
	return 0;
}

int verb_check(const struct options *o, int argc, char *argv[]) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	int r = check_exists(argc, argv);

	if (r == 0)
		r = policies_missing(o, argc ? argv : NULL, EXIT_NOT_GOOD);
	if (r != 0)
		return r;
	r = policies_read(o, argc ? argv : NULL, &set, &d);
	if (o->json)
		diagnostics_print_json(&d, stdout);
	else
		diagnostics_print(&d, stderr, terminal_has_colour(stderr));
	if (r < 0 && r != -EINVAL)
		return fail_errno(EXIT_CANT_TELL, r, "can't load the policies");
	if (d.out_of_memory)
		return fail_errno(EXIT_CANT_TELL, ENOMEM, "not every problem could be kept");
	if (r == 0 && !o->json)
		print_verdict(set);
	return r < 0 ? EXIT_NOT_GOOD : EXIT_GOOD;
}
