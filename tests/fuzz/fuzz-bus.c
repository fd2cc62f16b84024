/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a client writes to the private bus: no crash, no client that stays, and rtmemd's tables are what
 * they were. An input is a row of messages. A byte says how each is made: 0 takes bytes as they are, any
 * other chooses path, interface, member and signature from lists or from the input, and the body is the
 * input's. Whoever sends is the user of this test: as root, changing methods are called as well.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/bus/server.h"
#include "daemon/log.h"
#include "daemon/unit/house.h"
#include "daemon/watch/sample.h"
#include "support/tree.h"

#define ROUNDS_MAX   200 /* of the loop, until all is answered */
#define MESSAGES_MAX 8
#define BODY_MAX     1024
#define MESSAGE_MAX  4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] = "version: 1\n"
			     "processes:\n"
			     "  camera:\n"
			     "    command: [/bin/false]\n"
			     "    restart: { when: no }\n";

static const char *const paths[] = { RTMEM_BUS_PATH, RTMEM_BUS_PATH "/process/camera", "/",
	"/org/freedesktop/DBus/Local" };
static const char *const interfaces[] = { RTMEM_BUS_INTERFACE, "org.rtmem1.Process",
	"org.freedesktop.DBus.Properties", "org.freedesktop.DBus.Introspectable",
	"org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Peer",
	"org.freedesktop.DBus.Local", "" };
static const char *const members[] = { "GetStatus", "GetProcessStatus", "Start", "Stop", "Restart",
	"Apply", "Try", "Confirm", "Revert", "Rollback", "Get", "GetAll", "Set", "Introspect",
	"Ping", "GetManagedObjects", "Disconnected", "GetMachineId" };
static const char *const signatures[] = { "", "s", "ss", "ssv", "t", "b", "a{sv}", "as", "h", "u" };

/* ---- rtmemd ------------------------------------------------------------------------------------ */

static struct house *house(void) {
	static char directory[PATH_MAX];
	static char *directories[] = { directory, NULL };
	static struct house *h;

	if (h)
		return h;
	if (house_setup((void **)&h) < 0)
		abort();
	log_init(LOG_CRIT);
	h->options.root = h->tree; /* no setting of this machine is meant */
	house_move_in(h, policy);
	/* what an Apply finds is what is there already */
	tree_write_text(h->tree, "policies/camera.yaml", policy);
	snprintf(directory, sizeof(directory), "%s/policies", h->tree);
	h->options.config_dirs = directories;
	if (sample_init(&h->manager) < 0 || server_init(&h->manager) < 0)
		abort();
	return h;
}

static int dial(const struct house *h) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" RTMEM_BUS_SOCKET, h->tree);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	return fd;
}

static void serve(struct house *h, int fd) {
	char answer[4096];

	for (int i = 0; i < ROUNDS_MAX; i++) {
		while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
			;
		if (sd_event_run(h->manager.event, 0) <= 0)
			break;
	}
}

/* ---- messages ---------------------------------------------------------------------------------- */

struct input {
	const uint8_t *data;
	size_t size;
};

struct packet {
	uint8_t data[MESSAGE_MAX];
	size_t size;
};

static uint8_t take_byte(struct input *in) {
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

/* One of the list, or, beyond its end, up to 63 characters of the input. */
static const char *take_text(
	struct input *in, const char *const *list, size_t n, char buf[static 64]) {
	uint8_t choice = take_byte(in);
	size_t len = 0;

	if (choice < n)
		return list[choice];
	while (len < 63 && in->size > 0 && *in->data)
		buf[len++] = (char)take_byte(in);
	(void)take_byte(in);
	buf[len] = '\0';
	return buf;
}

static void put(struct packet *m, const void *data, size_t size) {
	if (size > sizeof(m->data) - m->size)
		abort();
	memcpy(m->data + m->size, data, size);
	m->size += size;
}

static void align(struct packet *m, size_t bytes) {
	static const uint8_t zero[8];

	put(m, zero, (bytes - m->size % bytes) % bytes);
}

static void put_u32(struct packet *m, uint32_t value) {
	put(m, &value, sizeof(value));
}

static void put_field(struct packet *m, uint8_t code, char type, const char *text) {
	uint8_t len = (uint8_t)strlen(text);

	align(m, 8);
	put(m, (const uint8_t[]){ code, 1, (uint8_t)type, 0 }, 4);
	if (type == 'g')
		put(m, &len, 1);
	else
		put_u32(m, len);
	put(m, text, len + 1u);
}

static void make(struct packet *m, struct input *in, uint32_t serial) {
	char path[64], interface[64], member[64], signature[64];
	uint8_t type = take_byte(in) % 6, flags = take_byte(in) % 4;
	uint8_t endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B';
	uint32_t body, fields;
	size_t start;

	put(m, (const uint8_t[]){ endian, type ? type : 1, flags, 1 }, 4);
	put_u32(m, 0); /* size of the body, below */
	put_u32(m, serial);
	put_u32(m, 0); /* and of the fields */
	start = m->size;
	put_field(m, 1, 'o', take_text(in, paths, ARRAY_LEN(paths), path));
	put_field(m, 2, 's', take_text(in, interfaces, ARRAY_LEN(interfaces), interface));
	put_field(m, 3, 's', take_text(in, members, ARRAY_LEN(members), member));
	put_field(m, 8, 'g', take_text(in, signatures, ARRAY_LEN(signatures), signature));
	fields = (uint32_t)(m->size - start);
	align(m, 8);
	body = take_byte(in) * 4u;
	body = body < in->size ? body : (uint32_t)in->size;
	put(m, in->data, body);
	in->data += body;
	in->size -= body;
	memcpy(m->data + 4, &body, sizeof(body));
	memcpy(m->data + 12, &fields, sizeof(fields));
}

static void copy_raw(struct packet *m, struct input *in) {
	size_t size = take_byte(in) * 4u;

	size = size < in->size ? size : in->size;
	put(m, in->data, size);
	in->data += size;
	in->size -= size;
}

/* ---- the conversation -------------------------------------------------------------------------- */

static void greet(int fd) {
	static const char hello[] = "\0AUTH ANONYMOUS\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

	(void)send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL);
}

static void check(const struct manager *m) {
	if (m->n_clients != 0 || m->clients || m->n_processes != 1 ||
		(unsigned)m->processes[0]->state >= PROCESS_STATE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct input in = { data, size };
	struct house *h = house();
	int fd = dial(h);

	if (take_byte(&in) != 0) /* 0: without a greeting */
		greet(fd);
	for (uint32_t serial = 1; serial <= MESSAGES_MAX && in.size > 0; serial++) {
		struct packet m = { .size = 0 };

		if (take_byte(&in) == 0)
			copy_raw(&m, &in);
		else
			make(&m, &in, serial);
		(void)send(fd, m.data, m.size, MSG_NOSIGNAL | MSG_DONTWAIT);
		serve(h, fd);
	}
	close(fd);
	for (int i = 0; i < ROUNDS_MAX && h->manager.clients; i++)
		(void)sd_event_run(h->manager.event, 0);
	check(&h->manager);
	return 0;
}
