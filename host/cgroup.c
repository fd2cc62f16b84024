/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose control group may hold those of managed processes? Under systemd every group is a unit's, and
 * only a delegated one may be divided. It isn't that of rtmemd's own unit: once a group passes the memory
 * controller on to others, no process can be put into it, and systemd couldn't start rtmemd again while
 * its programs live on. So a unit of its own holds them, which does nothing else. Without systemd nobody
 * owns the top of the tree, and we make a group in it.
 */
#include "host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/names.h"
#include "common/strv.h"

#define TABLE_MAX_BYTES (1u << 20) /* of mountinfo, cgroup.controllers */
#define HASH_OFFSET	0x811c9dc5u /* FNV-1a, 32 bits */
#define HASH_PRIME	0x01000193u

__attribute__((format(printf, 2, 3))) static int explain(
	struct cgroup_place *c, const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(c->reason, sizeof(c->reason), format, args);
	va_end(args);
	return 0;
}

static bool is_directory(const char *path) {
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool join_path(char ret[static PATH_MAX], const char *a, const char *b, const char *c) {
	int n = snprintf(ret, PATH_MAX, "%s%s%s", a, b, c);

	return n >= 0 && n < PATH_MAX;
}

/* One line of mountinfo: is it cgroup v2, from its root, and where? The path is cut off in place. */
static const char *mount_point_of(char *line) {
	char *fields[6] = { NULL }, *saved = NULL;
	const char *type = strstr(line, " - ");

	if (!type || strncmp(type, " - cgroup2 ", strlen(" - cgroup2 ")) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = strtok_r(i ? NULL : line, " ", &saved);
	if (!fields[5] || strcmp(fields[3], "/") != 0 || strncmp(fields[5], "rw", 2) != 0)
		return NULL;
	return fields[4];
}

static int find_mount(const char *root, struct cgroup_place *c) {
	char path[PATH_MAX], *saved = NULL;
	_cleanup_free_ char *text = NULL;

	/* a thread may see other mounts than its process; a captured tree has the process alone */
	if (!join_path(path, root, *root ? "/proc/self" : "/proc/thread-self", "/mountinfo"))
		return explain(c, "the path of --root is too long");
	if (read_file(path, TABLE_MAX_BYTES, &text, NULL) < 0)
		return explain(c, "%.100s can't be read", path);
	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		const char *mount = mount_point_of(line);

		if (mount && join_path(c->mount, root, mount, ""))
			return 1;
	}
	return explain(c, "cgroup v2 isn't mounted here for writing");
}

/* A name for each runtime directory: two rtmemd don't share groups. */
static void name_of(const char *runtime_dir, char *buf, size_t size) {
	uint32_t hash = HASH_OFFSET;
	char real[PATH_MAX];
	const char *text = realpath(runtime_dir, real) ? real : runtime_dir;

	if (strcmp(text, RTMEM_RUNTIME_DIR) == 0) {
		snprintf(buf, size, "/rtmem");
		return;
	}
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * HASH_PRIME;
	snprintf(buf, size, "/rtmem-%08" PRIx32, hash);
}

static int choose(const char *root, const char *runtime_dir, struct cgroup_place *c) {
	char systemd[PATH_MAX], name[32];
	bool managed, fits;

	if (!join_path(systemd, root, "/run/systemd/system", ""))
		return explain(c, "the path of --root is too long");
	managed = is_directory(systemd);
	name_of(runtime_dir, name, sizeof(name));
	fits = join_path(c->top, c->mount, managed ? "/system.slice/" CGROUP_HOLDER : "", "");
	if (managed && strcmp(name, "/rtmem") == 0) /* the holder is for this one alone */
		name[0] = '\0';
	if (!fits || !join_path(c->base, c->top, name, ""))
		return explain(c, "the path of the control groups is too long");
	if (!is_directory(c->top))
		return explain(c,
			CGROUP_HOLDER " isn't active, whose control group holds those of managed "
				      "processes: systemctl start " CGROUP_HOLDER);
	if (access(c->top, W_OK) < 0)
		return explain(c, "%.200s can't be written: %s", c->top, strerror(errno));
	return 1;
}

static bool has_word(const char *path, const char *word) {
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **words = NULL;

	if (read_file(path, TABLE_MAX_BYTES, &text, NULL) < 0 ||
		strv_split(text, " \n", &words) < 0)
		return false;
	STRV_FOREACH (w, words)
		if (strcmp(*w, word) == 0)
			return true;
	return false;
}

/* "memory 4 85 1": a hierarchy of its own is v1 */
static bool memory_is_v1(const char *root) {
	char path[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (!join_path(path, root, "/proc/cgroups", "") ||
		read_file(path, TABLE_MAX_BYTES, &text, NULL) < 0)
		return false;
	line = strstr(text, "\nmemory");
	return line && strtol(line + strlen("\nmemory"), NULL, 10) > 0;
}

static void look_for_memory(const char *root, struct cgroup_place *c) {
	char path[PATH_MAX];

	if (!join_path(path, c->top, "/cgroup.controllers", ""))
		return;
	c->memory = has_word(path, "memory");
	if (c->memory)
		return;
	if (memory_is_v1(root))
		explain(c,
			"the memory controller belongs to cgroup v1 on this machine; booted with "
			"cgroup_no_v1=memory, or with systemd.unified_cgroup_hierarchy=1, it has that of "
			"v2");
	else
		explain(c,
			"%.100s has no memory controller: it isn't passed on from above, or is off "
			"(cgroup_disable=memory on the kernel command line)",
			c->top);
}

int cgroup_locate(const char *root, const char *runtime_dir, struct cgroup_place *ret) {
	int r;

	*ret = (struct cgroup_place){ .usable = false };
	r = find_mount(root, ret);
	if (r > 0)
		r = choose(root, runtime_dir, ret);
	if (r <= 0)
		return r;
	ret->usable = true;
	look_for_memory(root, ret);
	return 0;
}

/* The kernel's own files have a dot in their names, so a process whose name has one is told apart. */
bool cgroup_path_of(const struct cgroup_place *c, const char *process, char ret[static PATH_MAX]) {
	const char *mark = strchr(process, '.') ? "/_" : "/";

	return c->usable && join_path(ret, c->base, mark, process);
}
