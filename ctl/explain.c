/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl explain: what a key of a policy means. */
#include <errno.h>

#include "ctl/ctl.h"
#include "libpolicy/schema.h"

int verb_explain(const struct options *o, int argc, char *argv[]) {
	const char *suggestion = NULL;
	int r = argc ? explain_print(argv[0], stdout, &suggestion) : explain_print_all(stdout);

	if (r == -ENOENT && suggestion)
		return fail(EXIT_NOT_GOOD, "there is no key `%s`; did you mean `%s`?", argv[0],
			suggestion);
	if (r == -ENOENT)
		return fail(EXIT_NOT_GOOD,
			"there is no key `%s`; `rtmemctl explain` lists them all", argv[0]);
	return r < 0 ? fail_errno(EXIT_NOT_GOOD, r, "can't explain") : EXIT_GOOD;
}
