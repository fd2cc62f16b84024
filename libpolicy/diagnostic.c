/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of diagnostics and the table of their ids. Memory that runs out while one is recorded is
 * remembered in the list, and turned into -ENOMEM by the function that started the reading.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/text.h"
#include "libpolicy/utf8.h"

#define ROW(name) \
	{ name, SEVERITY_ERROR, NOTICED_BY_US }
#define ROW_YAML(name) \
	{ name, SEVERITY_ERROR, NOTICED_BY_YAML }
#define ROW_SCHEMA(name) \
	{ name, SEVERITY_ERROR, NOTICED_BY_SCHEMA }
#define ROW_WARN(name) \
	{ name, SEVERITY_WARNING, NOTICED_BY_US }

static const struct diagnostic_info infos[DIAG_ID_MAX] = {
	[DIAG_FILE_UNREADABLE] = ROW("file-unreadable"),
	[DIAG_FILE_TYPE] = ROW("file-type"),
	[DIAG_FILE_TOO_LARGE] = ROW("file-too-large"),
	[DIAG_FILE_OWNER] = ROW("file-owner"),
	[DIAG_FILE_WRITABLE] = ROW("file-writable"),
	[DIAG_DIRECTORY_OWNER] = ROW("directory-owner"),
	[DIAG_DIRECTORY_WRITABLE] = ROW("directory-writable"),
	[DIAG_LINK_OWNER] = ROW("link-owner"),
	[DIAG_INVALID_UTF8] = ROW_YAML("invalid-utf8"),
	[DIAG_NUL_BYTE] = ROW_YAML("nul-byte"),
	[DIAG_CONTROL_CHARACTER] = ROW_YAML("control-character"),
	[DIAG_SYNTAX] = ROW_YAML("syntax"),
	[DIAG_TAB] = ROW_YAML("tab"),
	[DIAG_EMPTY] = ROW_SCHEMA("empty"),
	[DIAG_SECOND_DOCUMENT] = ROW_YAML("second-document"),
	[DIAG_ANCHOR] = ROW("anchor"),
	[DIAG_ALIAS] = ROW("alias"),
	[DIAG_MERGE_KEY] = ROW_SCHEMA("merge-key"),
	[DIAG_TAG] = ROW_YAML("tag"),
	[DIAG_TOO_DEEP] = ROW("too-deep"),
	[DIAG_TOO_MANY_NODES] = ROW("too-many-nodes"),
	[DIAG_TOO_MANY_PROBLEMS] = ROW("too-many-problems"),
	[DIAG_MISSING_VERSION] = ROW_SCHEMA("missing-version"),
	[DIAG_UNSUPPORTED_VERSION] = ROW_SCHEMA("unsupported-version"),
	[DIAG_UNKNOWN_KEY] = ROW_SCHEMA("unknown-key"),
	[DIAG_DUPLICATE_KEY] = ROW("duplicate-key"),
	[DIAG_KEY_NOT_TEXT] = ROW_YAML("key-not-text"),
	[DIAG_BAD_NAME] = ROW_SCHEMA("bad-name"),
	[DIAG_WRONG_TYPE] = ROW_SCHEMA("wrong-type"),
	[DIAG_AMBIGUOUS_NUMBER] = ROW("ambiguous-number"),
	[DIAG_OUT_OF_RANGE] = ROW_SCHEMA("out-of-range"),
	[DIAG_BAD_SIZE] = ROW_SCHEMA("bad-size"),
	[DIAG_SIZE_OUT_OF_RANGE] = ROW("size-out-of-range"),
	[DIAG_BAD_DURATION] = ROW_SCHEMA("bad-duration"),
	[DIAG_DURATION_OUT_OF_RANGE] = ROW("duration-out-of-range"),
	[DIAG_BAD_CPU_LIST] = ROW_SCHEMA("bad-cpu-list"),
	[DIAG_CPU_OUT_OF_RANGE] = ROW("cpu-out-of-range"),
	[DIAG_BAD_VALUE] = ROW_SCHEMA("bad-value"),
	[DIAG_BAD_LIMIT] = ROW_SCHEMA("bad-limit"),
	[DIAG_EMPTY_TEXT] = ROW_SCHEMA("empty-text"),
	[DIAG_NUL_IN_TEXT] = ROW("nul-in-text"),
	[DIAG_NOT_ABSOLUTE] = ROW_SCHEMA("not-absolute"),
	[DIAG_RESERVED_VARIABLE] = ROW_SCHEMA("reserved-variable"),
	[DIAG_TOO_MANY_ENTRIES] = ROW_SCHEMA("too-many-entries"),
	[DIAG_HUGEPAGE_SIZE] = ROW("hugepage-size"),
	[DIAG_BAD_SYSCTL] = ROW_SCHEMA("bad-sysctl"),
	[DIAG_SYSCTL_NOT_ALLOWED] = ROW("sysctl-not-allowed"),
	[DIAG_SYSCTL_EXTENDED] = ROW_WARN("sysctl-extended"),
	[DIAG_DRIFT_UNUSED] = ROW("drift-unused"),
	[DIAG_UNKNOWN_PROFILE] = ROW("unknown-profile"),
	[DIAG_INHERITS_CYCLE] = ROW("inherits-cycle"),
	[DIAG_INHERITS_TOO_MANY] = ROW("inherits-too-many"),
	[DIAG_DUPLICATE_NAME] = ROW("duplicate-name"),
	[DIAG_MISSING_COMMAND] = ROW("missing-command"),
	[DIAG_UNKNOWN_PROCESS] = ROW("unknown-process"),
	[DIAG_AFTER_CYCLE] = ROW("after-cycle"),
	[DIAG_STACK_TOO_SMALL] = ROW("stack-too-small"),
	[DIAG_STACK_UNLIMITED] = ROW("stack-unlimited"),
	[DIAG_STACK_EXCEEDS_LIMIT] = ROW("stack-exceeds-limit"),
	[DIAG_MEMLOCK_ZERO] = ROW("memlock-zero"),
	[DIAG_MEMLOCK_TOO_SMALL] = ROW("memlock-too-small"),
	[DIAG_MEMLOCK_VOID] = ROW_WARN("memlock-void"),
	[DIAG_PRIORITY_WITHOUT_REALTIME] = ROW("priority-without-realtime"),
	[DIAG_REALTIME_WITHOUT_PRIORITY] = ROW("realtime-without-priority"),
	[DIAG_PRIORITY_EXCEEDS_RTPRIO] = ROW("priority-exceeds-rtprio"),
	[DIAG_NICE_WITH_REALTIME] = ROW_WARN("nice-with-realtime"),
	[DIAG_OOM_WITH_LIMIT] = ROW("oom-with-limit"),
	[DIAG_CGROUP_MAX_TOO_SMALL] = ROW("cgroup-max-too-small"),
	[DIAG_CGROUP_PROTECTS_BEYOND_MAX] = ROW("cgroup-protects-beyond-max"),
	[DIAG_PREALLOC_WITHOUT_LOCK] = ROW_WARN("prealloc-without-lock"),
	[DIAG_RESERVE_WITHOUT_LOCK] = ROW("reserve-without-lock"),
	[DIAG_ARENA_TOO_LARGE] = ROW("arena-too-large"),
	[DIAG_PAGES_WITHOUT_GLIBC] = ROW("pages-without-glibc"),
	[DIAG_PAGES_WITH_ARENAS] = ROW("pages-with-arenas"),
	[DIAG_FALLBACK_WITHOUT_PAGES] = ROW_WARN("fallback-without-pages"),
	[DIAG_ARENAS_OF_MIMALLOC] = ROW_WARN("arenas-of-mimalloc"),
	[DIAG_SETTLE_UNUSED] = ROW("settle-unused"),
	[DIAG_SETTLE_EXCEEDS_TIMEOUT] = ROW("settle-exceeds-timeout"),
	[DIAG_RESTART_LIMIT_UNREACHABLE] = ROW_WARN("restart-limit-unreachable"),
	[DIAG_ENVIRONMENT_CONFLICT] = ROW_WARN("environment-conflict"),
	[DIAG_SEAL_WITHOUT_LOCK] = ROW_WARN("seal-without-lock"),
	[DIAG_SEAL_WITHOUT_HEAP] = ROW_WARN("seal-without-heap"),
	[DIAG_SEAL_BEFORE_MAIN] = ROW("seal-before-main"),
	[DIAG_FORK_WITH_SEAL] = ROW("fork-with-seal"),
	[DIAG_INJECT_NONE_STRICT] = ROW("inject-none-strict"),
	[DIAG_INJECT_NEEDS_LIBRARY] = ROW("inject-needs-library"),
	[DIAG_HOST_CONFLICT] = ROW("host-conflict"),
};

