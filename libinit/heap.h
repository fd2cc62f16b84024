/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBINIT_HEAP_H
#define RTMEM_LIBINIT_HEAP_H

/* What the kinds of heaps have in common: glibc's on brk (heap.c), on huge pages (pages.c), and those
 * of other allocators (allocator.c). */
#include "libinit/init.h"

/** One round of malloc and free; ret_block is where it was: a number, for nothing is there any more. */
int heap_take_and_give(struct init *i, size_t bytes, uintptr_t *ret_block);

/** The heap of glibc on pages of order.heap_page_bytes, or on ordinary mappings where the order lets it
 *  fall back. */
int pages_prepare(struct init *i, size_t bytes);

/** The heap of an allocator that isn't glibc's: its settings, and prealloc where it can be had. base:
 *  start of the object that malloc belongs to. */
int allocator_prepare(struct init *i, const void *base);

#endif
