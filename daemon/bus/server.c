/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd-bus without a bus: each connection of the private socket is a bus of two, we are its server. The
 * number of clients is bounded, and of one user's clients more tightly, so that nobody unprivileged can
 * lock root out; a client that doesn't read what it's told is dropped. Between sd-bus and whoever isn't
 * root stands a relay, which bounds what comes in, and the meter bounds what answers cost.
 */
#include "daemon/bus/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/bus/bus.h"
#include "daemon/bus/meter.h"
#include "daemon/bus/news.h"
#include "daemon/bus/relay.h"
#include "daemon/log.h"
#include "daemon/runtime.h"

#define CLIENTS_MAX	     64
#define CLIENTS_PER_USER_MAX 16 /* root is bounded by CLIENTS_MAX alone */
#define DOOR_PAUSE_USEC	     200000
#define BACKLOG		     1024 /* so that a crowd at the door keeps nobody out */
#define ACCEPTS_PER_WAKE     32
#define UNHEARD_MAX	     2048 /* signals that wait for a client to read them */
#define UNHEARD_PER_PROCESS  8 /* more for root: a start of all of them is heard to the end */

struct client {
	struct manager *manager;
	struct client *next; /* manager::clients */
	sd_bus *bus;
	sd_event_source *begun;
	struct caller
		caller; /* as it connected; behind a relay, sd-bus itself sees nobody but us */
	struct relay *relay; /* NULL: trusted */
	bool in_flight; /* a message went in, and isn't dealt with yet */
	bool deaf;
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
	sd_event_source_disable_unref(c->begun);
	if (c->manager->metered == c)
		c->manager->metered = NULL;
	if (c->bus) {
		(void)sd_bus_detach_event(c->bus);
		sd_bus_close_unref(c->bus);
	}
	relay_free(c->relay);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct client *, client_free)

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	client_free(userdata);
	return 0;
}

static bool is_there(const struct manager *m, const struct client *wanted) {
	for (const struct client *c = m->clients; c; c = c->next)
		if (c == wanted)
			return true;
	return false;
}

/* What a client has sent right behind its greeting was read with it, and nothing more may come: sd-bus
 * would wait for that. */
