/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc of one process, read the way that doesn't disturb it: status, stat, limits and task take no
 * mmap lock, and a kept-open descriptor costs one pread. Text of another process is hostile: a thread
 * may call itself "a) b (c", so that stat is cut at its last parenthesis.
 */
#include "host/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"

#define STATUS_TEXT_MAX	  8192 /* about 1.5 kB in practice; Groups: is what can be long */
#define STAT_TEXT_MAX	  1024
#define STATM_TEXT_MAX	  256
#define LIMITS_TEXT_MAX	  8192
#define CHILDREN_TEXT_MAX 65536

/* ---- status ------------------------------------------------------------------------------------ */

enum status_kind {
	STATUS_KILOBYTES,
	STATUS_COUNT,
	STATUS_BOOL,
	STATUS_INT,
	STATUS_HEX,
	STATUS_NAME,
};

struct status_field {
	const char *name;
	enum status_kind kind;
	size_t offset;
};

static const struct status_field status_fields[] = {
	{ "Name", STATUS_NAME, offsetof(struct process_memory, name) },
	{ "VmSize", STATUS_KILOBYTES, offsetof(struct process_memory, size_bytes) },
	{ "VmLck", STATUS_KILOBYTES, offsetof(struct process_memory, locked_bytes) },
	{ "VmRSS", STATUS_KILOBYTES, offsetof(struct process_memory, rss_bytes) },
	{ "VmSwap", STATUS_KILOBYTES, offsetof(struct process_memory, swap_bytes) },
	{ "HugetlbPages", STATUS_KILOBYTES, offsetof(struct process_memory, hugetlb_bytes) },
	{ "Threads", STATUS_COUNT, offsetof(struct process_memory, n_threads) },
	{ "THP_enabled", STATUS_BOOL, offsetof(struct process_memory, thp_enabled) },
	{ "Seccomp", STATUS_INT, offsetof(struct process_memory, seccomp) },
	{ "CapEff", STATUS_HEX, offsetof(struct process_memory, capabilities_effective) },
};

