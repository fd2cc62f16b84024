/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the few parts of an ELF file that say what will be mapped. Nothing in the file is believed:
 * each offset is checked against the file's size without overflow, each count against a bound.
 */
#include "common/elf-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define DYNAMIC_MAX   4096u
#define MAPPED_MAX    (UINT64_C(1) << 46) /* half of a 47 bit address space */
#define NATIVE_CLASS  (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

/* Headers, strings and tables lie close together, and are read in pieces of a few bytes: a launch would take
 * two hundred system calls for it. */
#define BLOCK_BYTES 4096u
#define BLOCKS	    4u

struct elf_blocks {
	struct {
		uint64_t number;
		size_t size; /* 0 = nothing was read yet */
		unsigned char data[BLOCK_BYTES];
	} items[BLOCKS];
};

static int read_exactly(const struct elf_file *e, uint64_t offset, void *buf, size_t len) {
	ssize_t n;

	do
		n = pread(e->fd, buf, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -ENOEXEC;
}

/* The block of this number, at least so far: as much of it as the file had when it was opened. */
static const unsigned char *get_block(const struct elf_file *e, uint64_t number, size_t end) {
	size_t i = number % BLOCKS;
	uint64_t left = e->size - number * BLOCK_BYTES;

	if (!e->blocks)
		return NULL;
	if (e->blocks->items[i].size == 0 || e->blocks->items[i].number != number) {
		size_t size = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;

		e->blocks->items[i].size = 0;
		if (read_exactly(e, number * BLOCK_BYTES, e->blocks->items[i].data, size) < 0)
			return NULL;
		e->blocks->items[i].number = number;
		e->blocks->items[i].size = size;
	}
	return e->blocks->items[i].size >= end ? e->blocks->items[i].data : NULL;
}

int elf_file_read(const struct elf_file *e, uint64_t offset, void *buf, size_t len) {
	uint64_t start = offset % BLOCK_BYTES;
	const unsigned char *block = NULL;

	if (offset > e->size || len > e->size - offset)
		return -ENOEXEC;
	if (len > 0 && len <= BLOCK_BYTES - start)
		block = get_block(e, offset / BLOCK_BYTES, (size_t)start + len);
	if (!block)
		return read_exactly(e, offset, buf, len);
	memcpy(buf, block + start, len);
	return 0;
}

static int read_header(struct elf_file *e) {
	const ElfW(Ehdr) *h = &e->header;
	int r = elf_file_read(e, 0, &e->header, sizeof(e->header));

	if (r < 0)
		return r;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != NATIVE_CLASS ||
		h->e_ident[EI_DATA] != NATIVE_ENDIAN)
		return -ENOEXEC;
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(ElfW(Phdr)) || !h->e_phnum || h->e_phnum > ELF_SEGMENTS_MAX)
		return -ENOEXEC;
	e->n_segments = h->e_phnum;
	return elf_file_read(e, h->e_phoff, e->segments, e->n_segments * sizeof(ElfW(Phdr)));
}

const ElfW(Phdr) * elf_file_segment(const struct elf_file *e, uint32_t type) {
	for (unsigned i = 0; i < e->n_segments; i++)
		if (e->segments[i].p_type == type)
			return &e->segments[i];
	return NULL;
}

int elf_file_offset(const struct elf_file *e, uint64_t address, uint64_t *ret) {
	for (unsigned i = 0; i < e->n_segments; i++) {
		const ElfW(Phdr) *s = &e->segments[i];

		if (s->p_type != PT_LOAD || address < s->p_vaddr ||
			address - s->p_vaddr >= s->p_filesz)
			continue;
		if (__builtin_add_overflow(s->p_offset, address - s->p_vaddr, ret))
			return -ENOEXEC;
		return 0;
	}
	return -ENOEXEC;
}

const ElfW(Dyn) * elf_file_tag(const struct elf_file *e, int64_t tag, unsigned n) {
	for (unsigned i = 0; i < e->n_dynamic && e->dynamic[i].d_tag != DT_NULL; i++)
		if (e->dynamic[i].d_tag == tag && n-- == 0)
			return &e->dynamic[i];
	return NULL;
}

