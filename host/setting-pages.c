/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Huge pages. A write of their number succeeds whatever comes of it: the kernel makes as many as it
 * finds free blocks for. So a write that falls short has memory compacted and is made again, as long as
 * each round brings some; what's missing in the end is explained node by node, with what is free there
 * and how much of it is in blocks that are large enough.
 *
 * More than is available is never asked for: the kernel would throw out all it can to get there, and
 * leave a machine that can hardly run.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"
#include "host/buddy.h"
#include "host/setting-kind.h"

#define POOLS	       "/sys/kernel/mm/hugepages"
#define NODES	       "/sys/devices/system/node"
#define WRITES_MAX     32 /* of one number, while each brings it nearer */
#define KEPT_BYTES_MIN (64ull << 20)
#define NODES_TOLD_MAX 4 /* in one sentence */

struct pool {
	uint64_t page_bytes;
	int node; /* -1: the machine's */
};

/* "2M" or "2M.node0" */
static int parse_pool(const char *rest, struct pool *ret) {
	const char *dot = strchr(rest, '.');
	char size[UNITS_TEXT_MAX];
	uint64_t node;

	*ret = (struct pool){ .node = -1 };
	if (snprintf(size, sizeof(size), "%.*s", dot ? (int)(dot - rest) : (int)strlen(rest),
		    rest) >= (int)sizeof(size))
		return -EINVAL;
	if (parse_size(size, &ret->page_bytes) < 0 || ret->page_bytes < 1024)
		return -EINVAL;
	if (!dot)
		return 0;
	if (strncmp(dot, ".node", 5) != 0 || parse_u64(dot + 5, &node) < 0 || node > 65535)
		return -EINVAL;
	ret->node = (int)node;
	return 0;
}

static void pool_path(const struct pool *p, const char *file, char ret[static PATH_MAX]) {
	char directory[64] = POOLS;

	if (p->node >= 0)
		snprintf(directory, sizeof(directory), NODES "/node%d/hugepages", p->node);
	snprintf(ret, PATH_MAX, "%s/hugepages-%" PRIu64 "kB/%s", directory, p->page_bytes / 1024,
		file);
}

int path_hugepages(const char *rest, char ret[static PATH_MAX]) {
	struct pool pool;
	int r = parse_pool(rest, &pool);

	if (r == 0)
		pool_path(&pool, "nr_hugepages", ret);
	return r;
}

int path_surplus(const char *rest, char ret[static PATH_MAX]) {
	struct pool pool;
	int r = parse_pool(rest, &pool);

	if (r == 0 && pool.node >= 0)
		return -EINVAL;
	if (r == 0)
		pool_path(&pool, "nr_overcommit_hugepages", ret);
	return r;
}

/* ---- not there --------------------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b) {
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Sizes that this kernel offers, as "2M, 1G"; "" if none. */
static void list_sizes(const char *root, char *buf, size_t size) {
	static const char prefix[] = "hugepages-";
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX], text[UNITS_TEXT_MAX];
	uint64_t sizes[16];
	size_t n = 0, used = 0;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s%s", root, POOLS) >= PATH_MAX)
		return;
	dir = opendir(path);
	for (struct dirent *e; dir && n < ARRAY_LEN(sizes) && (e = readdir(dir));)
		if (strncmp(e->d_name, prefix, sizeof(prefix) - 1) == 0)
			sizes[n++] = strtoull(e->d_name + sizeof(prefix) - 1, NULL, 10) * 1024;
	qsort(sizes, n, sizeof(*sizes), compare_sizes);
	for (size_t i = 0; i < n && used + UNITS_TEXT_MAX + 3 < size; i++)
		used += (size_t)sprintf(
			buf + used, "%s%s", used ? ", " : "", format_size(sizes[i], text));
}

void missing_hugepages(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	char size[UNITS_TEXT_MAX], sizes[256];
	struct pool pool = { .node = -1 };

	(void)parse_pool(t->rest, &pool);
	list_sizes(t->root, sizes, sizeof(sizes));
	if (!*sizes)
		snprintf(ret, SETTING_REASON_MAX, "this kernel has no huge pages");
	else if (pool.node >= 0)
		snprintf(ret, SETTING_REASON_MAX,
			"this machine has no memory node %d with huge pages of %s (sizes: %s)",
			pool.node, format_size(pool.page_bytes, size), sizes);
	else
		snprintf(ret, SETTING_REASON_MAX, "this kernel has no huge pages of %s, only of %s",
			format_size(pool.page_bytes, size), sizes);
}

/* ---- short ------------------------------------------------------------------------------------- */

static int read_count(const char *path, uint64_t *ret) {
	char text[64];
	int r = read_line_file(path, text, sizeof(text));

	return r < 0 ? r : parse_u64(text, ret);
}

