/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interface as a whole: which objects there are, and who may do what. Reading is for everybody,
 * changing for root and one group. Processes are no objects of the bus library's: it asks for them by path
 * when a client does, so that a thousand of them cost nothing while nobody asks.
 */
#include "daemon/bus/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/bus/rights.h"
#include "daemon/bus/server.h"
#include "daemon/status/status.h"
#include "daemon/watch/sample.h"

#define PROCESS_PREFIX RTMEM_BUS_PATH "/process"

/* ---- objects ----------------------------------------------------------------------------------- */

int bus_process_path(const char *name, char **ret) {
	return sd_bus_path_encode(PROCESS_PREFIX, name, ret);
}

/* Listings come in the order of the table: the next one is mostly the one after the last. */
static struct process *find(struct manager *m, const char *name) {
	for (size_t i = m->found; i < m->n_processes && i < m->found + 2; i++)
		if (strcmp(m->processes[i]->name, name) == 0) {
			m->found = i;
			return m->processes[i];
		}
	m->found = 0;
	return manager_find(m, name);
}

static int find_process(sd_bus *bus, const char *path, const char *interface, void *userdata,
	void **ret_found, sd_bus_error *error) {
	_cleanup_free_ char *name = NULL;
	int r = sd_bus_path_decode(path, PROCESS_PREFIX, &name);

	if (r <= 0)
		return r;
	*ret_found = find(userdata, name);
	return *ret_found != NULL;
}

static int list_processes(
	sd_bus *bus, const char *prefix, void *userdata, char ***ret_paths, sd_bus_error *error) {
	_cleanup_strv_ char **paths = NULL;
	struct manager *m = userdata;

	paths = calloc(m->n_processes + 1, sizeof(*paths));
	if (!paths)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_processes; i++) {
		int r = bus_process_path(m->processes[i]->name, &paths[i]);

		if (r < 0)
			return r;
	}
	*ret_paths = TAKE(paths);
	return 0;
}

int bus_add_objects(sd_bus *bus, struct manager *m) {
	int r = sd_bus_add_object_vtable(
		bus, NULL, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, bus_manager_vtable, m);

	if (r >= 0)
		r = sd_bus_add_fallback_vtable(bus, NULL, PROCESS_PREFIX,
			RTMEM_BUS_PROCESS_INTERFACE, bus_process_vtable, find_process, m);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(bus, NULL, PROCESS_PREFIX, list_processes, m);
	if (r >= 0)
		r = sd_bus_add_object_manager(bus, NULL, RTMEM_BUS_PATH);
	return r;
}

/* ---- rights ------------------------------------------------------------------------------------ */

int bus_authorize(sd_bus_message *call, const struct manager *m, sd_bus_error *error) {
	struct caller caller;
	int r = server_caller(m, call, &caller);

	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
			"who is asking can't be told: %s", strerror(-r));
	if (rights_may_change(&caller, geteuid(), m->group))
		return 0;
	if (*rights_group)
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
			"%s changes something, which only root and the group %s may do (you are uid %u)",
			sd_bus_message_get_member(call), rights_group, caller.uid);
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
		"%s changes something, which only root may do (you are uid %u)",
		sd_bus_message_get_member(call), caller.uid);
}

/* ---- what both interfaces do ------------------------------------------------------------------- */

int bus_reply_status(sd_bus_message *call, struct manager *m, struct process *only) {
	_cleanup_free_ char *json = NULL;
	int r;

	sample_refresh(m, only);
	r = status_document(m, only, &json);
	m->bulky = true;
	return r < 0 ? r : sd_bus_reply_method_return(call, "s", json);
}

int bus_change_process(
	sd_bus_message *call, struct process *p, enum process_event event, sd_bus_error *error) {
	int r = bus_authorize(call, p->manager, error);

	if (r < 0)
		return r;
	if (p->removed) /* dispatching might free it */
		return sd_bus_error_setf(error, ERROR_FAILED,
			"%s: no policy names it any more; it's being stopped", p->name);
	process_ask(p, event, WANTED_BY_PERSON);
	if (event != EVENT_STOP && p->state == PROCESS_FAILED)
		return sd_bus_error_setf(error, ERROR_FAILED, "%s: %s", p->name,
			p->failure ? p->failure : "the launch failed");
	return sd_bus_reply_method_return(call, NULL);
}
