/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_DIAGNOSTIC_IDS_H
#define RTMEM_LIBPOLICY_DIAGNOSTIC_IDS_H

/* Every way in which a policy can be wrong. Inside libpolicy only; others see the id's text. */
#include <stddef.h>

#include "libpolicy/diagnostic.h"

enum diagnostic_id {
	/* the file */
	DIAG_FILE_UNREADABLE,
	DIAG_FILE_TYPE,
	DIAG_FILE_TOO_LARGE,
	DIAG_FILE_OWNER,
	DIAG_FILE_WRITABLE,
	DIAG_DIRECTORY_OWNER,
	DIAG_DIRECTORY_WRITABLE,
	DIAG_LINK_OWNER,
	/* the text */
	DIAG_INVALID_UTF8,
	DIAG_NUL_BYTE,
	DIAG_CONTROL_CHARACTER,
	DIAG_SYNTAX,
	DIAG_TAB,
	DIAG_EMPTY,
	DIAG_SECOND_DOCUMENT,
	DIAG_ANCHOR,
	DIAG_ALIAS,
	DIAG_MERGE_KEY,
	DIAG_TAG,
	DIAG_TOO_DEEP,
	DIAG_TOO_MANY_NODES,
	DIAG_TOO_MANY_PROBLEMS,
	/* keys and values */
	DIAG_MISSING_VERSION,
	DIAG_UNSUPPORTED_VERSION,
	DIAG_UNKNOWN_KEY,
	DIAG_DUPLICATE_KEY,
	DIAG_KEY_NOT_TEXT,
	DIAG_BAD_NAME,
	DIAG_WRONG_TYPE,
	DIAG_AMBIGUOUS_NUMBER,
	DIAG_OUT_OF_RANGE,
	DIAG_BAD_SIZE,
	DIAG_SIZE_OUT_OF_RANGE,
	DIAG_BAD_DURATION,
	DIAG_DURATION_OUT_OF_RANGE,
	DIAG_BAD_CPU_LIST,
	DIAG_CPU_OUT_OF_RANGE,
	DIAG_BAD_VALUE,
	DIAG_BAD_LIMIT,
	DIAG_EMPTY_TEXT,
	DIAG_NUL_IN_TEXT,
	DIAG_NOT_ABSOLUTE,
	DIAG_RESERVED_VARIABLE,
	DIAG_TOO_MANY_ENTRIES,
	DIAG_HUGEPAGE_SIZE,
	DIAG_BAD_SYSCTL,
	DIAG_SYSCTL_NOT_ALLOWED,
	DIAG_SYSCTL_EXTENDED,
	DIAG_DRIFT_UNUSED,
	/* references */
	DIAG_UNKNOWN_PROFILE,
	DIAG_INHERITS_CYCLE,
	DIAG_INHERITS_TOO_MANY,
	DIAG_DUPLICATE_NAME,
	DIAG_MISSING_COMMAND,
	DIAG_UNKNOWN_PROCESS,
	DIAG_AFTER_CYCLE,
	/* keys that contradict one another */
	DIAG_STACK_TOO_SMALL,
	DIAG_STACK_UNLIMITED,
	DIAG_STACK_EXCEEDS_LIMIT,
	DIAG_MEMLOCK_ZERO,
	DIAG_MEMLOCK_TOO_SMALL,
	DIAG_MEMLOCK_VOID,
	DIAG_PRIORITY_WITHOUT_REALTIME,
	DIAG_REALTIME_WITHOUT_PRIORITY,
	DIAG_PRIORITY_EXCEEDS_RTPRIO,
	DIAG_NICE_WITH_REALTIME,
	DIAG_OOM_WITH_LIMIT,
	DIAG_CGROUP_MAX_TOO_SMALL,
	DIAG_CGROUP_PROTECTS_BEYOND_MAX,
	DIAG_PREALLOC_WITHOUT_LOCK,
	DIAG_RESERVE_WITHOUT_LOCK,
	DIAG_ARENA_TOO_LARGE,
	DIAG_PAGES_WITHOUT_GLIBC,
	DIAG_PAGES_WITH_ARENAS,
	DIAG_FALLBACK_WITHOUT_PAGES,
	DIAG_ARENAS_OF_MIMALLOC,
	DIAG_SETTLE_UNUSED,
	DIAG_SETTLE_EXCEEDS_TIMEOUT,
	DIAG_RESTART_LIMIT_UNREACHABLE,
	DIAG_ENVIRONMENT_CONFLICT,
	DIAG_SEAL_WITHOUT_LOCK,
	DIAG_SEAL_WITHOUT_HEAP,
	DIAG_SEAL_BEFORE_MAIN,
	DIAG_FORK_WITH_SEAL,
	DIAG_INJECT_NONE_STRICT,
	DIAG_INJECT_NEEDS_LIBRARY,
	DIAG_HOST_CONFLICT,
	DIAG_ID_MAX,
};

/* Who else would notice; the schema tests compare verdicts by it. */
enum noticed_by {
	NOTICED_BY_US, /* neither a YAML loader nor a schema can */
	NOTICED_BY_YAML, /* a strict YAML loader refuses the text */
	NOTICED_BY_SCHEMA,
};

struct diagnostic_info {
	const char *name; /* stable: scripts match it */
	enum severity severity;
	enum noticed_by noticed;
};

const struct diagnostic_info *diagnostic_info(enum diagnostic_id id);

#define DIAGNOSTICS_PER_FILE_MAX 100u

/** Appends; a NULL `d` drops it. place->line 0 = the file as a whole. */
void diagnostics_add(struct diagnostics *d, const struct place *place, enum diagnostic_id id,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/** Gives the latest diagnostic a hint (or nothing, if that one was dropped). */
void diagnostics_hint(struct diagnostics *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Copies the line of each diagnostic of `file` out of its text. */
void diagnostics_attach_source(
	struct diagnostics *d, const char *file, const char *text, size_t length);
/** Line by line within each file; files keep the order in which they first appear. */
void diagnostics_sort(struct diagnostics *d);

#define QUOTE_MAX 80
/** User text for a message: in quotes, cut at a character when long. */
const char *quote(const char *text, char buf[static QUOTE_MAX]);

#endif
