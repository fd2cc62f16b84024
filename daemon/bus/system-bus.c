/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system bus comes and goes: it starts after us, or is restarted. Nothing here blocks. While there is
 * no socket sd-bus watches for it (inotify); a bus that hangs up is tried again, ever more seldom. A bus
 * that refuses the name has its reasons (no policy file, another rtmemd): it's asked again on SIGHUP.
 */
#include "daemon/bus/system-bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "daemon/bus/bus.h"
#include "daemon/bus/news.h"
#include "daemon/bus/server.h"
#include "daemon/log.h"

#define DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define DELAY_USEC	UINT64_C(1000000)
#define DELAY_MAX_USEC	UINT64_C(60000000)
#define ACCURACY_USEC	UINT64_C(100000)

static void leave(struct manager *m) {
	m->on_system_bus = false;
	if (!m->system_bus)
		return;
	(void)sd_bus_detach_event(m->system_bus);
	m->system_bus = sd_bus_close_unref(m->system_bus);
}

/* ---- again, later ------------------------------------------------------------------------------ */

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
	system_bus_join(userdata);
	return 0;
}

static void try_later(struct manager *m) {
	int r;

	m->bus_delay_usec = m->bus_delay_usec ? 2 * m->bus_delay_usec : DELAY_USEC;
	if (m->bus_delay_usec > DELAY_MAX_USEC)
		m->bus_delay_usec = DELAY_MAX_USEC;
	m->bus_timer = sd_event_source_disable_unref(m->bus_timer);
	r = sd_event_add_time_relative(m->event, &m->bus_timer, CLOCK_MONOTONIC, m->bus_delay_usec,
		ACCURACY_USEC, on_time, m);
	if (r < 0)
		log_warning("no timer to try the system bus again: %s", strerror(-r));
	else
		(void)sd_event_source_set_description(m->bus_timer, "rtmemd-system-bus-timer");
}

/* ---- what questions cost ------------------------------------------------------------------------- */

/* Of all callers together: the bus daemon bounds each, and whoever has to be told apart is, by the private
 * socket. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct manager *m = userdata;

	if (!sd_bus_message_is_method_call(message, NULL, NULL))
		return 0;
	if (!meter_admits(&m->meter, METER_SYSTEM_BUS)) {
		(void)sd_bus_reply_method_errorf(message, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"too many questions on the system bus: ask again in a second");
		return 1; /* what is returned for a call that wants no reply would let it in */
	}
	m->metered = NULL;
	meter_begin(&m->meter, METER_SYSTEM_BUS);
	return 0;
}

/* ---- one connection ---------------------------------------------------------------------------- */

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
	struct manager *m = userdata;

	if (m->on_system_bus)
		log_info(
			"the system bus hung up; " RTMEM_BUS_NAME " is back when it's there again");
	leave(m);
	try_later(m);
	return 0;
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
	const sd_bus_error *e = sd_bus_message_get_error(reply);
	struct manager *m = userdata;
	uint32_t answer = 0;

	if (!e && sd_bus_message_read(reply, "u", &answer) >= 0 && (answer == 1 || answer == 4)) {
		if (!server_has_listeners(m))
			news_begin(m);
		m->on_system_bus = true;
		m->bus_delay_usec = 0;
		log_info("on the system bus as " RTMEM_BUS_NAME);
		return 0;
	}
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) ||
		sd_bus_error_has_name(e, "org.freedesktop.DBus.Error.Timeout"))
		return 0; /* followed by the disconnection */
	log_info("not on the system bus (%s); the private socket serves all the same",
		e		 ? e->message
			: answer ? "another program has the name " RTMEM_BUS_NAME
				 : "an answer that can't be understood");
	leave(m);
	return 0;
}

static const char *address(void) {
	const char *given = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

	return given && *given ? given : DEFAULT_ADDRESS;
}

static int open_bus(struct manager *m) {
	int r = sd_bus_new(&m->system_bus);

	if (r >= 0)
		r = sd_bus_set_address(m->system_bus, address());
	if (r >= 0)
		r = sd_bus_set_bus_client(m->system_bus, 1);
	if (r >= 0)
		r = sd_bus_set_watch_bind(m->system_bus, 1);
	if (r >= 0)
		r = sd_bus_start(m->system_bus);
	if (r >= 0)
		r = sd_bus_match_signal_async(m->system_bus, NULL, "org.freedesktop.DBus.Local",
			"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
			on_disconnected, NULL, m);
	if (r >= 0)
		r = sd_bus_add_filter(m->system_bus, NULL, on_message, m);
	if (r >= 0)
		r = bus_add_objects(m->system_bus, m);
	if (r >= 0)
		r = sd_bus_request_name_async(m->system_bus, NULL, RTMEM_BUS_NAME, 0, on_name, m);
	if (r >= 0)
		r = sd_bus_attach_event(m->system_bus, m->event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

void system_bus_join(struct manager *m) {
	int r;

	if (m->system_bus)
		return;
	m->bus_timer = sd_event_source_disable_unref(m->bus_timer);
	r = open_bus(m);
	if (r >= 0)
		return;
	log_debug("the system bus can't be reached: %s", strerror(-r));
	leave(m);
	try_later(m);
}

void system_bus_done(struct manager *m) {
	m->bus_timer = sd_event_source_disable_unref(m->bus_timer);
	leave(m);
}
