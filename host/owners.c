/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Claims are matched by the file of the kernel that they are about, whatever name their author used for
 * it. Of those who have a precedence among themselves (sysctl.d, a TuneD profile and what it includes),
 * only the one that counts is told.
 */
#include "host/owners.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/claim.h"
#include "host/setting-kind.h"

#define POOLS "/sys/kernel/mm/hugepages"

/* Some speak of the pool of the usual page size without naming the size. */
static int name_pools(const char *root, struct claims *c) {
	uint64_t kib = default_page_bytes(root) / 1024;

	for (size_t i = 0; i < c->n_items; i++) {
		static const char sysctl[] = "/proc/sys/vm/nr_";
		const char *file = c->items[i].key + strlen("/proc/sys/vm/");
		char *key;

		if (strncmp(c->items[i].key, sysctl, strlen(sysctl)) != 0 ||
			!strstr(file, "hugepages"))
			continue;
		if (asprintf(&key, POOLS "/hugepages-%" PRIu64 "kB/%s", kib, file) < 0)
			return -ENOMEM;
		free(c->items[i].key);
		c->items[i].key = key;
	}
	return 0;
}

int claims_load(const char *root, struct claims *ret) {
	static int (*const readers[])(const char *root, struct claims *c) = {
		claims_of_boot,
		claims_of_conf,
		claims_of_tuned,
		claims_of_units,
	};
	_cleanup_claims_ struct claims all = { 0 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(readers) && r == 0; i++)
		r = readers[i](root ? root : "", &all);
	if (r == 0)
		r = name_pools(root ? root : "", &all);
	if (r < 0)
		return r;
	*ret = all;
	all = (struct claims){ 0 };
	return 0;
}

/* What claims of a setting are filed under. False: no such setting. */
static bool key_of(const char *setting, char ret[static PATH_MAX]) {
	struct setting_target t;

	if (setting_target_init(setting, "", &t) < 0)
		return false;
	strcpy(ret, strncmp(setting, "hugetlbfs.", 10) == 0 ? setting : t.path);
	return true;
}

int claims_add_policies(const struct policy_set *set, struct claims *c) {
	int r = 0;

	for (size_t i = 0; i < set->n_wishes && r == 0; i++) {
		const struct host_wish *w = &set->wishes[i];
		char key[PATH_MAX];

		if (key_of(w->setting, key))
			r = claim_add(c, GROUP_NONE, "another policy", w->place.file, w->place.line,
				key, w->wanted);
	}
	return r;
}

static bool is_pattern(const char *key) {
	return strpbrk(key, "*?[") != NULL;
}

/* The number for the whole machine is the sum of what its nodes have. */
static bool is_pool_of(const char *whole, const char *node) {
	const char *pool = strstr(node, "/hugepages/hugepages-");

	return strncmp(node, "/sys/devices/system/node/", 25) == 0 && pool &&
		strncmp(whole, POOLS, strlen(POOLS)) == 0 &&
		strcmp(whole + strlen(POOLS), pool + strlen("/hugepages")) == 0;
}

static bool matches(const struct claim *c, const char *key) {
	if (strcmp(c->key, key) == 0)
		return true;
	if (is_pattern(c->key))
		return fnmatch(c->key, key, FNM_PATHNAME) == 0;
	return is_pool_of(c->key, key);
}

/* Of one group: what names the file beats a pattern, else the later counts. */
static bool counts_more(const struct claim *later, const struct claim *earlier) {
	return !is_pattern(later->key) || is_pattern(earlier->key);
}

static bool is_own(const struct claim *c, const struct host_wish *wish) {
	char place[PATH_MAX + 16];

	snprintf(place, sizeof(place), "%s:%u", wish->place.file ? wish->place.file : "",
		wish->place.line);
	return strcmp(place, c->place) == 0;
}

size_t owners_find(
	const struct claims *c, const struct host_wish *wish, struct owner ret[static OWNERS_MAX]) {
	const struct claim *found[OWNERS_MAX];
	char key[PATH_MAX];
	size_t n = 0;

	if (!key_of(wish->setting, key))
		return 0;
	for (size_t i = 0; i < c->n_items; i++) {
		const struct claim *claim = &c->items[i];
		size_t at = n;

		if (!matches(claim, key) || is_own(claim, wish))
			continue;
		for (size_t j = 0; j < n && claim->group; j++)
			if (found[j]->group == claim->group)
				at = j;
		if (at < OWNERS_MAX && (at == n || counts_more(claim, found[at])))
			found[at] = claim;
		n += at == n && n < OWNERS_MAX;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct owner){
			.what = found[i]->what,
			.place = found[i]->place,
			.value = found[i]->value,
			.agrees = setting_same(wish->setting, wish->wanted, found[i]->value),
		};
	return n;
}
