/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks of one size in constant time. The list of free blocks stands beside the blocks, not in them: a
 * program that writes past the end of one destroys data, but never the pool, and a pointer that comes
 * back is checked by its place and its entry alone. The last block that came back is the next to go out,
 * as it's likely in the cache.
 *
 * A low thread that holds the mutex runs with the priority of the highest that waits for it, and holds
 * it for a few instructions.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdalign.h>
#include <string.h>

#include "librtmem/internal.h"

#define BLOCK_USED	 UINT32_MAX /* entry of a block that's out */
#define BLOCK_NONE	 (UINT32_MAX - 1) /* end of the list */
#define BLOCKS_MAX	 ((size_t)BLOCK_NONE)
#define ALIGNMENT_MAX	 ((size_t)4096)
#define ALIGNMENT_MALLOC alignof(max_align_t)

struct rtmem_pool {
	pthread_mutex_t mutex;
	struct rtmem_pool_statistics statistics;
	size_t map_bytes; /* this struct, the list and the blocks are one mapping */
	size_t stride_bytes;
	char *blocks;
	uint32_t first_free;
	uint32_t next[];
};

static int init_mutex(pthread_mutex_t *m) {
	pthread_mutexattr_t attr;
	int error = pthread_mutexattr_init(&attr);

	if (error)
		return -error;
	error = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (!error)
		error = pthread_mutex_init(m, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	return -error;
}

static size_t align_up(size_t n, size_t alignment) {
	return (n + alignment - 1) & ~(alignment - 1);
}

struct layout {
	size_t stride_bytes, blocks_offset, map_bytes;
};

static int make_layout(size_t block_bytes, size_t n_blocks, size_t alignment, struct layout *ret) {
	size_t list, blocks;

	if (!alignment)
		alignment = ALIGNMENT_MALLOC;
	if (!block_bytes || !n_blocks || (alignment & (alignment - 1)) || alignment > ALIGNMENT_MAX)
		return -EINVAL;
	if (n_blocks > BLOCKS_MAX || block_bytes > SSIZE_MAX)
		return -EOVERFLOW;
	list = sizeof(struct rtmem_pool) + n_blocks * sizeof(uint32_t);
	ret->stride_bytes = align_up(block_bytes, alignment);
	/* a line of the cache at least, so that the list shares none with a block */
	ret->blocks_offset = align_up(list, alignment < 64 ? 64 : alignment);
	if (__builtin_mul_overflow(ret->stride_bytes, n_blocks, &blocks) ||
		__builtin_add_overflow(ret->blocks_offset, blocks, &ret->map_bytes))
		return -EOVERFLOW;
	ret->map_bytes = round_to_pages(ret->map_bytes);
	return ret->map_bytes && ret->map_bytes <= SSIZE_MAX ? 0 : -EOVERFLOW;
}

static void fill(
	struct rtmem_pool *p, const struct layout *l, size_t block_bytes, size_t n_blocks) {
	p->map_bytes = l->map_bytes;
	p->stride_bytes = l->stride_bytes;
	p->blocks = (char *)p + l->blocks_offset;
	p->statistics.block_bytes = block_bytes;
	p->statistics.n_blocks = n_blocks;
	for (uint32_t i = 0; i < n_blocks; i++)
		p->next[i] = i + 1;
	p->next[n_blocks - 1] = BLOCK_NONE;
}

int rtmem_pool_new(
	struct rtmem_pool **ret, size_t block_bytes, size_t n_blocks, size_t alignment_bytes) {
	struct rtmem_pool *p;
	struct layout l;
	int r = make_layout(block_bytes, n_blocks, alignment_bytes, &l);

	if (r < 0)
		return r;
	p = (struct rtmem_pool *)(void *)map_guarded(page_bytes(), l.map_bytes);
	if (!p)
		return -errno;
	r = rtmem_prefault(p, l.map_bytes);
	if (r >= 0) {
		fill(p, &l, block_bytes, n_blocks);
		p->statistics.locked = r;
		r = init_mutex(&p->mutex);
	}
	if (r < 0) {
		unmap_guarded((char *)p, page_bytes(), l.map_bytes);
		return r;
	}
	*ret = p;
	return p->statistics.locked;
}

struct rtmem_pool *rtmem_pool_free(struct rtmem_pool *p) {
	if (!p)
		return NULL;
	(void)pthread_mutex_destroy(&p->mutex);
	unmap_guarded((char *)p, page_bytes(), p->map_bytes);
	return NULL;
}

void *rtmem_pool_get(struct rtmem_pool *p) {
	struct rtmem_pool_statistics *s = &p->statistics;
	void *block = NULL;

	(void)pthread_mutex_lock(&p->mutex);
	if (likely(p->first_free != BLOCK_NONE)) {
		uint32_t i = p->first_free;

		p->first_free = p->next[i];
		p->next[i] = BLOCK_USED;
		block = p->blocks + (size_t)i * p->stride_bytes;
		if (++s->n_used > s->n_used_most)
			s->n_used_most = s->n_used;
	} else {
		s->n_exhausted++;
	}
	(void)pthread_mutex_unlock(&p->mutex);
	return block;
}

/* Number of the block that starts here, or BLOCK_NONE. */
static uint32_t block_at(const struct rtmem_pool *p, const void *block) {
	uintptr_t offset = (uintptr_t)block - (uintptr_t)p->blocks; /* before the first: huge */
	size_t i = offset / p->stride_bytes;

	return i < p->statistics.n_blocks && offset % p->stride_bytes == 0 ? (uint32_t)i
									   : BLOCK_NONE;
}

int rtmem_pool_put(struct rtmem_pool *p, void *block) {
	uint32_t i;
	int r = 0;

	if (!block)
		return 0;
	i = block_at(p, block);
	(void)pthread_mutex_lock(&p->mutex);
	if (unlikely(i == BLOCK_NONE))
		r = -EINVAL;
	else if (unlikely(p->next[i] != BLOCK_USED))
		r = -EALREADY;
	if (likely(r == 0)) {
		p->next[i] = p->first_free;
		p->first_free = i;
		p->statistics.n_used--;
	} else {
		p->statistics.n_refused++;
	}
	(void)pthread_mutex_unlock(&p->mutex);
	return r;
}

void rtmem_pool_inspect(struct rtmem_pool *p, struct rtmem_pool_statistics *ret) {
	(void)pthread_mutex_lock(&p->mutex);
	*ret = p->statistics;
	(void)pthread_mutex_unlock(&p->mutex);
}
