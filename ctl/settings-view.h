/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_SETTINGS_VIEW_H
#define RTMEM_CTL_SETTINGS_VIEW_H

/* Settings of the machine, as the rows of contract and as a table. */
#include <stdbool.h>
#include <stdio.h>

#include "common/json.h"
#include "host/owners.h"
#include "host/settings.h"

/** Array "host" of the JSON documents; claims may be NULL: then without "owners". */
void settings_print_json(const struct settings *s, const struct claims *claims, struct json *j);
/** Table with the reasons below; all: also what is as wanted. indent: blanks. 0 or -ENOMEM. */
int settings_print(const struct settings *s, bool all, FILE *out, size_t indent);
/** Who else wants a setting otherwise; all: also who wants the same. Returns how many lines. */
size_t settings_print_owners(
	const struct settings *s, const struct claims *claims, bool all, FILE *out, size_t indent);
size_t settings_count(const struct settings *s, enum setting_result result);

#endif
