/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_ELF_FILE_H
#define RTMEM_COMMON_ELF_FILE_H

/* One ELF file, opened and checked; pread only, so that a file cut short meanwhile can't hurt. */
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ELF_SEGMENTS_MAX 128
#define ELF_STRING_MAX	 4096

struct elf_blocks;

struct elf_file {
	int fd;
	struct elf_blocks *blocks; /* parts of it read before */
	dev_t device;
	ino_t inode;
	mode_t mode;
	uint64_t size;
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[ELF_SEGMENTS_MAX];
	unsigned n_segments;
	/* of PT_DYNAMIC */
	ElfW(Dyn) * dynamic;
	unsigned n_dynamic;
	uint64_t strings_offset;
	uint64_t strings_size;
};

/** Takes an ELF file of this machine's class and byte order. 0, -ENOENT, -EACCES ..., -ENOEXEC. */
int elf_file_open(const char *path, struct elf_file *ret);
void elf_file_done(struct elf_file *e);
/** Bytes mapped: the segments one by one for the program, the whole span for a library. */
uint64_t elf_file_mapped_bytes(const struct elf_file *e, bool library);
/** Path of the dynamic loader. -ENOENT: a static program. */
int elf_file_interpreter(const struct elf_file *e, char ret[static PATH_MAX]);
/** The n-th string of this tag (DT_NEEDED, DT_RUNPATH ...). -ENOENT when there are no more. */
int elf_file_string(
	const struct elf_file *e, int64_t tag, unsigned n, char ret[static ELF_STRING_MAX]);

/** Reads exactly len bytes. 0, -ENOEXEC beyond the end of the file, or what pread(2) says. */
int elf_file_read(const struct elf_file *e, uint64_t offset, void *buf, size_t len);
/** The first segment of this type, or NULL. */
const ElfW(Phdr) * elf_file_segment(const struct elf_file *e, uint32_t type);
/** The n-th entry of the dynamic section with this tag, or NULL. */
const ElfW(Dyn) * elf_file_tag(const struct elf_file *e, int64_t tag, unsigned n);
/** The place in the file of an address, by the segment that loads it. -ENOEXEC: none does. */
int elf_file_offset(const struct elf_file *e, uint64_t address, uint64_t *ret);

/* elf-search.c: questions with yes or no for an answer; what can't be read is a no */
/** Needs a library directly whose name begins so: "libasan.so". */
bool elf_file_needs(const struct elf_file *e, const char *prefix);
/** Defines a symbol that others can bind to (by DT_GNU_HASH). */
bool elf_file_defines(const struct elf_file *e, const char *symbol);
/** Carries a note of this owner and type in its loaded part. */
bool elf_file_has_note(const struct elf_file *e, const char *owner, uint32_t type);
/** Has a section of this name, as far as its section headers weren't stripped. */
bool elf_file_has_section(const struct elf_file *e, const char *name);

#define _cleanup_elf_file_ CLEANUP(elf_file_done)

#endif
