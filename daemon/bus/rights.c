/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The groups of a caller are those of its credentials, never those of the user database: somebody who has
 * just left the group, or dropped it, is out. Nothing is read from /proc of the caller, whose pid may be
 * another's by then.
 */
#include "daemon/bus/rights.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/log.h"

#define ASK_USEC 2000000u

void rights_init(struct manager *m) {
	const struct group *g;

	m->group = (gid_t)-1;
	if (!*rights_group)
		return;
	g = getgrnam(rights_group);
	if (g)
		m->group = g->gr_gid;
	else
		log_info(
			"there is no group %s, whose members may change things: only root may, until "
			"it's made (groupadd --system %s) and rtmemd is started again",
			rights_group, rights_group);
}

bool rights_may_change(const struct caller *c, uid_t own_uid, gid_t group) {
	if (c->uid == 0 || c->uid == own_uid)
		return true;
	for (size_t i = 0; group != (gid_t)-1 && i < c->n_groups; i++)
		if (c->groups[i] == group)
			return true;
	return false;
}

/* ---- the private socket ------------------------------------------------------------------------ */

int rights_of_peer(int fd, struct caller *ret) {
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	ret->uid = peer.uid;
	ret->groups[0] = peer.gid;
	ret->n_groups = 1;
	size = sizeof(ret->groups) - sizeof(ret->groups[0]);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &ret->groups[1], &size) == 0)
		ret->n_groups += size / sizeof(ret->groups[0]);
	return 0;
}

/* ---- the system bus ---------------------------------------------------------------------------- */

static int take_groups(sd_bus_message *reply, struct caller *ret) {
	const uint32_t *groups;
	size_t size;
	int r = sd_bus_message_enter_container(reply, 'v', "au");

	if (r >= 0)
		r = sd_bus_message_read_array(reply, 'u', (const void **)&groups, &size);
	if (r < 0)
		return r;
	if (size <= sizeof(ret->groups)) {
		memcpy(ret->groups, groups, size);
		ret->n_groups = size / sizeof(groups[0]);
	}
	return sd_bus_message_exit_container(reply);
}

static int take_entry(sd_bus_message *reply, struct caller *ret, bool *have_uid) {
	const char *name;
	uint32_t uid;
	int r = sd_bus_message_read(reply, "s", &name);

	if (r < 0)
		return r;
	if (strcmp(name, "UnixGroupIDs") == 0)
		return take_groups(reply, ret);
	if (strcmp(name, "UnixUserID") != 0)
		return sd_bus_message_skip(reply, "v");
	r = sd_bus_message_read(reply, "v", "u", &uid);
	ret->uid = uid;
	*have_uid = r >= 0;
	return r;
}

static int take_credentials(sd_bus_message *reply, struct caller *ret) {
	bool have_uid = false;
	int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = take_entry(reply, ret, &have_uid);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r < 0 ? r : have_uid ? 0 : -ENODATA;
}

static void message_unref(sd_bus_message **m) {
	*m = sd_bus_message_unref(*m);
}

int rights_of_sender(sd_bus_message *m, struct caller *ret) {
	CLEANUP(message_unref) sd_bus_message *ask = NULL, *reply = NULL;
	sd_bus *bus = sd_bus_message_get_bus(m);
	int r = sd_bus_message_new_method_call(bus, &ask, "org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionCredentials");

	*ret = (struct caller){ .uid = (uid_t)-1 };
	if (r >= 0)
		r = sd_bus_message_append(ask, "s", sd_bus_message_get_sender(m));
	if (r >= 0)
		r = sd_bus_call(bus, ask, ASK_USEC, NULL, &reply);
	return r < 0 ? r : take_credentials(reply, ret);
}
