/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps that all settings share; what differs is in the rows of setting-kind.c. */
#include "host/setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "host/setting-kind.h"

/* A row ending in a dot stands for the names below it, any other for itself. */
static bool kind_matches(const struct setting_kind *k, const char *setting) {
	size_t len = strlen(k->prefix);

	if (strncmp(k->prefix, setting, len) != 0)
		return false;
	return k->prefix[len - 1] == '.' ? setting[len] != '\0' : setting[len] == '\0';
}

int setting_target_init(const char *setting, const char *root, struct setting_target *ret) {
	char path[PATH_MAX];
	int r;

	*ret = (struct setting_target){ .setting = setting, .root = root ? root : "" };
	for (size_t i = 0; i < n_setting_kinds && !ret->kind; i++)
		if (kind_matches(&setting_kinds[i], setting))
			ret->kind = &setting_kinds[i];
	if (!ret->kind)
		return -EINVAL;
	ret->rest = setting + strlen(ret->kind->prefix);
	r = ret->kind->path(ret->rest, path);
	if (r < 0)
		return r;
	return snprintf(ret->path, PATH_MAX, "%s%s", ret->root, path) < PATH_MAX ? 0
										 : -ENAMETOOLONG;
}

bool setting_lacks_mode(const struct setting_target *t, unsigned mode) {
	struct stat st;

	return stat(t->path, &st) == 0 && (st.st_mode & mode) == 0;
}

bool setting_is_blocked(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	if (t->kind->explain_blocked)
		return t->kind->explain_blocked(t, wanted, actual, ret);
	return t->kind->decode && blocked_file(t, wanted, actual, ret);
}

int setting_read(const char *root, const char *setting, char **ret_value) {
	_cleanup_free_ char *text = NULL;
	struct setting_target t;
	int r = setting_target_init(setting, root, &t);

	if (r < 0)
		return r;
	if (t.kind->read)
		return t.kind->read(&t, ret_value);
	r = read_file(t.path, SETTING_VALUE_MAX - 1, &text, NULL);
	if (r < 0)
		return r == -ENOTDIR ? -ENOENT : r;
	t.kind->decode(text);
	*ret_value = TAKE(text);
	return 0;
}

bool setting_same(const char *setting, const char *wanted, const char *actual) {
	struct setting_target t;

	return setting_target_init(setting, "", &t) == 0 && t.kind->same(wanted, actual);
}

const char *setting_about(const char *setting) {
	struct setting_target t;

	return setting_target_init(setting, "", &t) == 0 ? t.kind->doc : "";
}

bool setting_has_steps(const char *setting) {
	struct setting_target t;

	return setting_target_init(setting, "", &t) == 0 && t.kind->read;
}

static void explain_refused(
	const struct setting_target *t, int error, char ret[static SETTING_REASON_MAX]) {
	const char *cause = "";

	if (error == -EACCES || error == -EPERM)
		cause = setting_lacks_mode(t, 0222)
			? "; this kernel lets nobody change it"
			: "; it takes root of the machine itself, not of a container";
	else if (error == -EROFS)
		cause = "; it's mounted read-only, as in a container: apply it on the machine itself";
	else if (error == -EINVAL || error == -ERANGE)
		cause = "; the kernel doesn't take this value";
	snprintf(ret, SETTING_REASON_MAX, "%.200s can't be written: %s%s", t->path,
		strerror(-error), cause);
}

int setting_write(const char *root, const char *setting, const char *value,
	char ret_reason[static SETTING_REASON_MAX]) {
	struct setting_target t;
	int r = setting_target_init(setting, root, &t);

	*ret_reason = '\0';
	if (r < 0) {
		snprintf(ret_reason, SETTING_REASON_MAX, "rtmem knows no setting of this name");
		return r;
	}
	r = t.kind->write ? t.kind->write(&t, value, ret_reason) : write_line_file(t.path, value);
	if (r < 0 && !*ret_reason)
		explain_refused(&t, r, ret_reason);
	return r;
}

const char *setting_describe_write(const char *root, const char *setting, const char *value,
	char ret[static SETTING_REASON_MAX]) {
	struct setting_target t;

	if (setting_target_init(setting, root, &t) < 0)
		snprintf(ret, SETTING_REASON_MAX, "nothing: no setting has this name");
	else if (t.kind->describe)
		t.kind->describe(&t, value, ret);
	else
		snprintf(ret, SETTING_REASON_MAX, "write %.200s to %.250s", value, t.path);
	return ret;
}

void setting_explain_short(const char *root, const char *setting, const char *wanted,
	const char *actual, char ret[static SETTING_REASON_MAX]) {
	struct setting_target t;

	*ret = '\0';
	if (setting_target_init(setting, root, &t) == 0)
		t.kind->explain_short(&t, wanted, actual, ret);
}

int setting_order(const char *setting) {
	/* Compaction may not touch what is locked: that comes when nobody needs it any more. */
	static const char *const last[] = { "sysctl.vm.compact_unevictable_allowed",
		"sysctl.vm.compaction_proactiveness" };
	struct setting_target t;
	int r = setting_target_init(setting, "", &t);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(last); i++)
		if (strcmp(setting, last[i]) == 0)
			return ORDER_LAST;
	return (int)t.kind->order;
}

bool setting_is_report(const char *setting, const char *wanted) {
	return strcmp(setting, "swap") == 0 && strcmp(wanted, "report") == 0;
}