static int read_dynamic(struct elf_file *e) {
	const ElfW(Phdr) *segment = elf_file_segment(e, PT_DYNAMIC);
	const ElfW(Dyn) * table, *size;
	int r;

	if (!segment)
		return 0;
	if (segment->p_filesz / sizeof(ElfW(Dyn)) > DYNAMIC_MAX)
		return -ENOEXEC;
	e->n_dynamic = (unsigned)(segment->p_filesz / sizeof(ElfW(Dyn)));
	if (e->n_dynamic == 0)
		return 0;
	e->dynamic = calloc(e->n_dynamic, sizeof(ElfW(Dyn)));
	if (!e->dynamic)
		return -ENOMEM;
	r = elf_file_read(e, segment->p_offset, e->dynamic, e->n_dynamic * sizeof(ElfW(Dyn)));
	if (r < 0)
		return r;
	table = elf_file_tag(e, DT_STRTAB, 0);
	size = elf_file_tag(e, DT_STRSZ, 0);
	if (!table || !size)
		return 0;
	e->strings_size = size->d_un.d_val;
	return elf_file_offset(e, table->d_un.d_ptr, &e->strings_offset);
}

void elf_file_done(struct elf_file *e) {
	e->fd = close_fd(e->fd);
	free(e->dynamic);
	e->dynamic = NULL;
	free(e->blocks);
	e->blocks = NULL;
}

static int open_regular(const char *path, struct elf_file *e) {
	struct stat st;

	/* a look before: opening a device can do something; not blocking: it may be a FIFO by now */
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOEXEC;
	e->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (e->fd < 0 || fstat(e->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	e->device = st.st_dev;
	e->inode = st.st_ino;
	e->mode = st.st_mode;
	e->size = (uint64_t)st.st_size;
	return 0;
}

int elf_file_open(const char *path, struct elf_file *ret) {
	_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
	int r;

	r = open_regular(path, &e);
	if (r == 0) {
		e.blocks = calloc(1, sizeof(*e.blocks)); /* it works without, too */
		r = read_header(&e);
	}
	if (r == 0)
		r = read_dynamic(&e);
	if (r < 0)
		return r;
	*ret = e;
	e = (struct elf_file){ .fd = -1 };
	return 0;
}

static uint64_t round_down(uint64_t bytes) {
	return bytes & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
}

static uint64_t round_up(uint64_t bytes) {
	return round_down(bytes + (uint64_t)sysconf(_SC_PAGESIZE) - 1);
}

uint64_t elf_file_mapped_bytes(const struct elf_file *e, bool library) {
	uint64_t sum = 0, first = UINT64_MAX, last = 0;

	for (unsigned i = 0; i < e->n_segments; i++) {
		const ElfW(Phdr) *s = &e->segments[i];
		uint64_t start, end;

		if (s->p_type != PT_LOAD || s->p_vaddr > MAPPED_MAX || s->p_memsz > MAPPED_MAX)
			continue;
		start = round_down(s->p_vaddr);
		end = round_up(s->p_vaddr + s->p_memsz);
		sum += end - start;
		first = start < first ? start : first;
		last = end > last ? end : last;
	}
	if (library && last > first)
		return last - first;
	return sum;
}

int elf_file_interpreter(const struct elf_file *e, char ret[static PATH_MAX]) {
	const ElfW(Phdr) *segment = elf_file_segment(e, PT_INTERP);
	int r;

	if (!segment)
		return -ENOENT;
	if (segment->p_filesz < 2 || segment->p_filesz > PATH_MAX)
		return -ENOEXEC;
	r = elf_file_read(e, segment->p_offset, ret, segment->p_filesz);
	if (r < 0)
		return r;
	return ret[segment->p_filesz - 1] == '\0' ? 0 : -ENOEXEC;
}

int elf_file_string(
	const struct elf_file *e, int64_t tag, unsigned n, char ret[static ELF_STRING_MAX]) {
	const ElfW(Dyn) *entry = elf_file_tag(e, tag, n);
	uint64_t offset, room;
	size_t len;
	int r;

	if (!entry)
		return -ENOENT;
	if (entry->d_un.d_val >= e->strings_size ||
		__builtin_add_overflow(e->strings_offset, entry->d_un.d_val, &offset) ||
		offset >= e->size)
		return -ENOEXEC;
	room = e->strings_size - entry->d_un.d_val;
	if (room > e->size - offset)
		room = e->size - offset;
	len = room < ELF_STRING_MAX ? (size_t)room : ELF_STRING_MAX;
	r = elf_file_read(e, offset, ret, len);
	if (r < 0)
		return r;
	return memchr(ret, '\0', len) ? 0 : -ENOEXEC;
}
