/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a run. A table gives each number its key, for writing and for reading alike. A pid alone
 * is no identity: the start time in clock ticks and the boot id make it one.
 */
#include "daemon/record.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/units.h"
#include "daemon/log.h"
#include "libpolicy/names.h"

#define RECORD_MAX_BYTES 4096
#define RECORD_DIRECTORY "processes"

enum number {
	NUMBER_SEALED, /* these four may be missing: the first release wrote none */
	NUMBER_INJECTED_BY,
	NUMBER_HEAP_START,
	NUMBER_HEAP_END,
	NUMBER_PID,
	NUMBER_START,
	NUMBER_PLAN,
	NUMBER_READY,
	NUMBER_RESTARTS,
	NUMBER_INJECTION,
	NUMBER_REPORT, /* enum report_kind, 0 = none came */
	NUMBER_LOCK,
	NUMBER_HEAP,
	NUMBER_MAIN_STACK,
	NUMBER_UNLOCKED,
	NUMBER_DUMPABLE,
	NUMBER_MAX,
};

#define NUMBERS_NEEDED (((1u << NUMBER_MAX) - 1) & ~((1u << NUMBER_PID) - 1))

static const struct {
	const char *key;
	uint64_t max;
} number_table[NUMBER_MAX] = {
	[NUMBER_PID] = { "pid", INT32_MAX },
	[NUMBER_START] = { "start_ticks", UINT64_MAX },
	[NUMBER_PLAN] = { "plan", UINT64_MAX },
	[NUMBER_READY] = { "ready", 1 },
	[NUMBER_RESTARTS] = { "restarts", UINT32_MAX },
	[NUMBER_INJECTION] = { "injection", 1 },
	[NUMBER_REPORT] = { "report", REPORT_KIND_MAX - 1 },
	[NUMBER_LOCK] = { "report_lock", INIT_LOCK_ONFAULT },
	[NUMBER_HEAP] = { "report_heap_bytes", UINT64_MAX },
	[NUMBER_MAIN_STACK] = { "report_main_stack_bytes", UINT64_MAX },
	[NUMBER_UNLOCKED] = { "report_unlocked_bytes", UINT64_MAX },
	[NUMBER_DUMPABLE] = { "report_dumpable", UINT32_MAX },
	[NUMBER_SEALED] = { "sealed", 1 },
	[NUMBER_INJECTED_BY] = { "report_injection", REPORT_BY_PTRACE },
	[NUMBER_HEAP_START] = { "report_heap_start", UINT64_MAX },
	[NUMBER_HEAP_END] = { "report_heap_end", UINT64_MAX },
};

