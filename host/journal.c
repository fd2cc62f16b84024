/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list behind the journal. journal-file.c knows how it lies on disk; transaction.c what it means.
 */
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "host/setting.h"

static void entry_done(struct journal_entry *e) {
	free(e->setting);
	free(e->original);
	free(e->wanted);
	free(e->written);
	free(e->before);
	free(e->prior);
}

bool journal_release(struct journal *j) {
	bool any = j->n_held > 0;

	for (size_t i = 0; i < j->n_held; i++) {
		free(j->held[i].setting);
		free(j->held[i].wanted);
	}
	free(j->held);
	j->held = NULL;
	j->n_held = 0;
	return any;
}

void journal_done(struct journal *j) {
	for (size_t i = 0; i < j->n_entries; i++)
		entry_done(&j->entries[i]);
	free(j->entries);
	(void)journal_release(j);
	*j = (struct journal){ 0 };
}

int journal_set(char **text, const char *value) {
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

struct journal_entry *journal_find(const struct journal *j, const char *setting) {
	for (size_t i = 0; i < j->n_entries; i++)
		if (strcmp(j->entries[i].setting, setting) == 0)
			return &j->entries[i];
	return NULL;
}

struct journal_entry *journal_add(struct journal *j, const char *setting, const char *original) {
	struct journal_entry e = { .pending = false };
	struct journal_entry *found = journal_find(j, setting), *grown;

	if (found)
		return found;
	grown = reallocarray(j->entries, j->n_entries + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	j->entries = grown;
	if (journal_set(&e.setting, setting) < 0 || journal_set(&e.original, original) < 0) {
		entry_done(&e);
		return NULL;
	}
	grown[j->n_entries] = e;
	return &grown[j->n_entries++];
}

void journal_remove(struct journal *j, const char *setting) {
	struct journal_entry *e = journal_find(j, setting);

	if (!e)
		return;
	entry_done(e);
	j->n_entries--;
	memmove(e, e + 1, (size_t)(&j->entries[j->n_entries] - e) * sizeof(*e));
}

static bool same_text(const char *a, const char *b) {
	return a && b ? strcmp(a, b) == 0 : a == b;
}

const struct journal_held *journal_find_held(
	const struct journal *j, const char *setting, const char *wanted) {
	for (size_t i = 0; i < j->n_held; i++)
		if (strcmp(j->held[i].setting, setting) == 0 &&
			(j->held[i].cause == HELD_ROLLED_BACK ||
				same_text(j->held[i].wanted, wanted)))
			return &j->held[i];
	return NULL;
}

int journal_hold(
	struct journal *j, const char *setting, const char *wanted, enum held_cause cause) {
	struct journal_held h = { .cause = cause };
	struct journal_held *grown;

	if (journal_find_held(j, setting, wanted))
		return 0;
	grown = reallocarray(j->held, j->n_held + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	j->held = grown;
	if (journal_set(&h.setting, setting) < 0 || journal_set(&h.wanted, wanted) < 0) {
		free(h.setting);
		return -ENOMEM;
	}
	grown[j->n_held++] = h;
	return 0;
}

bool journal_is_of_another_boot(const struct journal_entry *e, const char *boot) {
	return e->boot[0] && boot[0] && strcmp(e->boot, boot) != 0;
}

bool journal_is_ours(const struct journal_entry *e, const char *actual) {
	return e->pending || !e->written || setting_same(e->setting, e->written, actual);
}

void boot_id_read(const char *root, char ret[static BOOT_ID_MAX]) {
	static const char file[] = "/proc/sys/kernel/random/boot_id";
	_cleanup_free_ char *path = NULL;
	int r;

	ret[0] = '\0';
	if (asprintf(&path, "%s%s", root ? root : "", file) < 0) {
		path = NULL;
		return;
	}
	/* only a tree without one is of this machine: a boot that can't be read is no other boot */
	r = read_line_file(path, ret, BOOT_ID_MAX);
	if (r == -ENOENT || r == -ENOTDIR)
		r = read_line_file(file, ret, BOOT_ID_MAX);
	if (r < 0)
		ret[0] = '\0';
}

uint64_t boot_time_usec(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
