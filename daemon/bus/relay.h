/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RELAY_H
#define RTMEM_DAEMON_RELAY_H

/* Stands between a client that isn't trusted and its connection of sd-bus. */
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#define RELAY_MESSAGE_MAX_BYTES 16384 /* of D-Bus, from a client; calls take some hundred */

struct relay;

/** Takes client_fd over (also when it fails); ret_inner is what sd-bus gets in its place. take(userdata) is
 *  asked before each message goes in, one at a time; false: not now, see relay_go_on(). */
int relay_new(sd_event *event, int client_fd, bool (*take)(void *userdata), void *userdata,
	struct relay **ret, int *ret_inner);
struct relay *relay_free(struct relay *r);
/** What take() said may be different now. */
void relay_go_on(struct relay *r);

/** How the bytes that a client sends are cut: lines while it introduces itself, messages then. Pure. */
enum relay_phase {
	RELAY_LINES,
	RELAY_MESSAGES,
};
/** Bytes of the first whole unit; 0: more has to come; -EMSGSIZE, -EBADMSG. Changes the phase when the unit is
 *  the last line. */
int relay_unit(enum relay_phase *phase, const unsigned char *data, size_t size);

#endif
