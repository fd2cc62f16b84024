/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_WISH_H
#define RTMEM_LIBPOLICY_WISH_H

/* Lists of struct host_wish, of one file or of a whole set. */
#include "libpolicy/policy.h"

/** 0 or -ENOMEM. */
int wish_append(struct host_wish **list, size_t *n, const char *setting, const char *wanted,
	const struct place *place);
void wishes_free(struct host_wish *list, size_t n);
const struct host_wish *wish_find(const struct host_wish *list, size_t n, const char *setting);

#endif
