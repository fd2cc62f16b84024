/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One control group for each managed process: its whole tree can be seen and ended by it, and its memory
 * be protected or bounded. The group is made, and its values written, before there is a process; rtmem-exec
 * joins it as one of its first steps, so that the program never runs outside. A group that is there already
 * (an rtmemd that ended between) is used again.
 *
 * The hands write: the unit makes the tree of control groups read-only for rtmemd's other threads.
 *
 * The memory controller is passed on only once a policy asks for it: it costs all that live below.
 */
#include "daemon/launch/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"
#include "daemon/confine/hands.h"
#include "daemon/log.h"

#define LIST_MAX_BYTES (4u << 20) /* of cgroup.procs */

bool cgroup_wants_memory(const struct cgroup_policy *c) {
	return c->memory_min_bytes || c->memory_low_bytes || c->memory_max_bytes;
}

static bool file_of(char ret[static PATH_MAX], const char *directory, const char *file) {
	int n = snprintf(ret, PATH_MAX, "%s/%s", directory, file);

	return n >= 0 && n < PATH_MAX;
}

static int group_file(const struct process *p, const char *file, char ret[static PATH_MAX]) {
	char group[PATH_MAX];

	if (!cgroup_path_of(&p->manager->cgroups, p->name, group))
		return -EOPNOTSUPP;
	return file_of(ret, group, file) ? 0 : -ENAMETOOLONG;
}

static int make_directory(const char *path) {
	return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* ---- the place --------------------------------------------------------------------------------- */

/* The top of the tree is closed even to root, without the capability that the hands have. */
static int make_place(void *userdata) {
	struct manager *m = userdata;
	struct cgroup_place *c = &m->cgroups;
	int r = cgroup_locate(m->options->root, m->options->runtime_dir, c);

	return r == 0 && c->usable ? make_directory(c->base) : r;
}

void cgroup_init(struct manager *m) {
	struct cgroup_place *c = &m->cgroups;
	int r = hands_do(m->hands, make_place, m);

	if (r < 0) {
		c->usable = false;
		snprintf(c->reason, sizeof(c->reason), "%.200s can't be made: %s", c->base,
			strerror(-r));
	}
	if (*c->reason)
		log_debug("control groups: %s", c->reason);
}

static int remove_base(void *userdata) {
	const struct cgroup_place *c = userdata;

	return rmdir(c->base) < 0 ? -errno : 0; /* not while there's something in it */
}

void cgroup_finish(struct manager *m) {
	struct cgroup_place *c = &m->cgroups;

	for (size_t i = 0; i < m->n_processes; i++)
		if (!m->processes[i]->run)
			(void)cgroup_remove(m->processes[i]);
	if (c->usable && strcmp(c->base, c->top) != 0)
		(void)hands_do(m->hands, remove_base, c);
}

/* ---- the memory controller --------------------------------------------------------------------- */

/* At the top of a container there are processes, and a group that has some can't pass a controller on. If
 * we are the only one there, we go aside. */
static int step_aside(const struct cgroup_place *c) {
	char path[PATH_MAX], pid[24], line[64];
	int r;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (!file_of(path, c->top, "cgroup.procs"))
		return -ENAMETOOLONG;
	r = read_line_file(path, line, sizeof(line));
	if (r < 0)
		return r;
	if (strcmp(line, pid) != 0)
		return -EBUSY;
	if (!file_of(path, c->top, "supervisor"))
		return -ENAMETOOLONG;
	r = make_directory(path);
	if (r == 0 && !file_of(path, c->top, "supervisor/cgroup.procs"))
		r = -ENAMETOOLONG;
	return r < 0 ? r : write_line_file(path, "0");
}

static int pass_on(const struct cgroup_place *c, const char *group) {
	char path[PATH_MAX];
	int r;

	if (!file_of(path, group, "cgroup.subtree_control"))
		return -ENAMETOOLONG;
	r = write_line_file(path, "+memory");
	if (r == -EBUSY && strcmp(group, c->top) == 0 && step_aside(c) == 0)
		r = write_line_file(path, "+memory");
	return r;
}

static int enable_memory(struct manager *m) {
	struct cgroup_place *c = &m->cgroups;
	int r;

	if (!c->memory)
		return -EOPNOTSUPP;
	if (m->cgroup_memory_on)
		return 0;
	r = pass_on(c, c->top);
	if (r == 0 && strcmp(c->top, c->base) != 0)
		r = pass_on(c, c->base);
	if (r == 0) {
		m->cgroup_memory_on = true;
		return 0;
	}
	c->memory = false;
	snprintf(c->reason, sizeof(c->reason), "%.150s can't pass the memory controller on: %s%s",
		c->top, strerror(-r), r == -EBUSY ? "; there are other processes in it" : "");
	log_event(MESSAGE_PLAIN, LOG_WARNING, NULL, NULL, "cgroup: %s", c->reason);
	return r;
}

/* ---- the values -------------------------------------------------------------------------------- */

static const char *value_text(uint64_t bytes, bool is_max, char buf[static 24]) {
	if (is_max && bytes == 0)
		snprintf(buf, 24, "max");
	else
		snprintf(buf, 24, "%llu", (unsigned long long)bytes);
	return buf;
}

__attribute__((format(printf, 2, 3))) static void problem(
	struct process *p, const char *format, ...) {
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	free(p->cgroup.problem);
	p->cgroup.problem = text;
}

static int read_bytes(const char *path, uint64_t *ret) {
	char text[32];
	int r = read_line_file(path, text, sizeof(text));

	if (r < 0)
		return r;
	if (strcmp(text, "max") == 0) {
		*ret = BYTES_UNLIMITED;
		return 0;
	}
	return parse_u64(text, ret);
}

static int read_value(const struct process *p, const char *file, uint64_t *ret) {
	char path[PATH_MAX];
	int r = group_file(p, file, path);

	return r < 0 ? r : read_bytes(path, ret);
}

static int write_value(struct process *p, const char *file, uint64_t bytes, bool is_max) {
	char path[PATH_MAX], text[24];
	int r = group_file(p, file, path);

	if (r == 0)
		r = write_line_file(path, value_text(bytes, is_max, text));
	if (r < 0)
		problem(p, "%s can't be set to %s: %s", file, text, strerror(-r));
	return r;
}

/* The kernel would kill at once: what is locked can't be taken away. */
static bool is_below_use(struct process *p, uint64_t max_bytes) {
	char wanted[UNITS_TEXT_MAX], used[UNITS_TEXT_MAX];
	uint64_t now;

	if (max_bytes == 0 || !p->run || read_value(p, "memory.current", &now) < 0 ||
		now <= max_bytes)
		return false;
	problem(p,
		"memory.max isn't lowered to %s, because %s are in use and the kernel would kill for it: "
		"restart it, or raise cgroup.memory_max",
		format_size(max_bytes, wanted), format_size_rounded(now, used));
	return true;
}

/* What is protected in a group is at most what those above it protect. */
static void protect_base(const struct manager *m) {
	const struct cgroup_place *c = &m->cgroups;
	uint64_t min = 0, low = 0;
	char path[PATH_MAX], text[24];

	if (strcmp(c->base, c->top) == 0) /* a unit's: its values are systemd's */
		return;
	for (size_t i = 0; i < m->n_processes; i++) {
		min += m->processes[i]->policy->cgroup.memory_min_bytes;
		low += m->processes[i]->policy->cgroup.memory_low_bytes;
	}
	if (file_of(path, c->base, "memory.min"))
		(void)write_line_file(path, value_text(min, false, text));
	if (file_of(path, c->base, "memory.low"))
		(void)write_line_file(path, value_text(low, false, text));
}

static int apply_here(void *userdata) {
	struct process *p = userdata;
	const struct cgroup_policy *c = &p->policy->cgroup;
	struct manager *m = p->manager;
	int r;

	free(TAKE(p->cgroup.problem));
	p->cgroup.looked = false;
	if (!cgroup_wants_memory(c) && !m->cgroup_memory_on)
		return 0;
	r = enable_memory(m);
	if (r < 0)
		return r;
	protect_base(m);
	r = write_value(p, "memory.min", c->memory_min_bytes, false);
	if (r == 0)
		r = write_value(p, "memory.low", c->memory_low_bytes, false);
	if (r == 0 && !is_below_use(p, c->memory_max_bytes))
		r = write_value(p, "memory.max", c->memory_max_bytes, true);
	return r;
}

int cgroup_apply(struct process *p) {
	return hands_do(p->manager->hands, apply_here, p);
}

static int make_here(void *userdata) {
	struct process *p = userdata;
	char group[PATH_MAX];
	int r;

	free(TAKE(p->cgroup.problem));
	p->cgroup.looked = false;
	if (!cgroup_path_of(&p->manager->cgroups, p->name, group))
		return -EOPNOTSUPP;
	r = make_directory(group);
	if (r < 0) {
		problem(p, "%.200s can't be made: %s", group, strerror(-r));
		return r;
	}
	return apply_here(p);
}

int cgroup_make(struct process *p) {
	return hands_do(p->manager->hands, make_here, p);
}

static bool is_used(const struct process *p) {
	_cleanup_free_ char *text = NULL;
	char path[64], group[PATH_MAX];
	const char *line, *own = group;
	size_t n;

	if (!cgroup_path_of(&p->manager->cgroups, p->name, group))
		return false;
	own += strlen(p->manager->cgroups.mount);
	n = strlen(own);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)p->run->pid);
	if (read_file(path, LIST_MAX_BYTES, &text, NULL) < 0)
		return false;
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	line = line ? strchr(line, '/') : NULL;
	return line && strncmp(line, own, n) == 0 && (line[n] == '\n' || line[n] == '/');
}

