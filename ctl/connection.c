/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peer to peer: no bus daemon stands between, and the kernel tells rtmemd who is calling. Everything that
 * can go wrong is told here, with the next step.
 */
#include "ctl/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stopping a process may take its whole time limit, and apply stops several in turn. */
#define CALL_TIMEOUT_USEC (120 * UINT64_C(1000000))

#define _cleanup_error_ CLEANUP(sd_bus_error_free)

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

int connection_open(const struct options *o, sd_bus **ret) {
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

int connection_new_call(sd_bus *bus, const char *method, sd_bus_message **ret) {
	return sd_bus_message_new_method_call(
		bus, ret, NULL, RTMEM_BUS_PATH, RTMEM_BUS_INTERFACE, method);
}

int connection_call(
	const struct options *o, sd_bus *bus, sd_bus_message *m, sd_bus_message **ret_reply) {
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, m, 0, &error, ret_reply);

	return r < 0 ? explain_error(o, &error, r) : 0;
}

int connection_take_text(sd_bus_message *reply, char **ret) {
	const char *text;
	int r = sd_bus_message_read(reply, "s", &text);

	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "rtmemd gave an unexpected answer");
	*ret = strdup(text);
	return *ret ? 0 : fail_errno(EXIT_CANT_TELL, ENOMEM, "can't keep the answer");
}
