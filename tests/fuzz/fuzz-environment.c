/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as an environment file: no crash; what is accepted is KEY=VALUE, each key once. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/strv.h"
#include "libpolicy/environment-file.h"
#include "libpolicy/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(char *const *all, const char *entry) {
	size_t len = strcspn(entry, "=");
	char key[256];

	if (entry[len] != '=')
		abort();
	if (len >= sizeof(key))
		return;
	memcpy(key, entry, len);
	key[len] = '\0';
	if (!variable_name_is_valid(key) || variable_is_reserved(key))
		abort();
	if (strv_env_get(all, key) != entry + len + 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct environment_problem problem = { .line = 0 };
	_cleanup_strv_ char **variables = NULL;
	int r = environment_file_parse((const char *)data, size, &variables, &problem);

	if (r < 0 && r != -ENOMEM && (problem.line == 0 || !problem.text[0]))
		abort();
	STRV_FOREACH (entry, variables)
		check_entry(variables, *entry);
	return 0;
}
