/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_ALLOCATOR_LIBRARY_H
#define RTMEM_HOST_ALLOCATOR_LIBRARY_H

/* Where this machine has the library of an allocator. */
#include <limits.h>

#include "libpolicy/policy.h"

/** The path that the dynamic loader would find for a program of this machine's word size. -ENOENT:
 *  not installed. */
int allocator_library_find(enum heap_allocator allocator, char ret[static PATH_MAX]);

#endif
