/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is set before any program runs: the kernel command line; and by mounting: fstab. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/strv.h"
#include "common/units.h"
#include "host/claim.h"
#include "host/setting-kind.h"

#define BOOT "kernel command line"
#define THP  "/sys/kernel/mm/transparent_hugepage/"

struct boot {
	struct claims *claims;
	uint64_t page_bytes; /* of the hugepages= that follow */
};

static int add_boot(struct boot *b, const char *key, const char *value) {
	return claim_add(b->claims, GROUP_BOOT, BOOT, "/proc/cmdline", 0, key, value);
}

static int add_pages(struct boot *b, const char *directory, const char *value) {
	char key[PATH_MAX];

	snprintf(key, sizeof(key), "%s/hugepages-%" PRIu64 "kB/nr_hugepages", directory,
		b->page_bytes / 1024);
	return add_boot(b, key, value);
}

/* "64", or "0:32,1:32" by node */
static int on_hugepages(struct boot *b, const char *key, const char *value) {
	_cleanup_strv_ char **nodes = NULL;
	int r;

	if (!strchr(value, ':'))
		return add_pages(b, "/sys/kernel/mm/hugepages", value);
	r = strv_split(value, ",", &nodes);
	STRV_FOREACH (node, nodes) {
		char directory[80];
		const char *colon = strchr(*node, ':');

		if (r < 0 || !colon)
			break;
		snprintf(directory, sizeof(directory), "/sys/devices/system/node/node%d/hugepages",
			atoi(*node));
		r = add_pages(b, directory, colon + 1);
	}
	return r;
}

static int on_page_size(struct boot *b, const char *key, const char *value) {
	uint64_t bytes;

	if (parse_size(value, &bytes) == 0)
		b->page_bytes = bytes;
	return 0;
}

static int on_file(struct boot *b, const char *key, const char *value) {
	return add_boot(b, key, value);
}

static int on_switch(struct boot *b, const char *key, const char *value) {
	return add_boot(b, key, strcmp(value, "disable") == 0 ? "0" : "1");
}

static const struct {
	const char *name;
	int (*read)(struct boot *b, const char *key, const char *value);
	const char *key;
} parameters[] = {
	{ "hugepages", on_hugepages, NULL },
	{ "hugepagesz", on_page_size, NULL },
	{ "default_hugepagesz", on_page_size, NULL },
	{ "transparent_hugepage", on_file, THP "enabled" },
	{ "transparent_hugepage_shmem", on_file, THP "shmem_enabled" },
	{ "numa_balancing", on_switch, "/proc/sys/kernel/numa_balancing" },
};

static int read_parameter(struct boot *b, char *word) {
	char *value = strchr(word, '='), key[PATH_MAX];

	if (!value)
		return 0;
	*value++ = '\0';
	if (strncmp(word, "sysctl.", 7) == 0)
		return add_boot(b, sysctl_key(word + 7, key), value);
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (strcmp(word, parameters[i].name) == 0)
			return parameters[i].read(b, parameters[i].key, value);
	return 0;
}

uint64_t default_page_bytes(const char *root) {
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (claim_read(root, "/proc/meminfo", &text) < 0 || !text)
		return 2u << 20;
	line = strstr(text, "Hugepagesize:");
	return line ? strtoull(line + strlen("Hugepagesize:"), NULL, 10) * 1024 : 2u << 20;
}

static int read_command_line(const char *root, struct claims *c) {
	struct boot b = { .claims = c, .page_bytes = default_page_bytes(root) };
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **words = NULL;
	int r = claim_read(root, "/proc/cmdline", &text);

	if (r == 0 && text)
		r = strv_split(text, " \n", &words);
	STRV_FOREACH (word, words)
		if (r == 0 && strcmp(*word, "--") != 0)
			r = read_parameter(&b, *word);
	return r;
}

/* ---- fstab ------------------------------------------------------------------------------------- */

static int read_mount(char *line, unsigned number, const char *file, void *data) {
	char device[512], where[512], type[64], options[512] = "", key[600];
	char value[MOUNT_TEXT_MAX];

	if (sscanf(line, " %511s %511s %63s %511s", device, where, type, options) < 3 ||
		device[0] == '#')
		return 0;
	if (strcmp(type, "swap") == 0)
		return claim_add(data, GROUP_NONE, "fstab", file, number, "/proc/swaps", device);
	if (strcmp(type, "hugetlbfs") != 0)
		return 0;
	snprintf(key, sizeof(key), "hugetlbfs.%s", where);
	mount_options_value(options, value);
	return claim_add(data, GROUP_NONE, "fstab", file, number, key, value);
}

int claims_of_boot(const char *root, struct claims *c) {
	int r = read_command_line(root, c);

	return r < 0 ? r : each_line(root, "/etc/fstab", read_mount, c);
}
