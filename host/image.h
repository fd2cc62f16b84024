/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_IMAGE_H
#define RTMEM_HOST_IMAGE_H

/* What a program will map before its first instruction, read from ELF headers without running it.
 * Any file may be offered, also a hostile one: every offset and count is checked. */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define IMAGE_NAME_MAX 256

struct image {
	char program[PATH_MAX]; /* the ELF file: a script's interpreter, a name found in PATH */
	uint64_t bytes; /* mapped by program, libraries, dynamic loader and injected library */
	unsigned n_objects;
	bool dynamic; /* has a dynamic loader: libraries can be injected */
	char missing[IMAGE_NAME_MAX]; /* a library that wasn't found; then bytes is too small */
};

/**
 * program: a path, or a name to look up in search_path (PATH; NULL = the usual directories).
 * library_path: LD_LIBRARY_PATH of the program, or NULL. init_library: may be NULL.
 * 0, -ENOENT (no such program), -EACCES, -ENOEXEC (not a 64 bit ELF file of this machine, or damaged).
 */
int image_read(const char *program, const char *search_path, const char *library_path,
	const char *init_library, struct image *ret);

/** Calls `each` with the path of every library that the ELF file needs, its loader included; stops at a
 *  result that isn't 0 and returns it. A script counts as its interpreter, which is then named too.
 *  -ENOEXEC and the like: nothing that needs libraries. */
int image_each_file(
	const char *program, int (*each)(const char *path, void *userdata), void *userdata);

#endif
