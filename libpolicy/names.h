/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_NAMES_H
#define RTMEM_LIBPOLICY_NAMES_H

/* What names may look like: each rule as a function for the reader and a pattern for the schema. */
#include <stdbool.h>

#define IDENTITY_PATTERN     "^([A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,9})$"
#define PROCESS_NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
#define VARIABLE_PATTERN     "^[A-Za-z_][A-Za-z0-9_]*$"
#define SYSCTL_PATTERN	     "^(vm|kernel)([.][a-z0-9_-]+)+$"
#define NODE_PATTERN	     "^node(0|[1-9][0-9]{0,3})$"

/** user, group: a name or a number. */
bool identity_is_valid(const char *text);
/** Names of processes and profiles. */
bool process_name_is_valid(const char *text);
/** Names of environment variables. */
bool variable_name_is_valid(const char *text);
/** Dotted names below vm. and kernel.; no empty part, so that no path leaves /proc/sys. */
bool sysctl_name_is_valid(const char *text);
/** "node0" ... "node9999". */
bool node_name_is_valid(const char *text);

#endif
