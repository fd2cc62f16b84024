/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who the program is: groups, user, capabilities. Capabilities go over execve() as ambient ones, never
 * as file capabilities: those would make the dynamic loader drop LD_PRELOAD and LD_LIBRARY_PATH.
 *
 * The kernel takes all capabilities from a process that leaves root. STEP_USER keeps them for the steps
 * that follow; STEP_CAPABILITIES cuts them down to what the policy says; credentials_finish() takes the
 * rest away where the policy says nothing.
 */
#include "exec/launch.h"

#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/strv.h"
#include "common/units.h"

#define GROUPS_MAX 65536 /* the kernel's NGROUPS_MAX */

struct capabilities {
	uint64_t effective, permitted, inheritable;
};

static int get_capabilities(struct capabilities *ret) {
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	ret->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	ret->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	ret->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

static int set_capabilities(const struct capabilities *c) {
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	for (int i = 0; i < 2; i++)
		d[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(c->effective >> (32 * i)),
			.permitted = (uint32_t)(c->permitted >> (32 * i)),
			.inheritable = (uint32_t)(c->inheritable >> (32 * i)),
		};
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

bool has_capability(int capability) {
	struct capabilities c = { 0 };

	return get_capabilities(&c) == 0 && (c.effective >> capability & 1);
}

static int parse_groups(const char *text, gid_t **ret, size_t *ret_n) {
	_cleanup_strv_ char **words = NULL;
	_cleanup_free_ gid_t *groups = NULL;
	size_t n = 0;
	int r = strv_split(text ? text : "", ",", &words);

	if (r < 0)
		return r;
	if (strv_length(words) > GROUPS_MAX)
		return -E2BIG;
	groups = calloc(strv_length(words) + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	STRV_FOREACH (word, words) {
		uint64_t gid;

		if (parse_u64(*word, &gid) < 0 || gid >= UINT32_MAX)
			return -EINVAL;
		groups[n++] = (gid_t)gid;
	}
	*ret = TAKE(groups);
	*ret_n = n;
	return 0;
}

int step_groups(struct launch *l, const struct step *s) {
	_cleanup_free_ gid_t *groups = NULL;
	gid_t gid = (gid_t)s->number[0];
	size_t n;
	int r = parse_groups(s->text, &groups, &n);

	if (r < 0)
		return r;
	if (setgroups(n, groups) == 0 && setresgid(gid, gid, gid) == 0)
		return 0;
	if (errno == EPERM)
		snprintf(l->why, sizeof(l->why),
			"changing groups needs CAP_SETGID: start the launcher as root, or leave user, "
			"group and groups out of the policy");
	return -errno;
}

/* Leaving root empties the effective set; what is still permitted comes back for the next steps. */
static int restore_effective(void) {
	struct capabilities c = { 0 };
	int r = get_capabilities(&c);

	if (r < 0)
		return r;
	c.effective = c.permitted;
	return set_capabilities(&c);
}

int step_user(struct launch *l, const struct step *s) {
	uid_t uid = (uid_t)s->number[0];

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setresuid(uid, uid, uid) < 0) {
		if (errno == EPERM)
			snprintf(l->why, sizeof(l->why),
				"changing the user needs CAP_SETUID: start the launcher as root, or "
				"leave user out of the policy");
		else if (errno == EAGAIN)
			snprintf(l->why, sizeof(l->why),
				"the user has as many processes as limits.nproc allows");
		return -errno;
	}
	if (uid == 0)
		return 0;
	l->user_left_root = true;
	return restore_effective();
}

static int raise_ambient(struct launch *l, uint64_t mask) {
	for (unsigned c = 0; c < 64; c++) {
		if (!(mask >> c & 1))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) == 0)
			continue;
		snprintf(l->why, sizeof(l->why),
			"capability %u can't be made ambient: the launcher doesn't hold it, or its "
			"securebits forbid it (SECBIT_NO_CAP_AMBIENT_RAISE)",
			c);
		return -errno;
	}
	return 0;
}

int step_capabilities(struct launch *l, const struct step *s) {
	uint64_t mask = (uint64_t)s->number[0];
	struct capabilities c = { 0 };
	int r = get_capabilities(&c);

	if (r < 0)
		return r;
	if (mask & ~c.permitted) {
		snprintf(l->why, sizeof(l->why),
			"the launcher itself doesn't hold 0x%llx of them: start it as root, or with "
			"AmbientCapabilities=; in a container add them (--cap-add)",
			(unsigned long long)(mask & ~c.permitted));
		return -EPERM;
	}
	if (geteuid() == 0)
		c.inheritable |= mask; /* root keeps its own */
	else
		c = (struct capabilities){ mask, mask, mask };
	r = set_capabilities(&c);
	if (r == 0)
		r = raise_ambient(l, mask);
	l->capabilities_set = r == 0;
	return r;
}

int credentials_finish(struct launch *l) {
	const struct capabilities none = { 0 };

	return l->user_left_root && !l->capabilities_set ? set_capabilities(&none) : 0;
}
