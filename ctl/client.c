/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection per call, peer to peer: no bus daemon stands between, and the kernel tells rtmemd
 * who is calling.
 */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "common/units.h"

/* Stopping a process may take its whole time limit, and apply stops several in turn. */
#define CALL_TIMEOUT_USEC (120 * UINT64_C(1000000))

static void bus_close(sd_bus **bus) {
	*bus = sd_bus_flush_close_unref(*bus);
}

static void message_unref(sd_bus_message **m) {
	*m = sd_bus_message_unref(*m);
}

#define _cleanup_bus_	  CLEANUP(bus_close)
#define _cleanup_message_ CLEANUP(message_unref)
#define _cleanup_error_	  CLEANUP(sd_bus_error_free)

/* ---- connecting -------------------------------------------------------------------------------- */

static int unreachable(const char *path, int error) {
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		return fail(EXIT_NO_DAEMON,
			"rtmemd isn't running on %s: start it with `systemctl start rtmemd` or by "
			"hand, or name its directory with --runtime-dir",
			path);
	case EACCES:
	case EPERM:
		return fail(EXIT_NO_DAEMON, "%s: no permission to connect; try as root", path);
	default:
		return fail(EXIT_NO_DAEMON, "can't reach rtmemd on %s: %s", path, strerror(-error));
	}
}

/* In an address everything but a few characters is written as %XX. */
static char *escape(const char *path) {
	char *text = malloc(strlen(path) * 3 + sizeof("unix:path=")), *p;

	if (!text)
		return NULL;
	p = stpcpy(text, "unix:path=");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (strchr("-_/.", c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z'))
			*p++ = (char)c;
		else
			p += sprintf(p, "%%%02x", c);
	}
	*p = '\0';
	return text;
}

static int open_bus(const char *path, sd_bus **ret) {
	_cleanup_free_ char *address = escape(path);
	_cleanup_bus_ sd_bus *bus = NULL;
	int r;

	if (!address)
		return -ENOMEM;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = TAKE(bus);
	return 0;
}

static int connect_daemon(const struct options *o, sd_bus **ret) {
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", o->runtime_dir, RTMEM_BUS_SOCKET) < 0) {
		path = NULL;
		return fail_errno(EXIT_NO_DAEMON, ENOMEM, "can't connect");
	}
	/* sd-bus reports a missing socket only at the first call; say it in our words */
	if (access(path, F_OK) < 0)
		return unreachable(path, -errno);
	r = open_bus(path, ret);
	return r < 0 ? unreachable(path, r) : 0;
}

/* ---- calls ------------------------------------------------------------------------------------- */

static int explain_error(const struct options *o, const sd_bus_error *error, int r) {
	const char *text = error->message && *error->message ? error->message : strerror(-r);

	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
		return fail(EXIT_NOT_GOOD, "%s; try as root", text);
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) || r == -ETIMEDOUT)
		return fail(EXIT_NO_DAEMON, "rtmemd on %s/%s doesn't answer", o->runtime_dir,
			RTMEM_BUS_SOCKET);
	if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ECONNREFUSED)
		return fail(EXIT_NO_DAEMON,
			"rtmemd on %s/%s closed the connection: it isn't running any more, or "
			"has too many clients",
			o->runtime_dir, RTMEM_BUS_SOCKET);
	return fail(EXIT_NOT_GOOD, "%s", text);
}

static int new_call(sd_bus *bus, const char *method, sd_bus_message **ret) {
	return sd_bus_message_new_method_call(
		bus, ret, NULL, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, method);
}

/* Sends m; *ret_reply belongs to the caller. */
static int call(
	const struct options *o, sd_bus *bus, sd_bus_message *m, sd_bus_message **ret_reply) {
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, m, 0, &error, ret_reply);

	return r < 0 ? explain_error(o, &error, r) : 0;
}

static int call_with_name(
	const struct options *o, const char *method, const char *name, sd_bus_message **ret_reply) {
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_message_ sd_bus_message *m = NULL;
	int r = connect_daemon(o, &bus);

	if (r != 0)
		return r;
	r = new_call(bus, method, &m);
	if (r >= 0 && name)
		r = sd_bus_message_append(m, "s", name);
	return r < 0 ? fail_errno(EXIT_CANT_TELL, r, method) : call(o, bus, m, ret_reply);
}

static int take_text(sd_bus_message *reply, char **ret) {
	const char *text;
	int r = sd_bus_message_read(reply, "s", &text);

	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "rtmemd gave an unexpected answer");
	*ret = strdup(text);
	return *ret ? 0 : fail_errno(EXIT_CANT_TELL, ENOMEM, "can't keep the answer");
}

int client_get(const struct options *o, const char *method, const char *argument, char **ret_text) {
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = call_with_name(o, method, argument, &reply);

	return r != 0 ? r : take_text(reply, ret_text);
}

int client_control(const struct options *o, const char *method, const char *name) {
	_cleanup_message_ sd_bus_message *reply = NULL;

	return call_with_name(o, method, name, &reply);
}

static int call_with(const struct options *o, const char *method, char type, uint64_t value,
	sd_bus_message **ret_reply) {
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_message_ sd_bus_message *m = NULL;
	int flag = value != 0, r = connect_daemon(o, &bus);

	if (r != 0)
		return r;
	r = new_call(bus, method, &m);
	if (r >= 0)
		r = sd_bus_message_append_basic(
			m, type, type == 'b' ? (const void *)&flag : (const void *)&value);
	return r < 0 ? fail_errno(EXIT_CANT_TELL, r, method) : call(o, bus, m, ret_reply);
}

static int take_change(sd_bus_message *reply, bool *ret_changed, char **ret_text) {
	int changed, r = sd_bus_message_read(reply, "b", &changed);

	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "rtmemd gave an unexpected answer");
	*ret_changed = changed;
	return take_text(reply, ret_text);
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
	int r = connect_daemon(o, &bus);

	if (r != 0)
		return r;
	r = new_call(bus, "Reload", &m);
	if (r >= 0)
		r = append_options(m, o);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "Reload");
	r = call(o, bus, m, &reply);
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

	return r != 0 ? r : take_text(reply, ret_text);
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
