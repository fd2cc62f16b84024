/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd-bus reads whatever a client sends, takes descriptors, and makes room for messages of 128 MiB before it
 * has seen them. Who isn't root talks to it through here: messages are bounded, arrive whole and one by
 * one, after the answer to the one before has left, and descriptors don't arrive. So a client costs a
 * buffer, however slow it is or however much it sends.
 */
#include "daemon/bus/relay.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/bus/receive.h"

#define LINE_MAX_BYTES 1024
#define LINES_MAX      16 /* libraries send three to five */
#define HEADER_BYTES   16 /* of D-Bus, in front of the variable part */
#define ANSWER_BYTES   16384
#define PATIENCE_USEC  10000000 /* for a client that doesn't read */

struct relay {
	int client_fd;
	int inner_fd; /* our end; the other is sd-bus's */
	bool (*take)(void *userdata);
	void *userdata;
	enum relay_phase phase;
	unsigned n_lines;
	sd_event_source *client_source;
	sd_event_source *inner_source;
	sd_event_source *patience;
	size_t n_in;
	size_t out_start, out_end;
	unsigned char in[RELAY_MESSAGE_MAX_BYTES];
	unsigned char out[ANSWER_BYTES];
};

/* ---- units ------------------------------------------------------------------------------------- */

static uint32_t number_at(const unsigned char *data, size_t offset, bool little) {
	const unsigned char *p = data + offset;

	return little
		? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
		: (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 |
			(uint32_t)p[0] << 24;
}

static int line_unit(enum relay_phase *phase, const unsigned char *data, size_t size) {
	const unsigned char *end = memmem(data, size, "\r\n", 2);
	size_t n;

	if (!end)
		return size > LINE_MAX_BYTES ? -EMSGSIZE : 0;
	n = (size_t)(end - data) + 2;
	if (n > LINE_MAX_BYTES)
		return -EMSGSIZE;
	if (n == strlen("BEGIN\r\n") && memcmp(data, "BEGIN", strlen("BEGIN")) == 0)
		*phase = RELAY_MESSAGES;
	return (int)n;
}

/* D-Bus specification, "Message Format": body and header fields have their lengths in front. */
static int message_unit(const unsigned char *data, size_t size) {
	uint64_t whole, fields;
	bool little;

	if (size < HEADER_BYTES)
		return 0;
	little = data[0] == 'l';
	if (!little && data[0] != 'B')
		return -EBADMSG;
	fields = number_at(data, 12, little);
	whole = HEADER_BYTES + (fields + 7) / 8 * 8 + number_at(data, 4, little);
	if (whole > RELAY_MESSAGE_MAX_BYTES)
		return -EMSGSIZE;
	return size >= whole ? (int)whole : 0;
}

int relay_unit(enum relay_phase *phase, const unsigned char *data, size_t size) {
	return *phase == RELAY_LINES ? line_unit(phase, data, size) : message_unit(data, size);
}

/* ---- in ---------------------------------------------------------------------------------------- */

/* sd-bus sees the end of the connection, and says so. */
static void hang_up(struct relay *r) {
	r->client_source = sd_event_source_disable_unref(r->client_source);
	r->inner_source = sd_event_source_disable_unref(r->inner_source);
	r->patience = sd_event_source_disable_unref(r->patience);
	r->client_fd = close_fd(r->client_fd);
	r->inner_fd = close_fd(r->inner_fd);
}

/* True while there's more to look at. */
static bool pass_one(struct relay *r) {
	bool is_message = r->phase == RELAY_MESSAGES;
	int n = relay_unit(&r->phase, r->in, r->n_in);

	if (n == 0 || (n > 0 && is_message && !r->take(r->userdata)))
		return false;
	/* what went in before was read: there's room for a message */
	if (n < 0 || (!is_message && ++r->n_lines > LINES_MAX) ||
		send(r->inner_fd, r->in, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) {
		hang_up(r);
		return false;
	}
	r->n_in -= (size_t)n;
	memmove(r->in, r->in + n, r->n_in);
	return !is_message;
}

/* Reads on when there's room; a full buffer without a whole unit can't be, so it's for take() to say. */
static void pass_in(struct relay *r) {
	while (r->inner_fd >= 0 && pass_one(r))
		;
	if (r->client_source)
		(void)sd_event_source_set_enabled(
			r->client_source, r->n_in < sizeof(r->in) ? SD_EVENT_ON : SD_EVENT_OFF);
}

void relay_go_on(struct relay *r) {
	pass_in(r);
}

static int on_client_writes(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	struct relay *r = userdata;
	ssize_t n = receive(fd, r->in + r->n_in, sizeof(r->in) - r->n_in, NULL);

	if (n == -EAGAIN)
		return 0;
	if (n <= 0) {
		hang_up(r);
		return 0;
	}
	r->n_in += (size_t)n;
	pass_in(r);
	return 0;
}

/* ---- out --------------------------------------------------------------------------------------- */

static int on_impatience(sd_event_source *s, uint64_t usec, void *userdata) {
	hang_up(userdata);
	return 0;
}

/* The client doesn't read: sd-bus isn't read from either. */
static void await_client(struct relay *r, bool wait) {
	(void)sd_event_source_set_enabled(r->inner_source, wait ? SD_EVENT_OFF : SD_EVENT_ON);
	(void)sd_event_source_set_io_events(r->client_source, wait ? EPOLLOUT : EPOLLIN);
	if (wait)
		(void)sd_event_source_set_enabled(r->client_source, SD_EVENT_ON);
	(void)sd_event_source_set_time_relative(r->patience, PATIENCE_USEC);
	(void)sd_event_source_set_enabled(r->patience, wait ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void pass_out(struct relay *r) {
	ssize_t n = send(r->client_fd, r->out + r->out_start, r->out_end - r->out_start,
		MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		hang_up(r);
		return;
	}
	r->out_start += n > 0 ? (size_t)n : 0;
	await_client(r, r->out_start < r->out_end);
	if (r->out_start == r->out_end)
		pass_in(r);
}

static int on_inner_writes(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	struct relay *r = userdata;
	ssize_t n = recv(fd, r->out, sizeof(r->out), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		hang_up(r);
		return 0;
	}
	r->out_start = 0;
	r->out_end = (size_t)n;
	pass_out(r);
	return 0;
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	if (revents & EPOLLOUT) {
		pass_out(userdata);
		return 0;
	}
	return on_client_writes(s, fd, revents, userdata);
}

/* ---- life -------------------------------------------------------------------------------------- */

static int watch(struct relay *r, sd_event *event) {
	int k = sd_event_add_io(event, &r->client_source, r->client_fd, EPOLLIN, on_client, r);

	if (k >= 0)
		k = sd_event_add_io(
			event, &r->inner_source, r->inner_fd, EPOLLIN, on_inner_writes, r);
	if (k >= 0)
		k = sd_event_add_time_relative(
			event, &r->patience, CLOCK_MONOTONIC, PATIENCE_USEC, 0, on_impatience, r);
	if (k >= 0)
		k = sd_event_source_set_enabled(r->patience, SD_EVENT_OFF);
	if (k < 0)
		return k;
	return sd_event_source_set_description(r->client_source, "rtmemd-client");
}

DEFINE_CLEANUP(struct relay *, relay_free)

int relay_new(sd_event *event, int client_fd, bool (*take)(void *userdata), void *userdata,
	struct relay **ret, int *ret_inner) {
	CLEANUP(relay_free_cleanup) struct relay *r = calloc(1, sizeof(*r));
	int pair[2], k;

	if (!r) {
		(void)close_fd(client_fd);
		return -ENOMEM;
	}
	*r = (struct relay){
		.client_fd = client_fd, .inner_fd = -1, .take = take, .userdata = userdata
	};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	r->inner_fd = pair[0];
	k = watch(r, event);
	if (k < 0) {
		(void)close_fd(pair[1]);
		return k;
	}
	*ret = TAKE(r);
	*ret_inner = pair[1];
	return 0;
}

struct relay *relay_free(struct relay *r) {
	if (!r)
		return NULL;
	hang_up(r);
	free(r);
	return NULL;
}
