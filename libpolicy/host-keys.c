/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of `host:` that stand for several settings: numbers of huge pages, sysctls. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/host-keys.h"
#include "libpolicy/names.h"

#define HUGEPAGE_MIN_BYTES (64ull << 10)
#define HUGEPAGE_MAX_BYTES (16ull << 30)
#define PAGES_MAX	   (INT64_C(1) << 30)

/* ---- huge pages -------------------------------------------------------------------------------- */

struct pages_target {
	struct file_policy *file;
	char setting[64]; /* "hugepages.2M" */
	const char *allowed;
};

static bool check_page_size(struct reader *r, const struct node *key, uint64_t *ret) {
	char text[QUOTE_MAX];

	if (parse_size(key->text, ret) == -EINVAL) {
		diagnostics_add(r->diagnostics, &key->place, DIAG_BAD_SIZE,
			"%s isn't the size of a page; allowed: sizes such as 2M, 1G",
			quote(key->text, text));
		return false;
	}
	if (*ret >= HUGEPAGE_MIN_BYTES && *ret <= HUGEPAGE_MAX_BYTES && (*ret & (*ret - 1)) == 0)
		return true;
	diagnostics_add(r->diagnostics, &key->place, DIAG_HUGEPAGE_SIZE,
		"no machine has huge pages of %s; allowed: powers of two from 64K to 16G",
		quote(key->text, text));
	diagnostics_hint(r->diagnostics, "this machine's are in /sys/kernel/mm/hugepages");
	return false;
}

static void read_number_of_pages(
	struct reader *r, const struct node *key, const struct node *n, struct pages_target *t) {
	int64_t pages;
	char wanted[32];

	if (!check_number(r, n, 0, PAGES_MAX, t->allowed, &pages))
		return;
	snprintf(wanted, sizeof(wanted), "%" PRId64, pages);
	add_wish(r, t->file, &key->place, t->setting, wanted);
}

static void read_node_pages(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	const struct pages_target *all = base;
	struct pages_target node = { .file = all->file, .allowed = "a number of pages" };
	char text[QUOTE_MAX];

	if (!node_name_is_valid(e->key->text)) {
		diagnostics_add(r->diagnostics, &e->key->place, DIAG_BAD_NAME,
			"%s isn't a NUMA node; allowed: node0, node1 ...",
			quote(e->key->text, text));
		return;
	}
	snprintf(node.setting, sizeof(node.setting), "%.40s.%.10s", all->setting, e->key->text);
	if (e->value->kind != NODE_REFUSED)
		read_number_of_pages(r, e->key, e->value, &node);
}

static void read_page_size(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	struct field nodes = *f;
	struct pages_target target = { .file = base,
		.allowed = f->kind == KIND_HUGEPAGES
			? "a number of pages, or a number for each node"
			: "a number of pages" };
	char size[UNITS_TEXT_MAX];
	uint64_t bytes = 0;

	nodes.max = 1024;
	if (e->value->kind == NODE_REFUSED || !check_page_size(r, e->key, &bytes))
		return;
	snprintf(target.setting, sizeof(target.setting), "%.30s.%s", f->setting,
		format_size(bytes, size));
	if (e->value->kind == NODE_MAPPING && f->kind == KIND_HUGEPAGES)
		read_entries(r, &nodes, e->value, &target, read_node_pages);
	else
		read_number_of_pages(r, e->key, e->value, &target);
}

void read_hugepages(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, read_page_size);
}

/* ---- sysctl ------------------------------------------------------------------------------------ */

static bool check_sysctl_name(struct reader *r, const struct node *key) {
	char text[QUOTE_MAX];

	if (!sysctl_name_is_valid(key->text)) {
		diagnostics_add(r->diagnostics, &key->place, DIAG_BAD_SYSCTL,
			"%s isn't the name of a sysctl; allowed: dotted names of small letters, "
			"digits, \"_\" and \"-\", such as vm.swappiness",
			quote(key->text, text));
		if (strchr(key->text, '/'))
			diagnostics_hint(r->diagnostics, "write dots for slashes: vm.swappiness");
		return false;
	}
	if (!strstr(key->text, "transparent_hugepage"))
		return true;
	diagnostics_add(r->diagnostics, &key->place, DIAG_HOST_CONFLICT,
		"transparent huge pages aren't a sysctl; allowed: host.transparent_hugepage");
	return false;
}

