/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory control group that binds: of the process's own group and all its parents the one with the
 * least room. Both hierarchies, because embedded systems and containers still mount the first one.
 */
#include "common/cgroup-room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/proc-text.h"
#include "common/units.h"

/* An unlimited group of the first hierarchy says 2^63 rounded down to a page. */
#define V1_UNLIMITED	(UINT64_C(1) << 62)
#define STAT_MAX	4096
#define PATH_MAX_CGROUP 512

struct hierarchy {
	const char *controller; /* field of /proc/self/cgroup: "memory", or "" for the second */
	const char *mount;
	const char *limit_file, *usage_file;
	const char *cache_keys[2]; /* of memory.stat: what reclaim can take back */
};

static const struct hierarchy hierarchies[] = {
	{ "memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
		{ "total_active_file", "total_inactive_file" } },
	{ "", "/sys/fs/cgroup", "memory.max", "memory.current",
		{ "active_file", "inactive_file" } },
};

static bool read_number(
	const char *directory, const char *file, char *path, size_t path_size, uint64_t *ret) {
	char text[64], *end;
	int n = snprintf(path, path_size, "%s/%s", directory, file);

	if (n < 0 || (size_t)n >= path_size || proc_read(path, text, sizeof(text)) <= 0)
		return false;
	*ret = strtoull(text, &end, 10); /* "max" has no digits */
	return end != text;
}

static uint64_t reclaimable(const struct hierarchy *h, const char *directory) {
	char path[PATH_MAX_CGROUP], text[STAT_MAX];
	uint64_t total = 0, n;
	int len = snprintf(path, sizeof(path), "%s/memory.stat", directory);

	if (len < 0 || (size_t)len >= sizeof(path) || proc_read(path, text, sizeof(text)) <= 0)
		return 0;
	for (size_t k = 0; k < ARRAY_LEN(h->cache_keys); k++)
		if (proc_field(text, h->cache_keys[k], &n))
			total += n;
	return total;
}

static uint64_t room(const struct diagnose_facts *f) {
	if (f->cgroup_limit == BYTES_UNLIMITED)
		return BYTES_UNLIMITED;
	return f->cgroup_used < f->cgroup_limit ? f->cgroup_limit - f->cgroup_used : 0;
}

/* Keeps this group's figures if it has less room than the best candidate so far. */
static void consider(const struct hierarchy *h, const char *directory, struct diagnose_facts *f,
	char *path, size_t path_size) {
	char limit_path[PATH_MAX_CGROUP], usage_path[PATH_MAX_CGROUP];
	struct diagnose_facts group = { 0 };
	uint64_t cache;

	if (!read_number(directory, h->limit_file, limit_path, sizeof(limit_path),
		    &group.cgroup_limit) ||
		group.cgroup_limit >= V1_UNLIMITED ||
		!read_number(directory, h->usage_file, usage_path, sizeof(usage_path),
			&group.cgroup_used))
		return;
	cache = reclaimable(h, directory);
	group.cgroup_used -= cache < group.cgroup_used ? cache : group.cgroup_used;
	if (room(&group) >= room(f))
		return;
	f->cgroup_limit = group.cgroup_limit;
	f->cgroup_used = group.cgroup_used;
	snprintf(path, path_size, "%s", limit_path);
	f->cgroup_path = path;
}

static void walk_up(const struct hierarchy *h, const char *group, struct diagnose_facts *f,
	char *path, size_t path_size) {
	size_t mount_len = strlen(h->mount);
	char directory[PATH_MAX_CGROUP];
	int n = snprintf(directory, sizeof(directory), "%s%s", h->mount, group);

	if (n < 0 || (size_t)n >= sizeof(directory))
		return;
	for (;;) {
		char *slash;

		consider(h, directory, f, path, path_size);
		slash = strrchr(directory, '/');
		if (!slash || slash < directory + mount_len)
			return;
		*slash = '\0';
	}
}

/* "4:memory:/a/b" -> controller and group; false at the end. */
static bool next_line(char **text, char **controllers, char **group) {
	char *line = *text;
	char *end = strchr(line, '\n');
	char *first, *second;

	if (!end)
		return false;
	*end = '\0';
	*text = end + 1;
	first = strchr(line, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (!second)
		return false;
	*second = '\0';
	*controllers = first + 1;
	*group = second + 1;
	return true;
}

void cgroup_room(const char *file, struct diagnose_facts *ret, char *path, size_t path_size) {
	char text[STAT_MAX], *rest = text, *controllers, *group;

	if (proc_read(file, text, sizeof(text)) <= 0)
		return;
	while (next_line(&rest, &controllers, &group))
		for (size_t h = 0; h < ARRAY_LEN(hierarchies); h++)
			if (strcmp(controllers, hierarchies[h].controller) == 0)
				walk_up(&hierarchies[h], group, ret, path, path_size);
}
