/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl schema: the JSON Schema of the policy language. */
#include "libpolicy/schema.h"

#include "ctl/ctl.h"

int verb_schema(const struct options *o, int argc, char *argv[]) {
	int r = schema_print(stdout);

	return r < 0 ? fail_errno(EXIT_NOT_GOOD, r, "can't print the schema") : EXIT_GOOD;
}