const struct diagnostic_info *diagnostic_info(enum diagnostic_id id) {
	return &infos[id];
}

static void diagnostic_done(struct diagnostic *d) {
	free(d->file);
	free(d->message);
	free(d->hint);
	free(d->source);
}

void diagnostics_done(struct diagnostics *d) {
	for (size_t i = 0; i < d->n_items; i++)
		diagnostic_done(&d->items[i]);
	free(d->items);
	*d = (struct diagnostics){ 0 };
}

/* Room for one more: the array doubles when its length is a power of two. */
static struct diagnostic *append(struct diagnostics *d) {
	size_t n = d->n_items;

	if (n == 0 || (n & (n - 1)) == 0) {
		struct diagnostic *grown = reallocarray(d->items, n ? n * 2 : 1, sizeof(*grown));

		if (!grown)
			return NULL;
		d->items = grown;
	}
	d->items[n] = (struct diagnostic){ 0 };
	return &d->items[n];
}

/* Diagnostics of one file are recorded in one go, so that they stand together at the end. */
static size_t count_of_file(const struct diagnostics *d, const char *file) {
	size_t n = 0;

	while (n < d->n_items && strcmp(d->items[d->n_items - 1 - n].file, file) == 0)
		n++;
	return n;
}

static __attribute__((format(printf, 4, 0))) void record(struct diagnostics *d,
	const struct place *place, enum diagnostic_id id, const char *format, va_list args) {
	struct diagnostic *item = append(d);

	if (!item) {
		d->out_of_memory = true;
		return;
	}
	item->file = strdup(place->file);
	item->line = place->line;
	item->column = place->column;
	item->severity = infos[id].severity;
	item->id = infos[id].name;
	if (vasprintf(&item->message, format, args) < 0)
		item->message = NULL;
	if (!item->file || !item->message) {
		diagnostic_done(item);
		d->out_of_memory = true;
		return;
	}
	d->n_items++;
	d->n_errors += item->severity == SEVERITY_ERROR;
	d->dropped = false;
}

