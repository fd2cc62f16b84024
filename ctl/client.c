/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection per call. */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/connection.h"

static int call_with_name(
	const struct options *o, const char *method, const char *name, sd_bus_message **ret_reply) {
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_message_ sd_bus_message *m = NULL;
	int r = connection_open(o, &bus);

	if (r != 0)
		return r;
	r = connection_new_call(bus, method, &m);
	if (r >= 0 && name)
		r = sd_bus_message_append(m, "s", name);
	return r < 0 ? fail_errno(EXIT_CANT_TELL, r, method)
		     : connection_call(o, bus, m, ret_reply);
}

int client_get(const struct options *o, const char *method, const char *argument, char **ret_text) {
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = call_with_name(o, method, argument, &reply);

	return r != 0 ? r : connection_take_text(reply, ret_text);
}

int client_control(const struct options *o, const char *method, const char *name) {
	_cleanup_message_ sd_bus_message *reply = NULL;

	return call_with_name(o, method, name, &reply);
}

static int call_with(const struct options *o, const char *method, char type, uint64_t value,
	sd_bus_message **ret_reply) {
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_message_ sd_bus_message *m = NULL;
	int flag = value != 0, r = connection_open(o, &bus);

	if (r != 0)
		return r;
	r = connection_new_call(bus, method, &m);
	if (r >= 0)
		r = sd_bus_message_append_basic(
			m, type, type == 'b' ? (const void *)&flag : (const void *)&value);
	return r < 0 ? fail_errno(EXIT_CANT_TELL, r, method)
		     : connection_call(o, bus, m, ret_reply);
}

static int take_change(sd_bus_message *reply, bool *ret_changed, char **ret_text) {
	int changed, r = sd_bus_message_read(reply, "b", &changed);

	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "rtmemd gave an unexpected answer");
	*ret_changed = changed;
	return connection_take_text(reply, ret_text);
}

static int append_options(sd_bus_message *m, const struct options *o) {
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "dry-run", "b", (int)o->dry_run);
	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "restart", "b", (int)o->restart);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int client_apply(const struct options *o, bool *ret_changed, char **ret_text) {
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
	int r = connection_open(o, &bus);

	if (r != 0)
		return r;
	r = connection_new_call(bus, "Reload", &m);
	if (r >= 0)
		r = append_options(m, o);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "Reload");
	r = connection_call(o, bus, m, &reply);
	return r != 0 ? r : take_change(reply, ret_changed, ret_text);
}

int client_try(const struct options *o, uint64_t usec, bool *ret_changed, char **ret_text) {
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = call_with(o, "Try", 't', usec, &reply);

	return r != 0 ? r : take_change(reply, ret_changed, ret_text);
}

int client_rollback(const struct options *o, bool force, char **ret_text) {
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = call_with(o, "Rollback", 'b', force, &reply);

	return r != 0 ? r : connection_take_text(reply, ret_text);
}

bool client_is_there(const struct options *o) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", o->runtime_dir,
			RTMEM_BUS_SOCKET) >= (int)sizeof(address.sun_path))
		return false;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}
