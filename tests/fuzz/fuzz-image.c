/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as an ELF file with all that hangs on it, as the loader's cache, and as the text of a file
 * in /proc: reading ends, within bounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/preflight.h"
#include "host/image.h"
#include "host/library-cache.h"
#include "host/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as_image(const char *path) {
	struct image image;

	(void)image_read(path, "/nonexistent", "/nonexistent", NULL, &image);
}

static void read_as_target(const char *path) {
	struct preflight target;

	(void)preflight_read(path, 1, 1, &target);
}

static void read_as_cache(const char *path) {
	struct library_cache cache;

	library_cache_load(path, &cache);
	for (unsigned n = 0; library_cache_find(&cache, "libc.so.6", n); n++)
		;
	library_cache_done(&cache);
}

static void read_as_proc(const uint8_t *data, size_t size) {
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct process_memory memory;
	struct fault_count faults;
	struct process_size sizes;
	uint64_t start;

	if (!text)
		abort();
	(void)process_memory_parse(text, &memory);
	(void)process_stat_parse(text, &faults, &start);
	(void)process_size_parse(text, &sizes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write_all(fd, data, size) < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_as_image(path);
	read_as_target(path);
	read_as_cache(path);
	read_as_proc(data, size);
	return 0;
}