static int on_begun(sd_event_source *s, void *userdata) {
	struct client *c = userdata;
	struct manager *m = c->manager;
	sd_bus *bus = sd_bus_ref(c->bus);
	bool more = sd_bus_process(bus, NULL) > 0;

	sd_bus_unref(bus);
	if (!is_there(m, c)) /* it hung up meanwhile, and its source is gone with it */
		return 0;
	return sd_event_source_set_enabled(s, more ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct client *c = userdata;

	return c->begun ? 0 : sd_event_add_defer(c->manager->event, &c->begun, on_begun, c);
}

static int watch_local(struct client *c, const char *signal, sd_bus_message_handler_t handler) {
	return sd_bus_match_signal_async(c->bus, NULL, "org.freedesktop.DBus.Local",
		"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", signal, handler, NULL,
		c);
}

/* ---- who isn't root ---------------------------------------------------------------------------- */

/* The next message of this client: once the one before is answered, and the answer is gone. */
static bool take_message(void *userdata) {
	struct client *c = userdata;
	uint64_t n_queued = 0;

	if (c->in_flight || sd_bus_get_n_queued_write(c->bus, &n_queued) < 0 || n_queued > 0 ||
		!meter_admits(&c->manager->meter, c->caller.uid))
		return false;
	c->in_flight = true;
	return true;
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct client *c = userdata;

	c->manager->metered = c;
	meter_begin(&c->manager->meter, c->caller.uid);
	return 0;
}

static void on_settled(void *userdata) {
	struct manager *m = userdata;
	struct client *c = m->metered;

	if (!c)
		return;
	m->metered = NULL;
	c->in_flight = false;
	relay_go_on(c->relay);
}

static void on_refill(void *userdata) {
	const struct manager *m = userdata;

	for (const struct client *c = m->clients; c; c = c->next)
		if (c->relay)
			relay_go_on(c->relay);
}

/* fd is what sd-bus gets instead. */
static int put_relay_between(struct client *c, int *fd) {
	int inner = -1, r;

	if (c->caller.uid == 0 || c->caller.uid == geteuid())
		return 0;
	r = relay_new(c->manager->event, TAKE_FD(*fd), take_message, c, &c->relay, &inner);
	*fd = inner;
	return r;
}

/* ---- clients ----------------------------------------------------------------------------------- */

static size_t clients_of(const struct manager *m, uid_t uid) {
	size_t n = 0;

	for (const struct client *c = m->clients; c; c = c->next)
		n += c->caller.uid == uid;
	return n;
}

static bool has_room(const struct manager *m, uid_t uid) {
	if (m->n_clients >= CLIENTS_MAX + (uid == 0 ? 4 : 0))
		return false;
	return uid == 0 || clients_of(m, uid) < CLIENTS_PER_USER_MAX;
}

/* libsystemd aborts where it frees a connection on which putting an object failed for want of memory: such a
 * one is closed, and its few kilobytes are left behind. */
static int put_objects(struct client *c) {
	int r = bus_add_objects(c->bus, c->manager);

	if (r == -ENOMEM) {
		sd_bus_close(c->bus);
		c->bus = NULL;
	}
	return r;
}

static int client_start(struct client *c, int *fd) {
	sd_id128_t id;
	int r = put_relay_between(c, fd);

	if (r >= 0)
		r = sd_bus_new(&c->bus);
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
		r = sd_bus_set_connected_signal(c->bus, 1);
	if (r >= 0)
		r = sd_bus_start(c->bus);
	if (r >= 0 && c->relay)
		r = sd_bus_add_filter(c->bus, NULL, on_message, c);
	if (r >= 0)
		r = put_objects(c);
	if (r >= 0)
		r = watch_local(c, "Connected", on_connected);
	if (r >= 0)
		r = watch_local(c, "Disconnected", on_disconnected);
	if (r >= 0)
		r = sd_bus_attach_event(c->bus, c->manager->event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

static int client_new(struct manager *m, int *fd) {
	CLEANUP(client_free_cleanup) struct client *c = NULL;
	struct caller caller;
	int r = rights_of_peer(*fd, &caller);

	if (r < 0)
		return r;
	if (!has_room(m, caller.uid))
		return -EUSERS;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	if (!server_has_listeners(m))
		news_begin(m);
	c->manager = m;
	c->caller = caller;
	c->next = m->clients;
	m->clients = c;
	m->n_clients++;
	r = client_start(c, fd);
	if (r < 0)
		return r;
	c = NULL; /* in the list */
	return 0;
}

/* 1: let in or turned away; 0: nobody is there; -errno. */
static int accept_one(struct manager *m, int listener) {
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int r;

	if (fd < 0)
		return errno == EAGAIN ? 0 : -errno;
	r = client_new(m, &fd);
	if (r < 0)
		log_debug("a client was turned away: %s", strerror(-r));
	return 1;
}

static int on_connection(sd_event_source *s, int listener, uint32_t revents, void *userdata) {
	int r = 1;

	for (int i = 0; i < ACCEPTS_PER_WAKE && r > 0; i++)
		r = accept_one(userdata, listener);
	/* who can't be let in for want of descriptors waits at the door, and is looked after again soon */
	(void)sd_event_source_set_ratelimit(s, r < 0 ? DOOR_PAUSE_USEC : 0, r < 0);
	return 0;
}

int server_init(struct manager *m) {
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/" RTMEM_BUS_SOCKET, m->options->runtime_dir);
	m->bus_fd = runtime_bind(path, SOCK_STREAM);
	if (m->bus_fd < 0)
		return m->bus_fd;
	r = meter_init(&m->meter, m->event, on_settled, on_refill, m);
	if (r < 0)
		return r;
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
	meter_done(&m->meter);
}

/* ---- for those who answer and tell ------------------------------------------------------------- */

int server_caller(const struct manager *m, sd_bus_message *call, struct caller *ret) {
	const sd_bus *bus = sd_bus_message_get_bus(call);

	if (bus == m->system_bus)
		return rights_of_sender(call, ret);
	for (const struct client *c = m->clients; c; c = c->next)
		if (c->bus == bus) {
			*ret = c->caller;
			return 0;
		}
	return -ENOTCONN;
}

bool server_has_listeners(const struct manager *m) {
	return m->clients || m->on_system_bus;
}

/* One that doesn't read gets no more than this; then it's hung up on, after the present event. */
static bool has_heard(struct client *c) {
	uint64_t n = 0, max = UNHEARD_MAX;

	if (c->caller.uid == 0)
		max += UNHEARD_PER_PROCESS * c->manager->n_processes;
	if (sd_bus_get_n_queued_write(c->bus, &n) >= 0 && n > max)
		c->deaf = true;
	return !c->deaf;
}

void server_each_bus(struct manager *m, void (*fn)(sd_bus *bus, void *userdata), void *userdata) {
	for (struct client *c = m->clients; c; c = c->next)
		if (has_heard(c))
			fn(c->bus, userdata);
	if (m->on_system_bus)
		fn(m->system_bus, userdata);
}

void server_drop_deaf(struct manager *m) {
	for (struct client *c = m->clients, *next; c; c = next) {
		next = c->next;
		if (!c->deaf)
			continue;
		log_debug("a client of uid %u doesn't read what it's told: hung up", c->caller.uid);
		client_free(c);
	}
}
