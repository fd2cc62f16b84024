/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd-bus without a bus: each connection of the private socket is a bus of two, we are its server. The
 * number of clients is bounded, and of one user's clients more tightly, so that nobody unprivileged can
 * lock root out; a client that doesn't read is dropped by sd-bus's own limit on its queue.
 */
#include "daemon/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/bus.h"
#include "daemon/log.h"
#include "daemon/runtime.h"

#define CLIENTS_MAX	     64
#define CLIENTS_PER_USER_MAX 16 /* root is bounded by CLIENTS_MAX alone */
#define BACKLOG		     32
#define SYSTEM_BUS_SOCKET    "/run/dbus/system_bus_socket"

struct client {
	struct manager *manager;
	struct client *next; /* manager::clients */
	sd_bus *bus;
	uid_t uid;
};

static struct client *client_free(struct client *c) {
	struct client **link;

	if (!c)
		return NULL;
	for (link = &c->manager->clients; *link && *link != c; link = &(*link)->next)
		;
	if (*link == c) {
		*link = c->next;
		c->manager->n_clients--;
	}
	if (c->bus) {
		(void)sd_bus_detach_event(c->bus);
		sd_bus_close_unref(c->bus);
	}
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct client *, client_free)

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	client_free(userdata);
	return 0;
}

static size_t clients_of(const struct manager *m, uid_t uid) {
	size_t n = 0;

	for (const struct client *c = m->clients; c; c = c->next)
		n += c->uid == uid;
	return n;
}

static bool has_room(const struct manager *m, uid_t uid) {
	if (m->n_clients >= CLIENTS_MAX + (uid == 0 ? 4 : 0))
		return false;
	return uid == 0 || clients_of(m, uid) < CLIENTS_PER_USER_MAX;
}

static int client_start(struct client *c, int *fd) {
	sd_id128_t id;
	int r = sd_bus_new(&c->bus);

	if (r >= 0)
		r = sd_bus_set_fd(c->bus, *fd, *fd);
	if (r < 0)
		return r;
	*fd = -1; /* the connection's now */
	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_server(c->bus, 1, id);
	if (r >= 0)
		r = sd_bus_set_anonymous(c->bus, 1);
	if (r >= 0)
		r = sd_bus_set_trusted(c->bus, 1);
	if (r >= 0)
		r = sd_bus_start(c->bus);
	if (r >= 0)
		r = bus_add_object(c->bus, c->manager);
	if (r >= 0)
		r = sd_bus_match_signal_async(c->bus, NULL, "org.freedesktop.DBus.Local",
			"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
			on_disconnected, NULL, c);
	if (r >= 0)
		r = sd_bus_attach_event(c->bus, c->manager->event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

static int client_new(struct manager *m, int *fd) {
	CLEANUP(client_free_cleanup) struct client *c = NULL;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int r;

	if (getsockopt(*fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (!has_room(m, peer.uid))
		return -EUSERS;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->manager = m;
	c->uid = peer.uid;
	c->next = m->clients;
	m->clients = c;
	m->n_clients++;
	r = client_start(c, fd);
	if (r < 0)
		return r;
	c = NULL; /* in the list */
	return 0;
}

static int on_connection(sd_event_source *s, int listener, uint32_t revents, void *userdata) {
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int r;

	if (fd < 0)
		return 0;
	r = client_new(userdata, &fd);
	if (r < 0)
		log_debug("a client was turned away: %s", strerror(-r));
	return 0;
}

int server_init(struct manager *m) {
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/" RTMEM_BUS_SOCKET, m->options->runtime_dir);
	m->bus_fd = runtime_bind(path, SOCK_STREAM);
	if (m->bus_fd < 0)
		return m->bus_fd;
	if (listen(m->bus_fd, BACKLOG) < 0)
		return -errno;
	r = sd_event_add_io(m->event, &m->bus_source, m->bus_fd, EPOLLIN, on_connection, m);
	return r < 0 ? r : sd_event_source_set_description(m->bus_source, "rtmemd-bus");
}

void server_done(struct manager *m) {
	while (m->clients)
		client_free(m->clients);
	m->bus_source = sd_event_source_disable_unref(m->bus_source);
	m->bus_fd = close_fd(m->bus_fd);
	m->system_bus = sd_bus_flush_close_unref(m->system_bus);
}

static int join(struct manager *m) {
	int r = sd_bus_open_system(&m->system_bus);

	if (r >= 0)
		r = bus_add_object(m->system_bus, m);
	if (r >= 0)
		r = sd_bus_request_name(m->system_bus, RTMEM_BUS_NAME, 0);
	if (r >= 0)
		r = sd_bus_attach_event(m->system_bus, m->event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

void server_join_system_bus(struct manager *m) {
	int r;

	if (access(SYSTEM_BUS_SOCKET, F_OK) < 0)
		return;
	r = join(m);
	if (r >= 0)
		return;
	log_info(
		"not on the system bus (%s); the private socket serves all the same", strerror(-r));
	m->system_bus = sd_bus_close_unref(m->system_bus);
}

int server_caller(const struct manager *m, sd_bus_message *call, uid_t *ret) {
	sd_bus *bus = sd_bus_message_get_bus(call);
	sd_bus_creds *creds = NULL;
	int r;

	for (const struct client *c = m->clients; c; c = c->next)
		if (c->bus == bus) {
			*ret = c->uid;
			return 0;
		}
	r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
	if (r >= 0)
		r = sd_bus_creds_get_euid(creds, ret);
	sd_bus_creds_unref(creds);
	return r;
}

static void emit(sd_bus *bus, const struct setting_state *now) {
	(void)sd_bus_emit_signal(bus, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, "HostChanged", "ssss",
		now->setting, setting_result_to_string(now->result), now->actual, now->reason);
}

void server_host_changed(struct manager *m, const struct setting_state *now) {
	for (const struct client *c = m->clients; c; c = c->next)
		emit(c->bus, now);
	if (m->system_bus)
		emit(m->system_bus, now);
}

static void emit_state(
	sd_bus *bus, const struct process *p, enum process_state old, enum process_event event) {
	(void)sd_bus_emit_signal(bus, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, "StateChanged", "sssss",
		p->name, process_state_to_string(old), process_state_to_string(p->state),
		process_event_to_string(event), p->failure ? p->failure : "");
}

void server_state_changed(struct process *p, enum process_state old, enum process_event event) {
	struct manager *m = p->manager;

	if (old == p->state)
		return;
	for (const struct client *c = m->clients; c; c = c->next)
		emit_state(c->bus, p, old, event);
	if (m->system_bus)
		emit_state(m->system_bus, p, old, event);
}
