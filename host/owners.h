/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_OWNERS_H
#define RTMEM_HOST_OWNERS_H

/*
 * Who else claims a setting of the machine: kernel command line, sysctl.d, tmpfiles.d, fstab, TuneD,
 * units of systemd, other policies. Read from their files below `root`, with their own precedence; no
 * program is asked, so that it works without privileges on a captured tree.
 */
#include <stdbool.h>
#include <stddef.h>

#include "libpolicy/policy.h"

struct claim {
	char *key; /* file of the kernel, or the name of a setting that is none; may have wildcards */
	char *value; /* "" when only the mention was found */
	char *what; /* "kernel command line", "sysctl.d", "TuneD profile throughput-performance" */
	char *place; /* "FILE:LINE", or "FILE" */
	unsigned group; /* of one group the last claim counts; 0 = each does */
};

struct claims {
	struct claim *items;
	size_t n_items;
};
void claims_done(struct claims *c);
#define _cleanup_claims_ CLEANUP(claims_done)

/** Reads all there is; files that are missing or can't be read claim nothing. 0 or -ENOMEM. */
int claims_load(const char *root, struct claims *ret);
/** Adds the wishes of other policies. 0 or -ENOMEM. */
int claims_add_policies(const struct policy_set *set, struct claims *c);

struct owner {
	const char *what;
	const char *place;
	const char *value;
	bool agrees; /* wants what the policy wants */
};

#define OWNERS_MAX 16

/** Those who claim this setting, other than `place`; at most OWNERS_MAX. Points into the claims. */
size_t owners_find(
	const struct claims *c, const struct host_wish *wish, struct owner ret[static OWNERS_MAX]);

#endif
