/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TuneD's active profile and the profiles that it includes, weakest first. Variables of a profile are
 * left as they're written: only TuneD knows their values.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/strv.h"
#include "host/claim.h"

#define INCLUDES_MAX 16 /* one beneath the other */
#define THP	     "/sys/kernel/mm/transparent_hugepage/"

struct profile {
	const char *root;
	struct claims *claims;
	const char *name;
	char section[64];
	unsigned depth;
	bool includes; /* this pass follows the includes, the next one reads the rest */
};

static int read_profile(const char *root, const char *name, unsigned depth, struct claims *claims);

/* "include=a,b" of [main] */
static int follow(const struct profile *p, const char *value) {
	_cleanup_strv_ char **names = NULL;
	int r = strv_split(value, ", \t;", &names);

	STRV_FOREACH (name, names)
		if (r == 0)
			r = read_profile(p->root, *name, p->depth + 1, p->claims);
	return r;
}

static const char *key_of_option(
	const struct profile *p, const char *name, char buf[static PATH_MAX]) {
	static const struct {
		const char *name;
		const char *key;
	} vm[] = {
		{ "transparent_hugepages", THP "enabled" },
		{ "transparent_hugepage", THP "enabled" },
		{ "transparent_hugepage.defrag", THP "defrag" },
		{ "transparent_hugepages.defrag", THP "defrag" },
	};

	if (strcmp(p->section, "sysctl") == 0)
		return sysctl_key(name, buf);
	if (strcmp(p->section, "sysfs") == 0 && name[0] == '/')
		return name;
	for (size_t i = 0; i < ARRAY_LEN(vm) && strcmp(p->section, "vm") == 0; i++)
		if (strcmp(name, vm[i].name) == 0)
			return vm[i].key;
	return NULL;
}

static int add_option(const struct profile *p, const char *name, const char *value,
	const char *file, unsigned number) {
	char what[128], buf[PATH_MAX];
	const char *key = key_of_option(p, name, buf);

	if (!key)
		return 0;
	value += *value == '>' || *value == '<'; /* "at least", "at most" */
	snprintf(what, sizeof(what), "TuneD profile %.80s", p->name);
	return claim_add(p->claims, GROUP_TUNED, what, file, number, key, value);
}

static int read_line(char *line, unsigned number, const char *file, void *data) {
	struct profile *p = data;
	char *name = trim(line), *value;

	if (!*name || *name == '#' || *name == ';')
		return 0;
	if (*name == '[') {
		snprintf(p->section, sizeof(p->section), "%.*s", (int)strcspn(name + 1, "]"),
			name + 1);
		return 0;
	}
	value = strchr(name, '=');
	if (!value)
		return 0;
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	if (!p->includes)
		return add_option(p, name, value, file, number);
	return strcmp(p->section, "main") == 0 && strcmp(name, "include") == 0 ? follow(p, value)
									       : 0;
}

static int read_profile(const char *root, const char *name, unsigned depth, struct claims *claims) {
	static const char *const directories[] = { "/etc/tuned/profiles", "/etc/tuned",
		"/usr/lib/tuned/profiles", "/usr/lib/tuned" };
	int r = 0;

	if (depth > INCLUDES_MAX || strchr(name, '/') || name[0] == '.')
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		struct profile p = { root, claims, name, "", depth, true };
		char path[512], full[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%.200s/tuned.conf", directories[i], name);
		if (snprintf(full, sizeof(full), "%s%s", root, path) >= PATH_MAX ||
			access(full, R_OK) < 0)
			continue;
		r = each_line(root, path, read_line, &p);
		p.includes = false;
		p.section[0] = '\0';
		return r < 0 ? r : each_line(root, path, read_line, &p);
	}
	return r;
}

int claims_of_tuned(const char *root, struct claims *c) {
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **names = NULL;
	int r = claim_read(root, "/etc/tuned/active_profile", &text);

	if (r == 0 && text)
		r = strv_split(text, " \t\n", &names);
	STRV_FOREACH (name, names)
		if (r == 0)
			r = read_profile(root, *name, 0, c);
	return r;
}
