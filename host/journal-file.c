/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal on disk: a line per entry, fields separated by tabs, bytes that would disturb that written
 * as %XX, a lone "-" for what isn't there. The last line says that it's the last, so that a file that
 * was cut off is known as such. It's read strictly: a damaged journal stops everything that writes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"
#include "host/journal.h"
#include "host/setting.h"

#define JOURNAL_MAX_BYTES (4u << 20)
#define FIELDS_MAX	  10
#define FIRST_LINE	  "rtmem-journal 1"
#define LAST_LINE	  "end"

enum {
	FLAG_PENDING = 'p',
	FLAG_FRESH = 'f',
	FLAG_RETURNED = 'r',
};

static int path_of(const char *state_dir, const char *name, char ret[static PATH_MAX]) {
	return snprintf(ret, PATH_MAX, "%s/%s", state_dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- fields ------------------------------------------------------------------------------------ */

static bool is_plain(unsigned char c) {
	return c >= 0x20 && c != 0x7f && c != '%';
}

static void print_field(FILE *out, const char *text) {
	if (!text || !*text) {
		fputs(text ? "%" : "-", out);
		return;
	}
	if (strcmp(text, "-") == 0) {
		fputs("%2d", out);
		return;
	}
	for (const char *p = text; *p; p++)
		if (is_plain((unsigned char)*p))
			fputc(*p, out);
		else
			fprintf(out, "%%%02x", (unsigned char)*p);
}

static int hex_digit(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. false: not what print_field() writes. */
static bool unescape(char *text) {
	char *out = text;

	for (char *p = text; *p; p++) {
		int high, low;

		if (*p != '%') {
			*out++ = *p;
			continue;
		}
		high = hex_digit(p[1]);
		low = high < 0 ? -1 : hex_digit(p[2]);
		if (low < 0 || high + low == 0)
			return false;
		*out++ = (char)(high << 4 | low);
		p += 2;
	}
	*out = '\0';
	return true;
}

/* "-" is nothing, "%" the empty text. */
static int take_field(char *field, char **ret) {
	if (strcmp(field, "-") == 0)
		return 0;
	if (strcmp(field, "%") == 0)
		*field = '\0';
	else if (!unescape(field))
		return -EBADMSG;
	return journal_set(ret, field);
}

static size_t split(char *line, char *fields[static FIELDS_MAX]) {
	size_t n = 0;

	while (n < FIELDS_MAX && line)
		fields[n++] = strsep(&line, "\t");
	return line ? FIELDS_MAX + 1 : n;
}

/* ---- lines ------------------------------------------------------------------------------------- */

static int take_boot(const char *field, char ret[static BOOT_ID_MAX]) {
	if (strlen(field) >= BOOT_ID_MAX)
		return -EBADMSG;
	strcpy(ret, strcmp(field, "-") == 0 ? "" : field);
	return 0;
}

static int take_flags(const char *flags, struct journal_entry *e) {
	for (; *flags; flags++)
		switch (*flags) {
		case FLAG_PENDING:
			e->pending = true;
			break;
		case FLAG_FRESH:
			e->fresh = true;
			break;
		case FLAG_RETURNED:
			e->returned = true;
			break;
		case '-':
			break;
		default:
			return -EBADMSG;
		}
	return 0;
}

static int take_setting(struct journal *j, char *fields[]) {
	_cleanup_free_ char *name = NULL, *original = NULL;
	struct journal_entry *e;
	int r = take_field(fields[1], &name);

	if (r == 0)
		r = take_field(fields[2], &original);
	if (r < 0)
		return r;
	if (!name || !original || journal_find(j, name))
		return -EBADMSG;
	e = journal_add(j, name, original);
	if (!e)
		return -ENOMEM;
	r = take_field(fields[3], &e->wanted);
	if (r == 0)
		r = take_field(fields[4], &e->written);
	if (r == 0)
		r = take_field(fields[5], &e->before);
	if (r == 0)
		r = take_field(fields[6], &e->prior);
	if (r == 0)
		r = take_boot(fields[7], e->boot);
	return r < 0 ? r : take_flags(fields[8], e);
}

static const char *const held_causes[] = {
	[HELD_TRIED] = "tried",
	[HELD_ROLLED_BACK] = "rolled-back",
};

static int take_held(struct journal *j, char *fields[]) {
	_cleanup_free_ char *name = NULL, *wanted = NULL;
	int r = take_field(fields[1], &name);

	if (r == 0)
		r = take_field(fields[2], &wanted);
	if (r < 0)
		return r;
	for (size_t i = 0; name && i < ARRAY_LEN(held_causes); i++)
		if (strcmp(held_causes[i], fields[3]) == 0)
			return journal_hold(j, name, wanted, (enum held_cause)i);
	return -EBADMSG;
}

static int take_try(struct journal *j, char *fields[]) {
	if (parse_u64(fields[2], &j->try_deadline_usec) < 0 ||
		parse_u64(fields[3], &j->try_duration_usec) < 0)
		return -EBADMSG;
	return take_boot(fields[1], j->try_boot);
}

static int take_rollback(struct journal *j, char *fields[]) {
	j->rolling_back = true;
	j->rollback_force = strcmp(fields[1], "force") == 0;
	return 0;
}

static const struct line_kind {
	const char *name;
	size_t n_fields;
	int (*take)(struct journal *j, char *fields[]);
} line_kinds[] = {
	{ "setting", 9, take_setting },
	{ "held", 4, take_held },
	{ "try", 4, take_try },
	{ "rollback", 2, take_rollback },
};

static int take_line(struct journal *j, char *line) {
	char *fields[FIELDS_MAX];
	size_t n = split(line, fields);

	for (size_t i = 0; i < ARRAY_LEN(line_kinds); i++)
		if (n == line_kinds[i].n_fields && strcmp(fields[0], line_kinds[i].name) == 0)
			return line_kinds[i].take(j, fields);
	return -EBADMSG;
}

/* Damaged: what has been read until then goes with it. */
static int parse_lines(struct journal *j, char *text) {
	char *line = strsep(&text, "\n");

	if (strcmp(line, FIRST_LINE) != 0)
		return -EBADMSG;
	while ((line = strsep(&text, "\n"))) {
		int r;

		if (strcmp(line, LAST_LINE) == 0)
			return text && !*text ? 0 : -EBADMSG;
		r = take_line(j, line);
		if (r < 0)
			return r;
	}
	return -EBADMSG;
}

int journal_parse(char *text, struct journal *ret) {
	_cleanup_journal_ struct journal j = { 0 };
	int r = parse_lines(&j, text);

	*ret = (struct journal){ 0 };
	if (r < 0)
		return r;
	*ret = j;
	j = (struct journal){ 0 };
	return 0;
}

/* ---- what releases before the journal left ------------------------------------------------------ */

/* "SETTING.XXXXXX" is what a write left that was killed: no kernel's name has a capital letter. */
static bool is_litter(const char *name) {
	const char *suffix = strrchr(name, '.');

	return suffix && strlen(suffix) == 7 && strpbrk(suffix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static bool is_old(const char *name) {
	return name[0] != '.' && !is_litter(name) && setting_order(name) >= 0;
}

static int take_old(struct journal *j, const char *directory, const char *name) {
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	int r;

	if (!is_old(name) || journal_find(j, name))
		return 0;
	r = path_of(directory, name, path);
	if (r == 0)
		r = read_file(path, SETTING_VALUE_MAX, &text, NULL);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	return journal_add(j, name, text) ? 0 : -ENOMEM;
}

static int load_old(const char *state_dir, struct journal *j) {
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	int r = path_of(state_dir, "host", path);

	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
		r = take_old(j, path, entry->d_name);
	return r;
}

/* The journal knows them now; what it doesn't know stays. */
static void remove_old(const char *state_dir) {
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];

	if (path_of(state_dir, "host", path) < 0)
		return;
	dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (is_old(entry->d_name) || is_litter(entry->d_name))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)rmdir(path);
}

/* ---- the file ---------------------------------------------------------------------------------- */

int journal_load(const char *state_dir, struct journal *ret) {
	_cleanup_journal_ struct journal j = { 0 };
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	int r;

	*ret = j;
	if (!state_dir)
		return 0;
	r = path_of(state_dir, "journal", path);
	if (r == 0)
		r = read_file(path, JOURNAL_MAX_BYTES, &text, NULL);
	if (r == -ENOENT || r == -ENOTDIR)
		r = load_old(state_dir, &j);
	else if (r == 0)
		r = journal_parse(text, &j);
	if (r < 0)
		return r;
	*ret = j;
	j = (struct journal){ 0 };
	return 0;
}

static void print_entry(FILE *out, const struct journal_entry *e) {
	const char *const fields[] = { e->setting, e->original, e->wanted, e->written, e->before,
		e->prior };

	fputs("setting", out);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		fputc('\t', out);
		print_field(out, fields[i]);
	}
	fprintf(out, "\t%s\t-%s%s%s\n", e->boot[0] ? e->boot : "-", e->pending ? "p" : "",
		e->fresh ? "f" : "", e->returned ? "r" : "");
}

static void print_journal(FILE *out, const struct journal *j) {
	fputs(FIRST_LINE "\n", out);
	if (j->try_deadline_usec)
		fprintf(out, "try\t%s\t%" PRIu64 "\t%" PRIu64 "\n",
			j->try_boot[0] ? j->try_boot : "-", j->try_deadline_usec,
			j->try_duration_usec);
	if (j->rolling_back)
		fprintf(out, "rollback\t%s\n", j->rollback_force ? "force" : "plain");
	for (size_t i = 0; i < j->n_entries; i++)
		print_entry(out, &j->entries[i]);
	for (size_t i = 0; i < j->n_held; i++) {
		fputs("held\t", out);
		print_field(out, j->held[i].setting);
		fputc('\t', out);
		print_field(out, j->held[i].wanted);
		fprintf(out, "\t%s\n", held_causes[j->held[i].cause]);
	}
	fputs(LAST_LINE "\n", out);
}

/* One name for the temporary file, so that being killed leaves no litter: who writes holds the lock. */
static int replace_file(const char *state_dir, const char *text) {
	_cleanup_close_ int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	int r;

	if (dir < 0)
		return -errno;
	fd = openat(
		dir, "journal.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r == 0 &&
		(fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
			renameat(dir, "journal.new", dir, "journal") < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, "journal.new", 0);
	else if (fsync(dir) < 0)
		r = -errno;
	return r;
}

int journal_to_text(const struct journal *j, char **ret) {
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	print_journal(out, j);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret = TAKE(text);
	return 0;
}

int journal_save(const char *state_dir, const struct journal *j) {
	_cleanup_free_ char *text = NULL;
	int r;

	if (!state_dir)
		return 0;
	r = journal_to_text(j, &text);
	if (r == 0)
		r = replace_file(state_dir, text);
	if (r == 0)
		remove_old(state_dir);
	return r;
}
