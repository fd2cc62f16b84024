/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interface. Reading is for everybody, changing for root; who is asking is the kernel's word
 * (SO_PEERCRED of the private socket) or the bus daemon's.
 */
#include "daemon/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "config.h"
#include "daemon/apply.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon/sample.h"
#include "daemon/self.h"
#include "daemon/server.h"
#include "daemon/status.h"

#define ERROR_NO_SUCH_PROCESS "org.rtmem1.Error.NoSuchProcess"
#define ERROR_FAILED	      "org.rtmem1.Error.Failed"

static int authorize(sd_bus_message *call, const struct manager *m, sd_bus_error *error) {
	uid_t uid;
	int r = server_caller(m, call, &uid);

	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
			"who is asking can't be told: %s", strerror(-r));
	if (uid == 0 || uid == geteuid())
		return 0;
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
		"%s changes something, which only root may do (you are uid %u)",
		sd_bus_message_get_member(call), uid);
}

static int find_process(
	sd_bus_message *call, struct manager *m, struct process **ret, sd_bus_error *error) {
	const char *name;
	int r = sd_bus_message_read(call, "s", &name);

	if (r < 0)
		return r;
	*ret = manager_find(m, name);
	if (*ret)
		return 0;
	return sd_bus_error_setf(error, ERROR_NO_SUCH_PROCESS,
		"no process named '%.64s' is managed; `rtmemctl status` lists them", name);
}

static int reply_status(sd_bus_message *call, struct manager *m, const struct process *only) {
	_cleanup_free_ char *json = NULL;
	int r = status_document(m, only, &json);

	m->bulky = true;
	return r < 0 ? r : sd_bus_reply_method_return(call, "s", json);
}

static int method_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	struct manager *m = userdata;

	sample_refresh(m, NULL);
	return reply_status(call, m, NULL);
}

static int method_get_process_status(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	struct manager *m = userdata;
	struct process *p;
	int r = find_process(call, m, &p, error);

	if (r < 0)
		return r;
	sample_refresh(m, p);
	return reply_status(call, m, p);
}

static int reload(sd_bus_message *call, struct manager *m, unsigned flags, sd_bus_error *error) {
	_cleanup_free_ char *json = NULL;
	bool changed = false, dry = flags & RELOAD_DRY_RUN;
	int r;

	if (!dry)
		self_reloading(m);
	r = apply(m, flags, &changed, &json);
	if (!dry)
		self_reloaded(m);
	if (!json)
		return sd_bus_error_setf(
			error, ERROR_FAILED, "the policies weren't applied: %s", strerror(-r));
	return sd_bus_reply_method_return(call, "bs", changed, json);
}

static int method_apply(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	int dry, r = sd_bus_message_read(call, "b", &dry);

	if (r >= 0)
		r = authorize(call, userdata, error);
	return r < 0 ? r : reload(call, userdata, dry ? RELOAD_DRY_RUN : 0, error);
}

static int take_flag(sd_bus_message *call, unsigned *flags, sd_bus_error *error) {
	static const struct {
		const char *name;
		unsigned flag;
	} options[] = { { "dry-run", RELOAD_DRY_RUN }, { "restart", RELOAD_RESTART } };
	const char *name;
	int value, r = sd_bus_message_read(call, "sv", &name, "b", &value);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].name, name) == 0) {
			*flags = value ? *flags | options[i].flag : *flags & ~options[i].flag;
			return 0;
		}
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
		"no option '%.64s'; allowed: dry-run, restart, each a boolean", name);
}

