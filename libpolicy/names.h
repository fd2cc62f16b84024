/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_NAMES_H
#define RTMEM_LIBPOLICY_NAMES_H

/* What names may look like: each rule as a function for the reader and a pattern for the schema. */
#include <stdbool.h>

#define IDENTITY_PATTERN     "^([A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,9})$"
#define PROCESS_NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
#define VARIABLE_PATTERN     "^[A-Za-z_][A-Za-z0-9_]*$"
#define SYSCTL_PATTERN	     "^[a-z0-9_-]+([.][a-z0-9_-]+)+$"
#define SYSCTL_ALLOW_PATTERN "^[a-z0-9_-]+([.]([a-z0-9_-]+|[*]))+$"
#define MOUNT_PATTERN	     "^(/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*)+$"
#define MODE_PATTERN	     "^[0-7]{3,4}$"
#define OUTPUT_PATTERN	     "^(inherit|journal|none|/.*)$"
#define FILES_PATTERN	     "^-?/"
#define NODE_PATTERN	     "^node(0|[1-9][0-9]{0,3})$"

/** user, group: a name or a number. */
bool identity_is_valid(const char *text);
/** Names of processes and profiles. */
bool process_name_is_valid(const char *text);
/** Names of environment variables. */
bool variable_name_is_valid(const char *text);
/** Those that rtmem sets itself. */
bool variable_is_reserved(const char *name);
/** Dotted names; no empty part, so that no path leaves /proc/sys. */
bool sysctl_name_is_valid(const char *text);
/** The same, with * for any part but the first. */
bool sysctl_pattern_is_valid(const char *text);
bool sysctl_matches(const char *pattern, const char *name);
/** Directories to mount on: absolute, no part that begins with a dot. */
bool mount_path_is_valid(const char *text);
/** "770", "0770" */
bool mode_is_valid(const char *text);
/** inherit, journal, none or an absolute path */
bool output_is_valid(const char *text);
/** "node0" ... "node9999". */
bool node_name_is_valid(const char *text);

#endif
