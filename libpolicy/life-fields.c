/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of the table about the life of a process: its start, its end, what it writes, what is judged. */
#include "libpolicy/fields.h"

#define P(member) offsetof(struct process_policy, member)

#define TIB	 (INT64_C(1) << 40)
#define MSEC	 INT64_C(1000)
#define SECOND	 INT64_C(1000000)
#define HOUR	 (3600 * SECOND)
#define ANY_SIZE (INT64_C(1) << 62)

const struct field ready_fields[] = {
	{ "when", KIND_ENUM, .offset = P(ready.when), .names = ready_names, .fallback = "settle",
		.doc = "What makes the program count as ready. notify: it says READY=1 (sd_notify). settle: no new fault, thread "
		       "or mapping for the settle time. exec: at once.",
		.example = "notify" },
	{ "timeout", KIND_DURATION, .live = true, .offset = P(ready.timeout_usec), .min = MSEC,
		.max = 24 * HOUR, .fallback = "30s", .unit = "duration",
		.doc = "How long the program may take to become ready.", .example = "30s" },
	{ "on_timeout", KIND_ENUM, .live = true, .offset = P(ready.on_timeout),
		.names = on_timeout_names, .fallback = "report",
		.doc = "What happens when the timeout is over. report: a finding, and the program goes on. "
		       "fail: it is stopped, which counts as a failure for restart.",
		.example = "fail" },
	{ "settle", KIND_DURATION, .offset = P(ready.settle_usec), .min = MSEC, .max = HOUR,
		.fallback = "500ms", .unit = "duration",
		.doc = "Quiet time after which the program counts as ready; only with when: settle.",
		.example = "500ms" },
	{ NULL },
};

const struct field compliance_fields[] = {
	{ "minor_faults", KIND_FAULTS, .live = true, .offset = P(compliance.minor_faults),
		.max = ANY_SIZE, .fallback = "0", .unit = "faults",
		.doc = "Minor page faults allowed since ready; unlimited doesn't judge them.",
		.example = "0" },
	{ "major_faults", KIND_FAULTS, .live = true, .offset = P(compliance.major_faults),
		.max = ANY_SIZE, .fallback = "0", .unit = "faults",
		.doc = "Major page faults (those that wait for storage) allowed since ready.",
		.example = "0" },
	{ "interval", KIND_DURATION, .live = true, .offset = P(compliance.interval_usec),
		.min = 10 * MSEC, .max = HOUR, .fallback = "1s", .unit = "duration",
		.doc = "Time between two samples.", .example = "1s" },
	{ "on_violation", KIND_ENUM, .live = true, .offset = P(compliance.on_violation),
		.names = violation_names, .fallback = "report",
		.doc = "What happens when a rule is broken, beside the report.",
		.example = "report" },
	{ NULL },
};

const struct field restart_fields[] = {
	{ "when", KIND_ENUM, .live = true, .offset = P(restart.when), .names = restart_names,
		.fallback = "no", .doc = "After which end the program is started again.",
		.example = "on-failure" },
	{ "delay", KIND_DURATION, .live = true, .offset = P(restart.delay_usec), .max = HOUR,
		.fallback = "1s", .unit = "duration",
		.doc = "Pause before it's started again. It doubles with each restart within the window, "
		       "up to delay_max.",
		.example = "1s" },
	{ "delay_max", KIND_DURATION, .live = true, .offset = P(restart.delay_max_usec),
		.max = HOUR, .fallback = "30s", .unit = "duration",
		.doc = "The longest pause. The same as delay, or less: the pause never grows.",
		.example = "30s" },
	{ "limit", KIND_COUNT, .live = true, .offset = P(restart.limit), .max = 10000,
		.fallback = "5",
		.doc = "Restarts within the window before the process counts as failed; 0 = no "
		       "limit.",
		.example = "5" },
	{ "window", KIND_DURATION, .live = true, .offset = P(restart.window_usec), .min = SECOND,
		.max = 24 * HOUR, .fallback = "60s", .unit = "duration",
		.doc = "The time that `limit` counts over.", .example = "60s" },
	{ NULL },
};

const struct field stop_fields[] = {
	{ "signal", KIND_ENUM, .live = true, .offset = P(stop.signal), .names = stop_signal_names,
		.fallback = "term", .doc = "The signal that asks the program to end.",
		.example = "int" },
	{ "timeout", KIND_DURATION, .live = true, .offset = P(stop.timeout_usec), .min = MSEC,
		.max = HOUR, .fallback = "10s", .unit = "duration",
		.doc = "How long the program and all that it started may take to end; then they are killed.",
		.example = "10s" },
	{ NULL },
};

const struct field output_fields[] = {
	{ "stdout", KIND_OUTPUT, .offset = P(output.standard),
		.doc = "Where the program's standard output goes: inherit (that of rtmemd), journal, none, or the "
		       "absolute path of a file, to which it is appended. Not set: inherit.",
		.example = "/var/log/camera.log" },
	{ "stderr", KIND_OUTPUT, .offset = P(output.error),
		.doc = "The same for standard error. Not set: where stdout goes.",
		.example = "journal" },
	{ "rotate_size", KIND_SIZE, .live = true, .offset = P(output.rotate_bytes), .max = TIB,
		.fallback = "0", .unit = "bytes",
		.doc = "Size at which a file of output is rotated: to NAME.1, that to NAME.2 and so on. 0 never.",
		.example = "10M" },
	{ "rotate_keep", KIND_COUNT, .live = true, .offset = P(output.rotate_keep), .min = 1,
		.max = 100, .fallback = "3", .doc = "How many rotated files are kept.",
		.example = "3" },
	{ NULL },
};

const struct field cgroup_fields[] = {
	{ "memory_min", KIND_SIZE, .live = true, .offset = P(cgroup.memory_min_bytes), .max = TIB,
		.fallback = "0", .unit = "bytes",
		.doc = "Memory of the program that is never reclaimed for others (memory.min of cgroup v2).",
		.example = "256M" },
	{ "memory_low", KIND_SIZE, .live = true, .offset = P(cgroup.memory_low_bytes), .max = TIB,
		.fallback = "0", .unit = "bytes",
		.doc = "Memory of the program that is reclaimed last (memory.low of cgroup v2).",
		.example = "256M" },
	{ "memory_max", KIND_SIZE, .live = true, .offset = P(cgroup.memory_max_bytes), .max = TIB,
		.fallback = "0", .unit = "bytes",
		.doc = "The most memory that the program and its children may take (memory.max of cgroup v2); "
		       "locked memory counts, and beyond it the kernel kills. 0 sets none.",
		.example = "1G" },
	{ NULL },
};
