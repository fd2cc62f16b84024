/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two names for one setting of the machine: whoever writes last would win, so neither may. */
#include <string.h>

#include "libpolicy/validate.h"

struct pair {
	const char *first; /* settings that begin with it */
	const char *second; /* are also written by this one */
};

static const struct pair pairs[] = {
	{ "hugepages.", "sysctl.vm.nr_hugepages" },
	{ "hugepages.", "sysctl.vm.nr_hugepages_mempolicy" },
	{ "hugepages_surplus.", "sysctl.vm.nr_overcommit_hugepages" },
};

static const struct host_wish *find_beginning(const struct policy_set *s, const char *beginning) {
	for (size_t i = 0; i < s->n_wishes; i++)
		if (strncmp(s->wishes[i].setting, beginning, strlen(beginning)) == 0)
			return &s->wishes[i];
	return NULL;
}

/* "hugepages.2M" beside "hugepages.2M.node0": the sum and a part of it. */
static const struct host_wish *find_sum(const struct policy_set *s, const struct host_wish *part) {
	for (size_t i = 0; i < s->n_wishes; i++) {
		const char *sum = s->wishes[i].setting;
		size_t len = strlen(sum);

		if (strncmp(sum, "hugepages.", 10) == 0 && strncmp(part->setting, sum, len) == 0 &&
			part->setting[len] == '.')
			return &s->wishes[i];
	}
	return NULL;
}

static void complain(
	struct diagnostics *d, const struct host_wish *at, const struct host_wish *other) {
	diagnostics_add(d, &at->place, DIAG_HOST_CONFLICT,
		"%s and %s (%s:%u) are the same setting; allowed: one of them", at->setting,
		other->setting, other->place.file, other->place.line);
}

void validate_host(const struct policy_set *s, struct diagnostics *d) {
	for (size_t i = 0; i < s->n_wishes; i++) {
		const struct host_wish *w = &s->wishes[i];
		const struct host_wish *other = find_sum(s, w);

		for (size_t j = 0; j < ARRAY_LEN(pairs) && !other; j++)
			if (strcmp(w->setting, pairs[j].second) == 0)
				other = find_beginning(s, pairs[j].first);
		if (other)
			complain(d, w, other);
	}
}
