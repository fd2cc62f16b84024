/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kinship as the kernel tells it. A name may contain anything, so that the fields begin behind the last
 * parenthesis. The environment is the program's own memory: most leave the block that they were executed
 * with as it was, some write over it, so that what's found there is believed, and what isn't proves nothing.
 */
#include "host/kin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"

#define STAT_TEXT_MAX	4096
#define ENVIRONMENT_MAX (256u << 10) /* the marks that we look for come early */
#define FIELD_STATE	3 /* counted from 1, as proc(5) does */
#define FIELD_PARENT	4
#define FIELD_SESSION	6
#define FIELD_THREADS	20
#define FIELD_START	22

static void take_name(const char *from, const char *to, struct kin *ret) {
	size_t n = (size_t)(to - from);

	if (n >= sizeof(ret->name))
		n = sizeof(ret->name) - 1;
	memcpy(ret->name, from, n);
	ret->name[n] = '\0';
	for (char *c = ret->name; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
}

static int take_field(int field, const char *word, struct kin *ret) {
	uint64_t number;

	if (field == FIELD_STATE) {
		ret->state = word[0];
		return 0;
	}
	if (field != FIELD_PARENT && field != FIELD_SESSION && field != FIELD_THREADS &&
		field != FIELD_START)
		return 0;
	if (parse_u64(word, &number) < 0 || (field != FIELD_START && number > INT32_MAX))
		return -EBADMSG;
	if (field == FIELD_PARENT)
		ret->parent = (pid_t)number;
	else if (field == FIELD_SESSION)
		ret->session = (pid_t)number;
	else if (field == FIELD_THREADS)
		ret->n_threads = (uint32_t)number;
	else
		ret->start_ticks = number;
	return 0;
}

int kin_parse(const char *stat_text, struct kin *ret) {
	const char *open = strchr(stat_text, '('), *close = strrchr(stat_text, ')');
	_cleanup_free_ char *rest = NULL;
	char *saved = NULL;
	int field = FIELD_STATE, r = 0;

	*ret = (struct kin){ .pid = 0 };
	if (!open || !close || close < open)
		return -EBADMSG;
	take_name(open + 1, close, ret);
	rest = strdup(close + 1);
	if (!rest)
		return -ENOMEM;
	for (char *word = strtok_r(rest, " ", &saved); word && field <= FIELD_START && r == 0;
		word = strtok_r(NULL, " ", &saved))
		r = take_field(field++, word, ret);
	return r < 0 || field > FIELD_START ? r : -EBADMSG;
}

int kin_read(pid_t pid, struct kin *ret) {
	_cleanup_free_ char *text = NULL;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = read_file(path, STAT_TEXT_MAX, &text, NULL);
	if (r == -ENOENT)
		r = -ESRCH;
	if (r == 0)
		r = kin_parse(text, ret);
	ret->pid = pid;
	return r;
}

/* A main thread that has left the others behind is a zombie as well. */
bool kin_has_ended(const struct kin *k) {
	return (k->state == 'Z' || k->state == 'X') && k->n_threads <= 1;
}

bool environment_has(const char *block, size_t size, const char *assignment) {
	size_t n = strlen(assignment) + 1;

	for (const char *at = block; at < block + size;) {
		size_t left = (size_t)(block + size - at), length = strnlen(at, left);

		if (length + 1 == n && memcmp(at, assignment, length) == 0)
			return true;
		at += length + 1;
	}
	return false;
}

int environment_read(pid_t pid, char **ret_block, size_t *ret_size) {
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	return read_file(path, ENVIRONMENT_MAX, ret_block, ret_size);
}

int kin_each(int (*fn)(pid_t pid, void *userdata), void *userdata) {
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!proc)
		return -errno;
	while (r == 0 && (entry = readdir(proc))) {
		uint64_t pid;

		if (parse_u64(entry->d_name, &pid) == 0 && pid > 1 && pid <= INT32_MAX)
			r = fn((pid_t)pid, userdata);
	}
	return r;
}