static void status_store(
	const struct status_field *field, const char *value, struct process_memory *ret) {
	char *place = (char *)ret + field->offset;
	uint64_t number = strtoull(value, NULL, field->kind == STATUS_HEX ? 16 : 10);

	switch (field->kind) {
	case STATUS_KILOBYTES:
		*(uint64_t *)(void *)place = number * 1024;
		break;
	case STATUS_COUNT:
		*(uint32_t *)(void *)place = (uint32_t)number;
		break;
	case STATUS_BOOL:
		*(bool *)place = number != 0;
		break;
	case STATUS_INT:
		*(int *)(void *)place = (int)number;
		break;
	case STATUS_HEX:
		*(uint64_t *)(void *)place = number;
		break;
	case STATUS_NAME:
		value += strspn(value, "\t");
		(void)snprintf(
			place, PROCESS_NAME_TEXT_MAX, "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
}

/* Most lines are of no interest, so compare the first character before the rest. */
static const struct status_field *status_find(const char *line, const char *colon) {
	size_t len = (size_t)(colon - line);

	for (size_t i = 0; i < ARRAY_LEN(status_fields); i++) {
		const char *name = status_fields[i].name;

		if (*name == *line && strlen(name) == len && memcmp(name, line, len) == 0)
			return &status_fields[i];
	}
	return NULL;
}

int process_memory_parse(const char *status_text, struct process_memory *ret) {
	struct process_memory memory = { .thp_enabled = true };
	bool seen_size = false;

	for (const char *line = status_text; line && *line;) {
		const char *end = strchr(line, '\n');
		const char *colon = memchr(line, ':', end ? (size_t)(end - line) : strlen(line));
		const struct status_field *field = colon ? status_find(line, colon) : NULL;

		if (field) {
			status_store(field, colon + 1, &memory);
			seen_size = seen_size || strcmp(field->name, "VmSize") == 0;
		}
		line = end ? end + 1 : NULL;
	}
	if (!seen_size)
		return -EBADMSG;
	*ret = memory;
	return 0;
}

/* size is that of the buffer; the text ends with a NUL. */
static int read_again(int fd, char *text, size_t size) {
	ssize_t n;

	do
		n = pread(fd, text, size - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

int process_memory_read(int status_fd, struct process_memory *ret) {
	char text[STATUS_TEXT_MAX];
	int r = read_again(status_fd, text, sizeof(text));

	return r < 0 ? r : process_memory_parse(text, ret);
}

/* ---- statm ------------------------------------------------------------------------------------- */

int process_size_parse(const char *statm_text, struct process_size *ret) {
	uint64_t *const fields[] = { &ret->size_pages, &ret->resident_pages, &ret->shared_pages };
	const char *p = statm_text;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char *end;

		if (!isdigit((unsigned char)*p))
			return -EBADMSG;
		*fields[i] = strtoull(p, &end, 10);
		p = end + strspn(end, " ");
	}
	return 0;
}

int process_size_read(int statm_fd, struct process_size *ret) {
	char text[STATM_TEXT_MAX];
	int r = read_again(statm_fd, text, sizeof(text));

	return r < 0 ? r : process_size_parse(text, ret);
}

/* ---- stat -------------------------------------------------------------------------------------- */

/* Field numbers as in proc(5); the first one after the name is 3. */
enum {
	STAT_FIRST = 3,
	STAT_MINFLT = 10,
	STAT_MAJFLT = 12,
	STAT_STARTTIME = 22
};

int process_stat_parse(const char *stat_text, struct fault_count *ret, uint64_t *ret_start_ticks) {
	const char *p = strrchr(stat_text, ')');
	uint64_t values[STAT_STARTTIME + 1] = { 0 };
	int field = STAT_FIRST;

	if (!p)
		return -EBADMSG;
	for (p++; field <= STAT_STARTTIME; field++) {
		p += strspn(p, " ");
		if (!*p || *p == '\n')
			return -EBADMSG;
		values[field] = isdigit((unsigned char)*p) ? strtoull(p, NULL, 10) : 0;
		p += strcspn(p, " \n");
	}
	*ret = (struct fault_count){ .minor = values[STAT_MINFLT], .major = values[STAT_MAJFLT] };
	if (ret_start_ticks)
		*ret_start_ticks = values[STAT_STARTTIME];
	return 0;
}

int process_stat_read(pid_t pid, pid_t tid, struct fault_count *ret, uint64_t *ret_start_ticks) {
	_cleanup_free_ char *text = NULL;
	char path[64];
	int r;

	if (tid > 0)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = read_file(path, STAT_TEXT_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	return process_stat_parse(text, ret, ret_start_ticks);
}

/* ---- limits ------------------------------------------------------------------------------------ */

static const char *const limit_titles[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = "Max cpu time",
	[RLIMIT_FSIZE] = "Max file size",
	[RLIMIT_DATA] = "Max data size",
	[RLIMIT_STACK] = "Max stack size",
	[RLIMIT_CORE] = "Max core file size",
	[RLIMIT_RSS] = "Max resident set",
	[RLIMIT_NPROC] = "Max processes",
	[RLIMIT_NOFILE] = "Max open files",
	[RLIMIT_MEMLOCK] = "Max locked memory",
	[RLIMIT_AS] = "Max address space",
	[RLIMIT_LOCKS] = "Max file locks",
	[RLIMIT_SIGPENDING] = "Max pending signals",
	[RLIMIT_MSGQUEUE] = "Max msgqueue size",
	[RLIMIT_NICE] = "Max nice priority",
	[RLIMIT_RTPRIO] = "Max realtime priority",
	[RLIMIT_RTTIME] = "Max realtime timeout",
};

/* "unlimited" or a number; moves *p behind it. */
static bool take_limit(const char **p, rlim_t *ret) {
	static const char unlimited[] = "unlimited";
	char *end;

	*p += strspn(*p, " ");
	if (strncmp(*p, unlimited, sizeof(unlimited) - 1) == 0) {
		*ret = RLIM_INFINITY;
		*p += sizeof(unlimited) - 1;
		return true;
	}
	if (!isdigit((unsigned char)**p))
		return false;
	*ret = strtoull(*p, &end, 10);
	*p = end;
	return true;
}

static int limits_parse(const char *text, struct rlimit ret[static RLIM_NLIMITS]) {
	for (size_t i = 0; i < RLIM_NLIMITS; i++) {
		const char *line = strstr(text, limit_titles[i]);

		if (!line)
			return -EBADMSG;
		line += strlen(limit_titles[i]);
		if (!take_limit(&line, &ret[i].rlim_cur) || !take_limit(&line, &ret[i].rlim_max))
			return -EBADMSG;
	}
	return 0;
}

int process_limits_read(pid_t pid, struct rlimit ret[static RLIM_NLIMITS]) {
	_cleanup_free_ char *text = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	r = read_file(path, LIMITS_TEXT_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	return limits_parse(text, ret);
}

/* ---- threads ----------------------------------------------------------------------------------- */

int process_count_threads(pid_t pid) {
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if (stat(path, &st) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return (int)st.st_nlink - 2; /* a link for each, beside those of any directory */
}

int process_threads(
	pid_t pid, int (*fn)(pid_t tid, const char *name, void *userdata), void *userdata) {
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char comm[96], name[64];
		uint64_t tid;
		int r;

		if (parse_u64(entry->d_name, &tid) < 0 || tid > INT32_MAX)
			continue;
		snprintf(comm, sizeof(comm), "%s/%" PRIu64 "/comm", path, tid);
		if (read_line_file(comm, name, sizeof(name)) < 0)
			continue; /* ended meanwhile */
		r = fn((pid_t)tid, name, userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

struct walk {
	pid_t pid;
	int (*fn)(pid_t child, void *userdata);
	void *userdata;
};

static int children_of_thread(pid_t tid, const char *name, void *userdata) {
	const struct walk *walk = userdata;
	_cleanup_free_ char *text = NULL;
	char path[64], *saved = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)walk->pid, (int)tid);
	if (read_file(path, CHILDREN_TEXT_MAX, &text, NULL) < 0)
		return 0;
	for (char *word = strtok_r(text, " \n", &saved); word;
		word = strtok_r(NULL, " \n", &saved)) {
		uint64_t child;
		int r = 0;

		if (parse_u64(word, &child) == 0 && child <= INT32_MAX)
			r = walk->fn((pid_t)child, walk->userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

int process_children(pid_t pid, int (*fn)(pid_t child, void *userdata), void *userdata) {
	struct walk walk = { pid, fn, userdata };

	return process_threads(pid, children_of_thread, &walk);
}