static int take_flags(sd_bus_message *call, unsigned *ret, sd_bus_error *error) {
	int r = sd_bus_message_enter_container(call, 'a', "{sv}");

	*ret = 0;
	while (r >= 0 && (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
		r = take_flag(call, ret, error);
		if (r >= 0)
			r = sd_bus_message_exit_container(call);
	}
	return r < 0 ? r : sd_bus_message_exit_container(call);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	unsigned flags;
	int r = authorize(call, userdata, error);

	if (r >= 0)
		r = take_flags(call, &flags, error);
	return r < 0 ? r : reload(call, userdata, flags, error);
}

static int method_try(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	struct manager *m = userdata;
	_cleanup_free_ char *json = NULL;
	bool changed = false;
	uint64_t usec;
	int r = authorize(call, m, error);

	if (r >= 0)
		r = sd_bus_message_read(call, "t", &usec);
	if (r < 0)
		return r;
	if (usec < TRY_MIN_USEC || usec > TRY_MAX_USEC)
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS, "a try takes from 1 s to 24 h");
	r = apply_try(m, usec, &changed, &json);
	if (!json)
		return sd_bus_error_setf(error, ERROR_FAILED, "nothing was tried: %s",
			strerror(r < 0 ? -r : ENOMEM));
	return sd_bus_reply_method_return(call, "bs", changed, json);
}

/* What Rollback, Revert and Confirm answer. */
static int reply_writes(sd_bus_message *call, int r, const char *result,
	const struct host_writes *w, const char *problem, sd_bus_error *error) {
	_cleanup_free_ char *json = NULL;

	if (r >= 0)
		r = host_writes_document(result, w, problem, &json);
	if (r < 0)
		return sd_bus_error_setf(error, ERROR_FAILED, "nothing was written: %s",
			*problem ? problem : strerror(-r));
	return sd_bus_reply_method_return(call, "s", json);
}

static int method_rollback(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int force, r = authorize(call, userdata, error);

	if (r >= 0)
		r = sd_bus_message_read(call, "b", &force);
	if (r < 0)
		return r;
	r = host_rollback(userdata, force, &writes, problem);
	return reply_writes(
		call, r, writes.n_items ? "rolled-back" : "unchanged", &writes, problem, error);
}

static int method_revert(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int r = authorize(call, userdata, error);

	if (r < 0)
		return r;
	r = host_revert(userdata, false, &writes, problem);
	return reply_writes(
		call, r, writes.n_items ? "reverted" : "unchanged", &writes, problem, error);
}

static int method_confirm(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	const struct host_writes none = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int r = authorize(call, userdata, error);

	if (r < 0)
		return r;
	r = host_confirm(userdata, problem);
	if (r < 0)
		return sd_bus_error_setf(error, ERROR_FAILED, "%s", problem);
	return reply_writes(call, r, "confirmed", &none, problem, error);
}

static int change_process(
	sd_bus_message *call, struct manager *m, enum process_event event, sd_bus_error *error) {
	struct process *p;
	int r = authorize(call, m, error);

	if (r >= 0)
		r = find_process(call, m, &p, error);
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

static int method_start(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return change_process(call, userdata, EVENT_START, error);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return change_process(call, userdata, EVENT_STOP, error);
}

static int method_restart(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return change_process(call, userdata, EVENT_RESTART, error);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	return sd_bus_message_append(reply, "s", RTMEM_VERSION);
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	return sd_bus_message_append(reply, "s", manager_state(userdata));
}

/* Rights are checked by authorize(): SD_BUS_VTABLE_UNPRIVILEGED only switches sd-bus's own check off */
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status),
		method_get_status, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetProcessStatus", SD_BUS_ARGS("s", name),
		SD_BUS_RESULT("s", status), method_get_process_status, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Apply", SD_BUS_ARGS("b", dry_run),
		SD_BUS_RESULT("b", changed, "s", result), method_apply, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_ARGS("a{sv}", options),
		SD_BUS_RESULT("b", changed, "s", result), method_reload,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Try", SD_BUS_ARGS("t", usec),
		SD_BUS_RESULT("b", changed, "s", result), method_try, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Confirm", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", result),
		method_confirm, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Revert", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", result), method_revert,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("b", force), SD_BUS_RESULT("s", result),
		method_rollback, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS(
		"HostChanged", SD_BUS_ARGS("s", setting, "s", result, "s", actual, "s", reason), 0),
	SD_BUS_SIGNAL_WITH_ARGS("StateChanged",
		SD_BUS_ARGS("s", name, "s", old, "s", new, "s", event, "s", reason), 0),
	SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_start,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_stop,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_restart,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, 0),
	SD_BUS_VTABLE_END,
};

int bus_add_object(sd_bus *bus, struct manager *m) {
	return sd_bus_add_object_vtable(bus, NULL, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, vtable, m);
}
