/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line per event, written once to wherever stderr leads. systemd says by $JOURNAL_STREAM which
 * stream is the journal's; only when stderr is that very stream are structured fields sent, so that
 * `rtmemd 2>file` under systemd still writes to the file.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "common/cleanup.h"

#define LINE_MAX_BYTES 1536

static int log_level = LOG_INFO;
static bool to_journal;

/* Stable ids: `journalctl MESSAGE_ID=...` finds every event of a kind */
static const char *const message_ids[MESSAGE_MAX] = {
	[MESSAGE_STARTED] = "c3a2f15ad6a14f0c9f1d6a3f6f7b0e01",
	[MESSAGE_READY] = "8e0b6ed2c9b64fc1a2f4a9b7f40f3d02",
	[MESSAGE_ADOPTED] = "5b1d9f64e3f54d1e8a2f7b6c19c2aa03",
	[MESSAGE_ENDED] = "f02b7c7e5a0d4d07a9c3be2c6ed55e04",
	[MESSAGE_FAILED] = "2d9a4e0f8b1c4be6b65f7d3ab0a6cc05",
	[MESSAGE_VIOLATION] = "a47e21c0f93d4ad2b7be5c1d28e91f06",
	[MESSAGE_RESOLVED] = "7c58d3b94e624a4f9d10e5fa6b83c207",
	[MESSAGE_APPLIED] = "e9176b0acd2f4c38a5d24f80b7c39a08",
	[MESSAGE_REFUSED] = "30f5c8e7d4ab4961b8e7a90d5f12de09",
	[MESSAGE_HOST_DRIFT] = "b86d0e3f17c94c5a92fb4ad6c07e810a",
	[MESSAGE_NOTE] = "149cfa7be8054e3d87d6b02c95ea4f0b",
	[MESSAGE_HOST_WRITTEN] = "b8a1ab1a6916c74da4f9fc3c6da5d710",
	[MESSAGE_HOST_RETURNED] = "1710cf27ac435a7a97c643656412a911",
	[MESSAGE_HOST_KEPT] = "8ca59966ceab360512bd131107223112",
	[MESSAGE_HOST_ROLLED_BACK] = "fd7244ccea71ff4a14876aeaff1a0913",
	[MESSAGE_HOST_TRIED] = "8534f438d048ec0f1099c6c3e1b25814",
	[MESSAGE_HOST_REVERTED] = "c79d6746d4ac7a5c3902b38963dc6e15",
	[MESSAGE_HOST_DISPUTE] = "43000d1b2ed40ed3addccb2c33be0a16",
	[MESSAGE_STARTING] = "433964ef2ebe4657975cf535ef1bee20",
	[MESSAGE_PREPARING] = "82461c6151314a75860abdde03c07721",
	[MESSAGE_STOPPING] = "300ed642fb334325af8946fd4c9e0d22",
	[MESSAGE_STOPPED] = "1a021d8117f44db8b8c4480cdd5f5a23",
	[MESSAGE_BACKOFF] = "c3cea68fe3b64b839f68285cf1f55724",
	[MESSAGE_WAITING] = "35264db046d448939bf8177e9a397325",
	[MESSAGE_LEFT_BEHIND] = "b86f0748ca004f838a78bc6ffcb42d26",
	[MESSAGE_KILLED] = "e31e4d93c39c41af8aa0a03640f5e827",
};

static bool stderr_is_journal(void) {
	const char *stream = secure_getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(int level) {
	log_level = level;
	to_journal = stderr_is_journal();
}

int log_level_from_string(const char *text) {
	static const struct {
		const char *name;
		int level;
	} levels[] = {
		{ "error", LOG_ERR },
		{ "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (strcmp(text, levels[i].name) == 0)
			return levels[i].level;
	return -EINVAL;
}

char *make_printable(char *text) {
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
	return text;
}

#define FIELDS_MAX 10

struct fields {
	struct iovec items[FIELDS_MAX];
	char text[FIELDS_MAX][LINE_MAX_BYTES];
	int n;
};

static void add_field(struct fields *f, const char *key, const char *value) {
	int len;

	if (!value)
		return;
	len = snprintf(f->text[f->n], LINE_MAX_BYTES, "%s=%s", key, value);
	if (len >= LINE_MAX_BYTES)
		len = LINE_MAX_BYTES - 1;
	f->items[f->n] = (struct iovec){ f->text[f->n], (size_t)len };
	f->n++;
}

static int send_to_journal(enum message message, int level, const char *process, const char *rule,
	const struct log_transition *t, const char *line) {
	struct fields f = { .n = 0 };
	char priority[2] = { (char)('0' + level), '\0' };

	add_field(&f, "MESSAGE", line);
	add_field(&f, "PRIORITY", priority);
	add_field(&f, "SYSLOG_IDENTIFIER", "rtmemd");
	add_field(&f, "MESSAGE_ID", message_ids[message]);
	add_field(&f, "RTMEM_PROCESS", process);
	add_field(&f, "RTMEM_RULE", rule);
	if (t) {
		add_field(&f, "RTMEM_STATE_OLD", t->old);
		add_field(&f, "RTMEM_STATE_NEW", t->new);
		add_field(&f, "RTMEM_EVENT", t->event);
		add_field(&f, "RTMEM_WANTED", t->wanted);
	}
	return sd_journal_sendv(f.items, f.n);
}

static const char *level_prefix(int level) {
	if (level <= LOG_ERR)
		return "error: ";
	return level == LOG_WARNING ? "warning: " : "";
}

static void write_line(enum message message, int level, const char *process, const char *rule,
	const struct log_transition *t, const char *text) {
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof(line), "%.100s%s%s", process ? process : "", process ? ": " : "",
		text);
	(void)make_printable(line);
	if (!to_journal || send_to_journal(message, level, process, rule, t, line) < 0)
		fprintf(stderr, "rtmemd: %s%s\n", level_prefix(level), line);
}

void log_transition(enum message message, int level, const char *process,
	const struct log_transition *t, const char *text) {
	int saved_errno = errno;

	if (level <= log_level)
		write_line(message, level, process, NULL, t, text);
	errno = saved_errno;
}

void log_event(enum message message, int level, const char *process, const char *rule,
	const char *format, ...) {
	char text[LINE_MAX_BYTES - 128];
	int saved_errno = errno;
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_line(message, level, process, rule, NULL, text);
	errno = saved_errno;
}