static void record_text(struct diagnostics *d, const struct place *place, enum diagnostic_id id,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static void record_text(struct diagnostics *d, const struct place *place, enum diagnostic_id id,
	const char *format, ...) {
	va_list args;

	va_start(args, format);
	record(d, place, id, format, args);
	va_end(args);
}

void diagnostics_add(struct diagnostics *d, const struct place *place, enum diagnostic_id id,
	const char *format, ...) {
	size_t n;
	va_list args;

	if (!d)
		return;
	d->dropped = true;
	n = count_of_file(d, place->file);
	if (n > DIAGNOSTICS_PER_FILE_MAX)
		return;
	if (n == DIAGNOSTICS_PER_FILE_MAX) {
		record_text(d, place, DIAG_TOO_MANY_PROBLEMS,
			"more than %u problems in this file; what follows from here isn't shown",
			DIAGNOSTICS_PER_FILE_MAX);
		d->dropped = true;
		return;
	}
	va_start(args, format);
	record(d, place, id, format, args);
	va_end(args);
}

void diagnostics_hint(struct diagnostics *d, const char *format, ...) {
	struct diagnostic *item;
	va_list args;

	if (!d || d->dropped || d->n_items == 0)
		return;
	item = &d->items[d->n_items - 1];
	free(item->hint);
	va_start(args, format);
	if (vasprintf(&item->hint, format, args) < 0) {
		item->hint = NULL;
		d->out_of_memory = true;
	}
	va_end(args);
}

void diagnostics_attach_source(
	struct diagnostics *d, const char *file, const char *text, size_t length) {
	for (size_t i = 0; i < d->n_items; i++) {
		struct diagnostic *item = &d->items[i];
		const char *line;

		if (item->line == 0 || item->source || strcmp(item->file, file) != 0)
			continue;
		line = text_line(text, length, item->line);
		item->source = strndup(line, text_line_length(line, text + length));
		if (!item->source)
			d->out_of_memory = true;
	}
}

/* Position of the file among those that have diagnostics. */
static size_t file_rank(const struct diagnostics *d, const size_t *ranks, size_t i) {
	for (size_t j = i; j > 0; j--)
		if (strcmp(d->items[j - 1].file, d->items[i].file) == 0)
			return ranks[j - 1];
	return i;
}

static bool comes_after(
	const struct diagnostic *a, size_t rank_a, const struct diagnostic *b, size_t rank_b) {
	if (rank_a != rank_b)
		return rank_a > rank_b;
	return a->line > b->line || (a->line == b->line && a->column > b->column);
}

/* Insertion sort: lists are short and almost sorted, and equal places keep their order. */
void diagnostics_sort(struct diagnostics *d) {
	_cleanup_free_ size_t *ranks = calloc(d->n_items + 1, sizeof(*ranks));

	if (!ranks) {
		d->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < d->n_items; i++)
		ranks[i] = file_rank(d, ranks, i);
	for (size_t i = 1; i < d->n_items; i++) {
		struct diagnostic item = d->items[i];
		size_t rank = ranks[i], j = i;

		for (; j > 0 && comes_after(&d->items[j - 1], ranks[j - 1], &item, rank); j--) {
			d->items[j] = d->items[j - 1];
			ranks[j] = ranks[j - 1];
		}
		d->items[j] = item;
		ranks[j] = rank;
	}
}

const char *quote(const char *text, char buf[static QUOTE_MAX]) {
	size_t room = QUOTE_MAX - sizeof("\"\"") - sizeof("…");
	size_t length = strlen(text), used = 0;

	while (used < length) {
		uint32_t code;
		size_t n = utf8_decode(text + used, length - used, &code);

		n = n ? n : 1;
		if (used + n > room)
			break;
		used += n;
	}
	snprintf(buf, QUOTE_MAX, "\"%.*s%s\"", (int)used, text, used < length ? "…" : "");
	return buf;
}
