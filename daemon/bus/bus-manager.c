/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.rtmem1.Manager: everything that rtmemctl asks for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "config.h"
#include "daemon/bus/bus.h"
#include "daemon/bus/rights.h"
#include "daemon/log.h"
#include "daemon/reload/apply.h"
#include "daemon/self.h"
#include "host/journal.h"

/* ---- processes --------------------------------------------------------------------------------- */

static int read_process(
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

static int method_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return bus_reply_status(call, userdata, NULL);
}

static int method_get_process_status(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	struct process *p;
	int r = read_process(call, userdata, &p, error);

	return r < 0 ? r : bus_reply_status(call, userdata, p);
}

static int method_get_process(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	_cleanup_free_ char *path = NULL;
	struct process *p;
	int r = read_process(call, userdata, &p, error);

	if (r >= 0)
		r = bus_process_path(p->name, &path);
	return r < 0 ? r : sd_bus_reply_method_return(call, "o", path);
}

static int append_process(sd_bus_message *reply, const struct process *p) {
	_cleanup_free_ char *path = NULL;
	int r = bus_process_path(p->name, &path);

	return r < 0
		? r
		: sd_bus_message_append(reply, "(sssuo)", p->name,
			  process_state_to_string(p->state), compliance_to_string(p->compliance),
			  p->run ? (uint32_t)p->run->pid : 0, path);
}

static int append_processes(sd_bus_message *reply, const struct manager *m) {
	int r = sd_bus_message_open_container(reply, 'a', "(sssuo)");

	for (size_t i = 0; i < m->n_processes && r >= 0; i++)
		r = append_process(reply, m->processes[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void message_unref(sd_bus_message **m) {
	*m = sd_bus_message_unref(*m);
}

static int method_list_processes(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	CLEANUP(message_unref) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = append_processes(reply, userdata);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Rights come first: who may change nothing needn't learn what there is to change. */
static int change(
	sd_bus_message *call, void *userdata, enum process_event event, sd_bus_error *error) {
	struct process *p;
	int r = bus_authorize(call, userdata, error);

	if (r >= 0)
		r = read_process(call, userdata, &p, error);
	return r < 0 ? r : bus_change_process(call, p, event, error);
}

static int method_start(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return change(call, userdata, EVENT_START, error);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return change(call, userdata, EVENT_STOP, error);
}

static int method_restart(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return change(call, userdata, EVENT_RESTART, error);
}

/* ---- policies ---------------------------------------------------------------------------------- */

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
		r = bus_authorize(call, userdata, error);
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
	int r = bus_authorize(call, userdata, error);

	if (r >= 0)
		r = take_flags(call, &flags, error);
	return r < 0 ? r : reload(call, userdata, flags, error);
}

/* ---- properties -------------------------------------------------------------------------------- */

#define GETTER(name)                                                          \
	static int name(sd_bus *bus, const char *path, const char *interface, \
		const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
#define TEXT_GETTER(name, value)                                   \
	GETTER(name) {                                             \
		const struct manager *m = userdata;                \
		(void)m;                                           \
		return sd_bus_message_append(reply, "s", (value)); \
	}
#define COUNT_GETTER(name, value)                                            \
	GETTER(name) {                                                       \
		const struct manager *m = userdata;                          \
		return sd_bus_message_append(reply, "u", (uint32_t)(value)); \
	}

TEXT_GETTER(get_version, RTMEM_VERSION)
TEXT_GETTER(get_group, rights_group)
TEXT_GETTER(get_state, manager_state(m))
TEXT_GETTER(get_status_text, m->status_line)
COUNT_GETTER(get_processes, m->n_processes)
COUNT_GETTER(get_host_drift, manager_host_drift(m))

GETTER(get_directories) {
	const struct manager *m = userdata;

	return sd_bus_message_append_strv(reply, m->options->config_dirs);
}

GETTER(get_files) {
	const struct manager *m = userdata;

	return sd_bus_message_append_strv(reply, m->set ? m->set->files : NULL);
}

GETTER(get_try_left) {
	const struct manager *m = userdata;
	uint64_t now = boot_time_usec(), left = 0;

	if (m->try_deadline_usec > now)
		left = m->try_deadline_usec - now;
	return sd_bus_message_append(reply, "t", left);
}

GETTER(get_host) {
	const struct manager *m = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(ssssss)");

	for (size_t i = 0; i < m->host.n_items && r >= 0; i++) {
		const struct setting_state *s = &m->host.items[i];

		r = sd_bus_message_append(reply, "(ssssss)", s->setting, s->wanted, s->actual,
			s->original, setting_result_to_string(s->result), s->reason);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST	SD_BUS_VTABLE_PROPERTY_CONST

/* Rights are checked by bus_authorize(): ANYBODY only switches sd-bus's own check off. */
const sd_bus_vtable bus_manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status),
		method_get_status, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetProcessStatus", SD_BUS_ARGS("s", name),
		SD_BUS_RESULT("s", status), method_get_process_status, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("ListProcesses", SD_BUS_NO_ARGS,
		SD_BUS_RESULT("a(sssuo)", processes), method_list_processes, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetProcess", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", path),
		method_get_process, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Apply", SD_BUS_ARGS("b", dry_run),
		SD_BUS_RESULT("b", changed, "s", result), method_apply, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_ARGS("a{sv}", options),
		SD_BUS_RESULT("b", changed, "s", result), method_reload, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Try", SD_BUS_ARGS("t", usec),
		SD_BUS_RESULT("b", changed, "s", result), bus_method_try, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Confirm", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", result), bus_method_confirm, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Revert", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", result), bus_method_revert, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("b", force), SD_BUS_RESULT("s", result),
		bus_method_rollback, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Start", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_start, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Stop", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_stop, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Restart", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_restart, ANYBODY),
	SD_BUS_SIGNAL_WITH_ARGS("StateChanged",
		SD_BUS_ARGS("s", name, "s", old, "s", new, "s", event, "s", reason), 0),
	SD_BUS_SIGNAL_WITH_ARGS("ComplianceChanged",
		SD_BUS_ARGS("s", name, "s", what, "s", rule, "s", wanted, "s", seen, "s", detail),
		0),
	SD_BUS_SIGNAL_WITH_ARGS(
		"HostChanged", SD_BUS_ARGS("s", setting, "s", result, "s", actual, "s", reason), 0),
	SD_BUS_SIGNAL_WITH_ARGS("Reloaded", SD_BUS_ARGS("s", result), 0),
	SD_BUS_SIGNAL_WITH_ARGS("ProcessAdded", SD_BUS_ARGS("s", name, "o", path), 0),
	SD_BUS_SIGNAL_WITH_ARGS("ProcessRemoved", SD_BUS_ARGS("s", name, "o", path), 0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, CONST),
	SD_BUS_PROPERTY("Group", "s", get_group, 0, CONST),
	SD_BUS_PROPERTY("ConfigDirectories", "as", get_directories, 0, CONST),
	SD_BUS_PROPERTY("PolicyFiles", "as", get_files, 0, 0),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("StatusText", "s", get_status_text, 0, 0),
	SD_BUS_PROPERTY("Processes", "u", get_processes, 0, CHANGES),
	SD_BUS_PROPERTY("Host", "a(ssssss)", get_host, 0, 0),
	SD_BUS_PROPERTY("HostDrift", "u", get_host_drift, 0, CHANGES),
	SD_BUS_PROPERTY("TryLeftUSec", "t", get_try_left, 0, 0),
	SD_BUS_VTABLE_END,
};
