/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties are compared with what was told last, so that a value which comes and goes within one
 * iteration of the loop is no news, and nobody has to say what it has changed.
 */
#include "daemon/bus/news.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/bus/bus.h"
#include "daemon/bus/server.h"
#include "daemon/life/order.h"
#include "daemon/manager.h"
#include "daemon/reload/pending.h"

/* ---- signals ----------------------------------------------------------------------------------- */

struct signal {
	const char *name;
	const char *types; /* "s" each */
	const char *texts[8];
};

static int append_texts(sd_bus_message *message, const struct signal *s) {
	int r = 0;

	for (size_t i = 0; s->types[i] && r >= 0; i++)
		r = sd_bus_message_append_basic(message, s->types[i], s->texts[i]);
	return r;
}

static void emit_on(sd_bus *bus, void *userdata) {
	const struct signal *s = userdata;
	sd_bus_message *message = NULL;
	int r = sd_bus_message_new_signal(
		bus, &message, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, s->name);

	if (r >= 0)
		r = append_texts(message, s);
	if (r >= 0)
		(void)sd_bus_send(bus, message, NULL);
	sd_bus_message_unref(message);
}

static void emit(struct manager *m, struct signal s) {
	server_each_bus(m, emit_on, &s);
}

void news_host_changed(struct manager *m, const struct setting_state *now) {
	emit(m,
		(struct signal){ "HostChanged", "ssss",
			{ now->setting, setting_result_to_string(now->result), now->actual,
				now->reason } });
}

void news_state_changed(struct process *p, enum process_state old, enum process_event event) {
	if (old == p->state)
		return;
	emit(p->manager,
		(struct signal){ "StateChanged", "sssss",
			{ p->name, process_state_to_string(old), process_state_to_string(p->state),
				process_event_to_string(event), p->failure ? p->failure : "" } });
}

void news_finding(struct process *p, const struct finding *f, bool found) {
	emit(p->manager,
		(struct signal){ "ComplianceChanged", "ssssss",
			{ p->name, found ? "found" : "resolved", f->rule, f->wanted, f->seen,
				f->detail } });
}

void news_reloaded(struct manager *m, const char *result) {
	emit(m, (struct signal){ "Reloaded", "s", { result } });
}

/* ---- objects that come and go ------------------------------------------------------------------ */

static void emit_added(sd_bus *bus, void *path) {
	(void)sd_bus_emit_object_added(bus, path);
}

static void emit_removed(sd_bus *bus, void *path) {
	(void)sd_bus_emit_object_removed(bus, path);
}

static void tell_object(
	struct process *p, const char *signal, void (*object_signal)(sd_bus *bus, void *path)) {
	_cleanup_free_ char *path = NULL;

	if (!server_has_listeners(p->manager) || bus_process_path(p->name, &path) < 0)
		return;
	server_each_bus(p->manager, object_signal, path);
	emit(p->manager, (struct signal){ signal, "so", { p->name, path } });
}

void news_added(struct process *p) {
	tell_object(p, "ProcessAdded", emit_added);
}

void news_removed(struct process *p) {
	tell_object(p, "ProcessRemoved", emit_removed);
}

/* ---- properties -------------------------------------------------------------------------------- */

#define NAMES_MAX 12

struct change_of_object {
	const char *path;
	const char *interface;
	const char *names[NAMES_MAX + 1];
	size_t n;
};

static void changed(struct change_of_object *c, bool differs, const char *name) {
	if (differs && c->n < NAMES_MAX)
		c->names[c->n++] = name;
}

static void emit_properties(sd_bus *bus, void *userdata) {
	const struct change_of_object *c = userdata;

	(void)sd_bus_emit_properties_changed_strv(bus, c->path, c->interface, (char **)c->names);
}

static uint32_t count_awaited(const struct process *p) {
	uint32_t n = 0;

	while (p->waiting && order_awaited(p, n))
		n++;
	return n;
}

static struct told_process describe(const struct process *p) {
	return (struct told_process){
		.pid = p->run ? p->run->pid : 0,
		.restarts = p->n_restarts,
		.state = p->state,
		.wanted = p->wanted,
		.compliance = p->compliance,
		.ready = p->run && p->run->ready,
		.n_awaited = count_awaited(p),
		.n_pending = p->n_pending,
	};
}

static void flush_process(struct process *p) {
	struct change_of_object c = { .interface = RTMEM_BUS_PROCESS_INTERFACE };
	_cleanup_free_ char *path = NULL;
	struct told_process now = describe(p), *old = &p->told;

	changed(&c, now.pid != old->pid, "Pid");
	changed(&c, now.state != old->state, "State");
	changed(&c, now.wanted != old->wanted, "Wanted");
	changed(&c, now.ready != old->ready, "Ready");
	changed(&c, now.compliance != old->compliance, "Compliance");
	changed(&c, now.restarts != old->restarts, "Restarts");
	changed(&c, now.n_awaited != old->n_awaited, "WaitingFor");
	changed(&c, now.n_pending != old->n_pending, "PendingChanges");
	*old = now;
	if (c.n == 0 || bus_process_path(p->name, &path) < 0)
		return;
	c.path = path;
	server_each_bus(p->manager, emit_properties, &c);
}

static struct told_manager describe_manager(const struct manager *m) {
	return (struct told_manager){
		.state = manager_state(m),
		.n_processes = m->n_processes,
		.n_drift = manager_host_drift(m),
	};
}

static void flush_manager(struct manager *m) {
	struct change_of_object c = { .path = RTMEM_BUS_PATH, .interface = RTMEM_BUS_INTERFACE };
	struct told_manager now = describe_manager(m);

	changed(&c, !m->told.state || strcmp(now.state, m->told.state) != 0, "State");
	changed(&c, now.n_processes != m->told.n_processes, "Processes");
	changed(&c, now.n_drift != m->told.n_drift, "HostDrift");
	m->told = now;
	if (c.n > 0)
		server_each_bus(m, emit_properties, &c);
}

void news_begin(struct manager *m) {
	for (size_t i = 0; i < m->n_processes; i++)
		m->processes[i]->told = describe(m->processes[i]);
	m->told = describe_manager(m);
}

void news_flush(struct manager *m) {
	if (!server_has_listeners(m))
		return;
	for (size_t i = 0; i < m->n_processes; i++)
		flush_process(m->processes[i]);
	flush_manager(m);
}
