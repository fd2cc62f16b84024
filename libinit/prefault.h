/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBINIT_PREFAULT_H
#define RTMEM_LIBINIT_PREFAULT_H

#include "libinit/init.h"

/** Makes the whole pages of the range present, as fast as the machine can. page_bytes: of the mapping;
 *  0 = the system's. It stops (-ENOMEM, said why) before the machine has less than host_reserve left.
 *  A mapping locked on fault gets its pages locked as they come. */
int prefault_range(struct init *i, char *start, size_t len, size_t page_bytes);
/** The same for a range that isn't locked yet: locked on fault first, unless nothing is locked. */
int prefault_and_lock(struct init *i, char *start, size_t len);
/** Would this much more fit beside host_reserve, limits and control groups? -ENOMEM, said why. */
int prefault_check_room(struct init *i, uint64_t bytes);

#endif
