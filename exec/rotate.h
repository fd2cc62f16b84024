/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_EXEC_ROTATE_H
#define RTMEM_EXEC_ROTATE_H

/* Rotates a file that programs append to and go on having open: NAME to NAME.1, that to NAME.2 ... */
#include <stdint.h>
#include <sys/types.h>

#include "exec/output-file.h"

/* What is being copied; a rotation that was cut off leaves it, and the next one finds out what it is. */
#define ROTATE_SUFFIX ".rotating"

struct rotation {
	const char *path;
	uint64_t size_bytes; /* smaller files are left alone */
	unsigned keep; /* rotated files, 1 at least */
	bool truncate; /* as where nothing else is possible, for tests and figures */
	struct output_rights rights;
};

/** 1: done; 0: nothing to do, or somebody else is at it; -errno, and `why` */
int rotate(const struct rotation *r, char *why, size_t size);

#endif