/* The least that the groups above protect: the kernel takes no more of ours for protected. */
static uint64_t guarded_above(const struct process *p) {
	const struct cgroup_place *c = &p->manager->cgroups;
	uint64_t least = BYTES_UNLIMITED, value;
	char group[PATH_MAX], path[PATH_MAX];

	snprintf(group, sizeof(group), "%s", c->base);
	while (strlen(group) > strlen(c->mount)) {
		if (!file_of(path, group, "memory.min") || read_bytes(path, &value) < 0)
			break;
		if (value < least)
			least = value;
		*strrchr(group, '/') = '\0';
	}
	return least;
}

void cgroup_look(struct process *p) {
	const struct cgroup_place *c = &p->manager->cgroups;
	struct cgroup_state *s = &p->cgroup;
	bool wanted = cgroup_wants_memory(&p->policy->cgroup);

	if (!p->run || (s->looked && !wanted))
		return;
	s->looked = true;
	s->used = is_used(p);
	s->reason = !wanted || (c->usable && c->memory) ? NULL : c->reason;
	s->memory_valid = wanted && !s->reason && read_value(p, "memory.min", &s->min_bytes) == 0 &&
		read_value(p, "memory.low", &s->low_bytes) == 0 &&
		read_value(p, "memory.max", &s->max_bytes) == 0;
	s->guarded_bytes = s->memory_valid ? guarded_above(p) : 0;
}
