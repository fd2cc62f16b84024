/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.rtmem1.Process: one managed process. Numbers are those of the last sample; who wants them read anew
 * calls GetStatus. Only what changes rarely is told when it changes: news.c has those names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/bus/bus.h"
#include "daemon/life/order.h"
#include "daemon/reload/pending.h"
#include "daemon/status/status.h"

/* ---- methods ----------------------------------------------------------------------------------- */

static int method_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	struct process *p = userdata;

	return bus_reply_status(call, p->manager, p);
}

static int method_start(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return bus_change_process(call, userdata, EVENT_START, error);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return bus_change_process(call, userdata, EVENT_STOP, error);
}

static int method_restart(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	return bus_change_process(call, userdata, EVENT_RESTART, error);
}

/* ---- properties -------------------------------------------------------------------------------- */

static const struct process_memory *memory_of(const struct run *r) {
	static const struct process_memory nothing;

	return r && r->memory_valid ? &r->memory : &nothing;
}

static const char *source_of(const struct process *p, char *buf, size_t size) {
	const struct place *place = &p->policy->place;

	snprintf(buf, size, "%s:%u", place->file ? place->file : "", place->line);
	return buf;
}

#define SOURCE_MAX (PATH_MAX + 16)

#define GETTER(name)                                                          \
	static int name(sd_bus *bus, const char *path, const char *interface, \
		const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
/* value may use p, and r, which is NULL while nothing runs */
#define VALUE_GETTER(name, type, ctype, value)                             \
	GETTER(name) {                                                     \
		const struct process *p = userdata;                        \
		const struct run *r = p->run;                              \
		(void)r;                                                   \
		return sd_bus_message_append(reply, type, (ctype)(value)); \
	}
#define TEXT_GETTER(name, value)    VALUE_GETTER(name, "s", const char *, value)
#define TEXT_OF_RUN(name, member)   TEXT_GETTER(name, r && r->member ? r->member : "")
#define COUNT_GETTER(name, value)   VALUE_GETTER(name, "u", uint32_t, value)
#define LARGE_GETTER(name, value)   VALUE_GETTER(name, "t", uint64_t, value)
#define BOOLEAN_GETTER(name, value) VALUE_GETTER(name, "b", int, value)

TEXT_GETTER(get_name, p->name)
TEXT_GETTER(get_state, process_state_to_string(p->state))
TEXT_GETTER(get_wanted, wanted_to_string(p->wanted))
TEXT_GETTER(get_compliance, compliance_to_string(p->compliance))
TEXT_GETTER(get_failure, p->failure ? p->failure : "")
TEXT_GETTER(get_injection, status_injection(r))
TEXT_GETTER(get_fault_source, r && r->faults.from_proc ? "proc" : "perf")
TEXT_OF_RUN(get_status_text, status_text)
TEXT_OF_RUN(get_progress, progress)
COUNT_GETTER(get_pid, r ? r->pid : 0)
COUNT_GETTER(get_restarts, p->n_restarts)
BOOLEAN_GETTER(get_ready, r && r->ready)
LARGE_GETTER(get_faults_minor, r ? r->since_ready.minor : 0)
LARGE_GETTER(get_faults_major, r ? r->since_ready.major : 0)
LARGE_GETTER(get_rss, memory_of(r)->rss_bytes)
LARGE_GETTER(get_locked, memory_of(r)->locked_bytes)
LARGE_GETTER(get_size, memory_of(r)->size_bytes)
LARGE_GETTER(get_swap, memory_of(r)->swap_bytes)
LARGE_GETTER(get_memlock_limit, status_memlock_limit(r))
LARGE_GETTER(get_heap_prealloc, r && r->report ? r->report->heap_bytes : 0)

GETTER(get_source) {
	char text[SOURCE_MAX];

	return sd_bus_message_append(reply, "s", source_of(userdata, text, sizeof(text)));
}

GETTER(get_after) {
	const struct process *p = userdata;

	return sd_bus_message_append_strv(reply, p->policy->after);
}

GETTER(get_waiting) {
	const struct process *p = userdata, *other;
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t i = 0; p->waiting && r >= 0 && (other = order_awaited(p, i)); i++)
		r = sd_bus_message_append(reply, "s", other->name);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(get_findings) {
	const struct process *p = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(ssss)");

	for (size_t i = 0; i < p->n_findings && r >= 0; i++)
		r = sd_bus_message_append(reply, "(ssss)", p->findings[i].rule,
			p->findings[i].wanted, p->findings[i].seen, p->findings[i].detail);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(get_notes) {
	const struct process *p = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(ss)");

	for (size_t i = 0; i < p->n_notes && r >= 0; i++)
		r = sd_bus_message_append(reply, "(ss)", p->notes[i].rule, p->notes[i].detail);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void append_key(const char *key, void *reply) {
	(void)sd_bus_message_append(reply, "s", key);
}

GETTER(get_pending) {
	int r = sd_bus_message_open_container(reply, 'a', "s");

	if (r >= 0)
		pending_each(userdata, append_key, reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST	SD_BUS_VTABLE_PROPERTY_CONST

/* Rights are checked by bus_authorize(): ANYBODY only switches sd-bus's own check off. */
const sd_bus_vtable bus_process_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status),
		method_get_status, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_start, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_stop, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS(
		"Restart", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_restart, ANYBODY),
	SD_BUS_PROPERTY("Name", "s", get_name, 0, CONST),
	SD_BUS_PROPERTY("Source", "s", get_source, 0, 0),
	SD_BUS_PROPERTY("Wanted", "s", get_wanted, 0, CHANGES),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("After", "as", get_after, 0, 0),
	SD_BUS_PROPERTY("WaitingFor", "as", get_waiting, 0, CHANGES),
	SD_BUS_PROPERTY("Pid", "u", get_pid, 0, CHANGES),
	SD_BUS_PROPERTY("Ready", "b", get_ready, 0, CHANGES),
	SD_BUS_PROPERTY("Restarts", "u", get_restarts, 0, CHANGES),
	SD_BUS_PROPERTY("Failure", "s", get_failure, 0, 0),
	SD_BUS_PROPERTY("PendingChanges", "as", get_pending, 0, CHANGES),
	SD_BUS_PROPERTY("Compliance", "s", get_compliance, 0, CHANGES),
	SD_BUS_PROPERTY("Findings", "a(ssss)", get_findings, 0, 0),
	SD_BUS_PROPERTY("Notes", "a(ss)", get_notes, 0, 0),
	SD_BUS_PROPERTY("Injection", "s", get_injection, 0, 0),
	SD_BUS_PROPERTY("FaultsMinor", "t", get_faults_minor, 0, 0),
	SD_BUS_PROPERTY("FaultsMajor", "t", get_faults_major, 0, 0),
	SD_BUS_PROPERTY("FaultSource", "s", get_fault_source, 0, 0),
	SD_BUS_PROPERTY("MemoryRss", "t", get_rss, 0, 0),
	SD_BUS_PROPERTY("MemoryLocked", "t", get_locked, 0, 0),
	SD_BUS_PROPERTY("MemorySize", "t", get_size, 0, 0),
	SD_BUS_PROPERTY("MemorySwap", "t", get_swap, 0, 0),
	SD_BUS_PROPERTY("MemlockLimit", "t", get_memlock_limit, 0, 0),
	SD_BUS_PROPERTY("HeapPrealloc", "t", get_heap_prealloc, 0, 0),
	SD_BUS_PROPERTY("Progress", "s", get_progress, 0, 0),
	SD_BUS_PROPERTY("StatusText", "s", get_status_text, 0, 0),
	SD_BUS_VTABLE_END,
};
