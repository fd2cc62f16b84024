/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_ENUMS_H
#define RTMEM_LIBPOLICY_ENUMS_H

/* The words of the language and the numbers behind them, each pair in one place. */

struct enum_name {
	const char *name; /* NULL ends a table */
	int value;
};

extern const struct enum_name lock_names[];
extern const struct enum_name thp_names[];
extern const struct enum_name allocator_names[];
extern const struct enum_name heap_pages_names[];
extern const struct enum_name pages_fallback_names[];
extern const struct enum_name inject_names[];
extern const struct enum_name fork_names[];
extern const struct enum_name children_names[];
extern const struct enum_name ready_names[];
extern const struct enum_name violation_names[];
extern const struct enum_name restart_names[];
extern const struct enum_name seal_names[];
extern const struct enum_name on_timeout_names[];
extern const struct enum_name on_change_names[];
extern const struct enum_name stop_signal_names[];
extern const struct enum_name scheduler_names[];
extern const struct enum_name host_thp_names[];

const struct enum_name *enum_find(const struct enum_name *names, const char *name);
const char *enum_to_string(const struct enum_name *names, int value);

#endif