/* "node1 has 61, and 2.1G free, of which 3 pages' worth in large enough blocks" */
static size_t describe_node(
	const char *root, const struct pool *p, int node, char *buf, size_t size) {
	struct pool at = { .page_bytes = p->page_bytes, .node = node };
	char path[PATH_MAX], full[PATH_MAX], amount[UNITS_TEXT_MAX];
	struct buddy_free free_memory;
	uint64_t count = 0;
	int n;

	pool_path(&at, "nr_hugepages", path);
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= PATH_MAX ||
		read_count(full, &count) < 0 ||
		buddy_read(root, node, p->page_bytes, &free_memory) < 0)
		return 0;
	n = snprintf(buf, size,
		"; node%d has %" PRIu64 ", and %s free with room for %" PRIu64
		" in blocks that are large enough",
		node, count, format_size_rounded(free_memory.bytes, amount), free_memory.n_blocks);
	return n > 0 ? (size_t)n : 0;
}

static void describe_nodes(const char *root, const struct pool *p, char *buf, size_t size) {
	int first = p->node >= 0 ? p->node : 0;
	int end = p->node >= 0 ? p->node + 1 : NODES_TOLD_MAX;
	size_t used = 0;

	*buf = '\0';
	for (int node = first; node < end && used < size; node++)
		used += describe_node(root, p, node, buf + used, size - used);
}

static bool compaction_is_limited(const char *root) {
	char path[PATH_MAX], text[16];

	return snprintf(path, sizeof(path), "%s/proc/sys/vm/compact_unevictable_allowed", root) <
		PATH_MAX &&
		read_line_file(path, text, sizeof(text)) == 0 && strcmp(text, "0") == 0;
}

void short_hugepages(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	uint64_t asked = 0, got = 0;
	struct pool pool = { .node = -1 };
	char nodes[280];

	(void)parse_pool(t->rest, &pool);
	(void)parse_u64(wanted, &asked);
	(void)parse_u64(actual, &got);
	if (got > asked) {
		snprintf(ret, SETTING_REASON_MAX,
			"%" PRIu64 " more than wanted are still there: they are in use and go when "
			"their users let go of them",
			got - asked);
		return;
	}
	describe_nodes(t->root, &pool, nodes, sizeof(nodes));
	snprintf(ret, SETTING_REASON_MAX,
		"the kernel found %" PRIu64 " of %" PRIu64 ", %" PRIu64
		" are missing: memory is used up or fragmented%s%s; free some, or reserve them at "
		"boot with `hugepagesz=` and `hugepages=` on the kernel command line",
		got, asked, asked - got, nodes,
		compaction_is_limited(t->root)
			? "; vm.compact_unevictable_allowed is 0, so locked memory can't be moved"
			: "");
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* What the machine can spare: what is available, but for a thirty-second of it, 64M at least. */
static uint64_t spare_bytes(const char *root) {
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	const char *line;
	uint64_t available, kept;

	if (snprintf(path, sizeof(path), "%s/proc/meminfo", root) >= PATH_MAX ||
		read_file(path, 65536, &text, NULL) < 0)
		return UINT64_MAX;
	line = strstr(text, "MemAvailable:");
	if (!line)
		return UINT64_MAX;
	available = strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024;
	kept = available / 32 > KEPT_BYTES_MIN ? available / 32 : KEPT_BYTES_MIN;
	return available > kept ? available - kept : 0;
}

/* Are these more than the machine can spare? */
static bool is_too_much(const struct setting_target *t, const struct pool *p, uint64_t wanted,
	uint64_t actual, char ret_reason[static SETTING_REASON_MAX]) {
	char more[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];
	uint64_t spare = spare_bytes(t->root) / p->page_bytes;

	if (wanted <= actual || wanted - actual <= spare)
		return false;
	snprintf(ret_reason, SETTING_REASON_MAX,
		"%" PRIu64 " more pages of %s would take %s, and this machine can spare %" PRIu64
		" pages (MemAvailable, less what it needs to run): ask for %" PRIu64 " or fewer",
		wanted - actual, format_size(p->page_bytes, size),
		wanted - actual > UINT64_MAX / p->page_bytes
			? "more than there is"
			: format_size_rounded((wanted - actual) * p->page_bytes, more),
		spare, actual + spare);
	return true;
}

/* Moves what can be moved together. Nothing is lost when it can't be had. */
static void compact(const char *root, int node) {
	char path[PATH_MAX];
	int n = node >= 0 ? snprintf(path, sizeof(path), "%s" NODES "/node%d/compact", root, node)
			  : snprintf(path, sizeof(path), "%s/proc/sys/vm/compact_memory", root);

	if (n < PATH_MAX)
		(void)write_line_file(path, "1");
}

int write_hugepages(const struct setting_target *t, const char *value,
	char ret_reason[static SETTING_REASON_MAX]) {
	uint64_t wanted, actual = 0, before;
	struct pool pool;
	int r = parse_pool(t->rest, &pool);

	if (r < 0 || parse_u64(value, &wanted) < 0)
		return -EINVAL;
	r = read_count(t->path, &actual);
	if (r == 0 && is_too_much(t, &pool, wanted, actual, ret_reason))
		return -ENOMEM;
	before = actual;
	r = write_line_file(t->path, value);
	if (r < 0)
		return r;
	for (int i = 1; i < WRITES_MAX; i++) {
		if (read_count(t->path, &actual) < 0 || actual >= wanted)
			break;
		if (i > 1 && actual <= before) /* the last round brought nothing */
			break;
		before = actual;
		compact(t->root, pool.node);
		if (write_line_file(t->path, value) < 0)
			break;
	}
	return 0;
}