static int record_path(const struct process *p, char *buf, size_t size) {
	int n = snprintf(
		buf, size, "%s/" RECORD_DIRECTORY "/%s", p->manager->options->runtime_dir, p->name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int record_init(struct manager *m) {
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" RECORD_DIRECTORY, m->options->runtime_dir);
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	log_error("can't create %s: %s", path, strerror(errno));
	return -errno;
}

static int read_boot_id(char *buf, size_t size) {
	return read_line_file("/proc/sys/kernel/random/boot_id", buf, size);
}

static void collect_numbers(const struct process *p, uint64_t ret[static NUMBER_MAX]) {
	const struct run *r = p->run;

	memset(ret, 0, NUMBER_MAX * sizeof(*ret));
	ret[NUMBER_PID] = (uint64_t)r->pid;
	ret[NUMBER_START] = r->start_ticks;
	ret[NUMBER_PLAN] = r->plan_hash;
	ret[NUMBER_READY] = r->ready;
	ret[NUMBER_RESTARTS] = p->n_restarts;
	ret[NUMBER_INJECTION] = r->injection_wanted;
	ret[NUMBER_SEALED] = r->seal.in_force;
	if (!r->report)
		return;
	ret[NUMBER_REPORT] = r->report->kind;
	ret[NUMBER_LOCK] = r->report->init_lock;
	ret[NUMBER_HEAP] = r->report->heap_bytes;
	ret[NUMBER_MAIN_STACK] = r->report->main_stack_bytes;
	ret[NUMBER_UNLOCKED] = r->report->unlocked_bytes;
	ret[NUMBER_DUMPABLE] = r->report->dumpable;
	ret[NUMBER_INJECTED_BY] = r->report->injection;
	ret[NUMBER_HEAP_START] = r->report->heap_start;
	ret[NUMBER_HEAP_END] = r->report->heap_end;
}

int record_write(struct process *p) {
	char path[PATH_MAX], boot_id[40], text[RECORD_MAX_BYTES];
	uint64_t numbers[NUMBER_MAX];
	size_t used;
	int r = record_path(p, path, sizeof(path));

	if (r == 0)
		r = read_boot_id(boot_id, sizeof(boot_id));
	if (r < 0)
		return r;
	collect_numbers(p, numbers);
	for (int i = 0; i < NUMBER_MAX; i++) /* a report may claim anything; a record can be read */
		if (numbers[i] > number_table[i].max)
			numbers[i] = number_table[i].max;
	used = (size_t)snprintf(text, sizeof(text), "boot_id=%s\n", boot_id);
	for (int i = 0; i < NUMBER_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s=%" PRIu64 "\n",
			number_table[i].key, numbers[i]);
	return write_file_atomic(path, text, 0644);
}

void record_write_late(struct process *p) {
	int r = record_write(p);

	if (r < 0)
		log_event(MESSAGE_PLAIN, LOG_WARNING, p->name, NULL,
			"can't write its record, so a restarted rtmemd couldn't adopt it: %s",
			strerror(-r));
}

void record_remove(struct process *p) {
	char path[PATH_MAX];

	if (record_path(p, path, sizeof(path)) == 0)
		(void)unlink(path);
}

static int parse_number(const char *text, uint64_t max, uint64_t *ret) {
	return parse_u64(text, ret) == 0 && *ret <= max ? 0 : -EBADMSG;
}

static int parse_line(
	char *line, uint64_t numbers[static NUMBER_MAX], unsigned *seen, struct record *ret) {
	char *value = strchr(line, '=');

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	if (strcmp(line, "boot_id") == 0) {
		snprintf(ret->boot_id, sizeof(ret->boot_id), "%s", value);
		return 0;
	}
	for (int i = 0; i < NUMBER_MAX; i++)
		if (strcmp(line, number_table[i].key) == 0) {
			*seen |= 1u << i;
			return parse_number(value, number_table[i].max, &numbers[i]);
		}
	return 0; /* a key of a later version */
}

static void take_numbers(const uint64_t numbers[static NUMBER_MAX], struct record *ret) {
	ret->pid = (pid_t)numbers[NUMBER_PID];
	ret->start_ticks = numbers[NUMBER_START];
	ret->plan_hash = numbers[NUMBER_PLAN];
	ret->ready = numbers[NUMBER_READY] != 0;
	ret->n_restarts = numbers[NUMBER_RESTARTS];
	ret->injection_wanted = numbers[NUMBER_INJECTION] != 0;
	ret->sealed = numbers[NUMBER_SEALED] != 0;
	ret->have_report = numbers[NUMBER_REPORT] != 0;
	ret->report.kind = (uint16_t)numbers[NUMBER_REPORT];
	ret->report.init_lock = (uint32_t)numbers[NUMBER_LOCK];
	ret->report.heap_bytes = numbers[NUMBER_HEAP];
	ret->report.main_stack_bytes = numbers[NUMBER_MAIN_STACK];
	ret->report.unlocked_bytes = numbers[NUMBER_UNLOCKED];
	ret->report.dumpable = (uint32_t)numbers[NUMBER_DUMPABLE];
	ret->report.injection = (uint32_t)numbers[NUMBER_INJECTED_BY];
	ret->report.heap_start = numbers[NUMBER_HEAP_START];
	ret->report.heap_end = numbers[NUMBER_HEAP_END];
}

int record_parse(char *text, struct record *ret) {
	uint64_t numbers[NUMBER_MAX] = { 0 };
	char *saved = NULL;
	unsigned seen = 0;

	memset(ret, 0, sizeof(*ret));
	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		int r = parse_line(line, numbers, &seen, ret);

		if (r < 0)
			return r;
	}
	if ((seen & NUMBERS_NEEDED) != NUMBERS_NEEDED || !ret->boot_id[0] ||
		numbers[NUMBER_PID] < 2)
		return -EBADMSG;
	take_numbers(numbers, ret);
	return 0;
}

int record_read(const struct process *p, struct record *ret) {
	char path[PATH_MAX], boot_id[40];
	_cleanup_free_ char *text = NULL;
	int r = record_path(p, path, sizeof(path));

	if (r == 0)
		r = read_file(path, RECORD_MAX_BYTES, &text, NULL);
	if (r == -EFBIG) /* none that we wrote */
		r = -EBADMSG;
	if (r == 0)
		r = record_parse(text, ret);
	if (r == 0)
		r = read_boot_id(boot_id, sizeof(boot_id));
	if (r < 0)
		return r;
	return strcmp(boot_id, ret->boot_id) == 0 ? 0 : -ESTALE;
}

void record_each(struct manager *m, void (*fn)(struct manager *m, char *name)) {
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/" RECORD_DIRECTORY, m->options->runtime_dir);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (process_name_is_valid(entry->d_name))
			fn(m, entry->d_name);
	(void)closedir(directory);
}
