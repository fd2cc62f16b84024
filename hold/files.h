/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOLD_FILES_H
#define RTMEM_HOLD_FILES_H

/*
 * Files kept in the page cache: each is mapped and locked once, however many names it has. Pages of a
 * locked mapping stay present for every program that maps or reads the same file.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/held.h"

struct held_file {
	char *path;
	dev_t device;
	ino_t inode;
	uint64_t bytes;
	struct timespec changed;
	void *address;
};

struct held {
	struct held_file *items;
	size_t n_items;
	uint64_t bytes;
	struct held_files patterns[HELD_PATTERNS_MAX]; /* in their order */
	size_t n_patterns;
	char problem[256]; /* the first thing that couldn't be had; "" = none */
};
void held_done(struct held *h);

/**
 * Looks again at what the patterns name, with the libraries that programs among it need: locks what is
 * new or was replaced, lets go of what is gone. 0 or -ENOMEM; else what went wrong is in h->problem.
 */
int held_refresh(struct held *h, char *const *patterns);

#endif
