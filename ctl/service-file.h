/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_SERVICE_FILE_H
#define RTMEM_CTL_SERVICE_FILE_H

/* The [Service] section of a systemd unit with its drop-ins, as far as a drop-in for it has to know. */
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/** The drop-in that `rtmemctl unit` writes about; one that is there already isn't read. */
#define SERVICE_DROP_IN "50-rtmem.conf"

struct service_line {
	char *key;
	char *value; /* continued lines are joined; otherwise as written */
	char *file;
	unsigned line; /* where it begins, from 1 */
};

struct service {
	char *name; /* "foo.service" */
	struct service_line *lines; /* of [Service], in order of their effect */
	size_t n_lines;
};

/**
 * Reads NAME ("foo", "foo.service", "foo@1", or the path of a file) from systemd's directories below
 * root. 0, -ENOENT, -EFBIG, -ENOMEM or why a file can't be read.
 */
int service_load(const char *root, const char *name, struct service *ret);
void service_done(struct service *s);
/** The last value of a key; NULL when there's none or it's empty. */
const char *service_get(const struct service *s, const char *key);
/** "yes", "true", "on", "1" */
bool service_is_on(const struct service *s, const char *key);
/** The n-th line of a list that an empty assignment clears; NULL behind the last. */
const struct service_line *service_list(const struct service *s, const char *key, size_t n);

#define _cleanup_service_ CLEANUP(service_done)

#endif