static bool is_allowed(const char *name, const struct file_policy *file) {
	STRV_FOREACH (pattern, file->sysctl_allow)
		if (sysctl_matches(*pattern, name))
			return true;
	return false;
}

/* When the file is read to its end: sysctl_allow may come after sysctl. */
void check_sysctls(const struct file_policy *file, struct diagnostics *d) {
	for (size_t i = 0; i < file->n_wishes; i++) {
		const char *name = file->wishes[i].setting + strlen("sysctl.");

		if (strncmp(file->wishes[i].setting, "sysctl.", strlen("sysctl.")) != 0 ||
			strncmp(name, "vm.", 3) == 0 || strncmp(name, "kernel.", 7) == 0)
			continue;
		if (is_allowed(name, file)) {
			diagnostics_add(d, &file->wishes[i].place, DIAG_SYSCTL_EXTENDED,
				"%s is set because sysctl_allow names it; rtmem knows nothing about "
				"it, and others may set it too",
				name);
			continue;
		}
		diagnostics_add(d, &file->wishes[i].place, DIAG_SYSCTL_NOT_ALLOWED,
			"%s isn't a setting that a policy may change; allowed: vm.*, kernel.*",
			name);
		diagnostics_hint(
			d, "if it must be: sysctl_allow: [%.60s] in the same host section", name);
	}
}

static bool check_sysctl_value(struct reader *r, const struct node *n) {
	static const char allowed[] = "an integer, or one line of text";
	int64_t number;

	if (!check_scalar(r, n, allowed))
		return false;
	if (n->plain && node_scalar_type(n) != SCALAR_TEXT)
		return check_number(r, n, INT64_MIN, INT64_MAX, allowed, &number);
	if (n->length == 0) {
		reject(r, n, DIAG_EMPTY_TEXT, allowed);
		return false;
	}
	for (const char *p = n->text; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != '\t') {
			reject(r, n, DIAG_BAD_SYSCTL, allowed);
			return false;
		}
	return true;
}

static void read_setting(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	_cleanup_free_ char *setting = NULL;

	if (e->value->kind == NODE_REFUSED || !check_sysctl_name(r, e->key) ||
		!check_sysctl_value(r, e->value))
		return;
	if (asprintf(&setting, "sysctl.%s", e->key->text) < 0) {
		setting = NULL;
		r->error = -ENOMEM;
		return;
	}
	add_wish(r, base, &e->key->place, setting, e->value->text);
}

void read_sysctl(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, read_setting);
}

static void read_sysctl_pattern(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "a dotted name, such as net.core.rmem_max or net.core.*";
	char ***v = base;

	if (!check_text(r, e->value, allowed))
		return;
	if (!sysctl_pattern_is_valid(e->value->text))
		reject(r, e->value, DIAG_BAD_SYSCTL, allowed);
	else if (strv_append(v, e->value->text) < 0)
		r->error = -ENOMEM;
}

void read_sysctl_names(struct reader *r, const struct field *f, const struct node *n, void *base) {
	(void)read_items(r, f, n, member(f, base), read_sysctl_pattern);
}

void read_surplus(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, read_page_size);
}

/* ---- locked files ------------------------------------------------------------------------------ */

static void read_file_pattern(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "an absolute path, in which * and ? may stand";
	char ***v = base;

	if (!check_text(r, e->value, allowed))
		return;
	if (e->value->text[0] != '/')
		reject(r, e->value, DIAG_NOT_ABSOLUTE, allowed);
	else if (strv_append(v, e->value->text) < 0)
		r->error = -ENOMEM;
}

void read_file_patterns(struct reader *r, const struct field *f, const struct node *n, void *base) {
	struct file_policy *file = base;

	file->lock_files_place = n->place;
	(void)read_items(r, f, n, member(f, base), read_file_pattern);
}
