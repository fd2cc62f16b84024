/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_SCHEMA_H
#define RTMEM_LIBPOLICY_SCHEMA_H

/* What the key table says about itself. */
#include <stdio.h>

/** The JSON Schema (draft 2020-12) of the policy language, from the table of keys. */
int schema_print(FILE *out);

/** Meaning, unit, range, default of KEY ("processes.*.memory.lock", "memory.lock", "lock");
 *  every key whose tail matches. -ENOENT when none does (then `ret_suggestion` may name a near one;
 *  it points into the table). */
int explain_print(const char *key, FILE *out, const char **ret_suggestion);
/** All keys, one line each. */
int explain_print_all(FILE *out);

#endif
