/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does this file have that? Each answer costs a handful of small reads, whatever the size of the file:
 * a launch waits for it. Nothing in the file is believed: loops are bounded, offsets go through
 * elf_file_read(), and a damaged table answers no.
 */
#include "common/elf-file.h"

#include <errno.h>
#include <string.h>

#define NEEDED_MAX   1024u
#define CHAIN_MAX    4096u /* symbols of one hash bucket */
#define NOTES_MAX    64u /* of one segment */
#define SECTIONS_MAX 1024u
#define ASKED_MAX    64u /* longest name asked for */

bool elf_file_needs(const struct elf_file *e, const char *prefix) {
	char name[ELF_STRING_MAX];

	for (unsigned n = 0; n < NEEDED_MAX; n++) {
		int r = elf_file_string(e, DT_NEEDED, n, name);

		if (r == -ENOENT)
			break;
		if (r == 0 && strncmp(name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

/* ---- symbols: DT_GNU_HASH, which lists what a file defines --------------------------------------- */

struct hash_table {
	uint32_t n_buckets, first_symbol, n_bloom_words, bloom_shift;
	uint64_t bloom, buckets, chains; /* offsets in the file */
	uint64_t symbols;
};

static uint32_t hash_of(const char *name) {
	uint32_t h = 5381;

	for (const char *p = name; *p; p++)
		h = h * 33 + (unsigned char)*p;
	return h;
}

static bool table_open(const struct elf_file *e, struct hash_table *ret) {
	const ElfW(Dyn) *hash = elf_file_tag(e, DT_GNU_HASH, 0);
	const ElfW(Dyn) *symbols = elf_file_tag(e, DT_SYMTAB, 0);
	uint32_t header[4];
	uint64_t offset;

	if (!hash || !symbols || elf_file_offset(e, hash->d_un.d_ptr, &offset) < 0 ||
		elf_file_offset(e, symbols->d_un.d_ptr, &ret->symbols) < 0 ||
		elf_file_read(e, offset, header, sizeof(header)) < 0)
		return false;
	ret->n_buckets = header[0];
	ret->first_symbol = header[1];
	ret->n_bloom_words = header[2];
	ret->bloom_shift = header[3];
	/* within the file, as the read says: no sum below can overflow */
	ret->bloom = offset + sizeof(header);
	ret->buckets = ret->bloom + (uint64_t)ret->n_bloom_words * sizeof(ElfW(Addr));
	ret->chains = ret->buckets + (uint64_t)ret->n_buckets * sizeof(uint32_t);
	return ret->n_buckets && ret->n_bloom_words && ret->bloom_shift < 32;
}

/* False for nearly every symbol that isn't there, after one read. */
static bool passes_bloom(const struct elf_file *e, const struct hash_table *t, uint32_t hash) {
	const uint32_t bits = sizeof(ElfW(Addr)) * 8;
	uint32_t word = hash / bits % t->n_bloom_words;
	ElfW(Addr) filter;

	if (elf_file_read(e, t->bloom + (uint64_t)word * sizeof(filter), &filter, sizeof(filter)) <
		0)
		return false;
	return filter >> hash % bits & filter >> (hash >> t->bloom_shift) % bits & 1;
}

static bool symbol_is(
	const struct elf_file *e, const struct hash_table *t, uint32_t index, const char *name) {
	size_t size = strlen(name) + 1;
	char text[ASKED_MAX];
	ElfW(Sym) symbol;
	uint64_t offset;

	if (size > sizeof(text) ||
		elf_file_read(e, t->symbols + (uint64_t)index * sizeof(symbol), &symbol,
			sizeof(symbol)) < 0 ||
		symbol.st_shndx == SHN_UNDEF ||
		__builtin_add_overflow(e->strings_offset, symbol.st_name, &offset))
		return false;
	return elf_file_read(e, offset, text, size) == 0 && memcmp(text, name, size) == 0;
}

bool elf_file_defines(const struct elf_file *e, const char *symbol) {
	uint32_t hash = hash_of(symbol), index, chain;
	struct hash_table t;

	if (!table_open(e, &t) || !passes_bloom(e, &t, hash))
		return false;
	if (elf_file_read(e, t.buckets + (uint64_t)(hash % t.n_buckets) * sizeof(index), &index,
		    sizeof(index)) < 0 ||
		index < t.first_symbol)
		return false;
	for (unsigned n = 0; n < CHAIN_MAX; n++, index++) {
		uint64_t at = t.chains + (uint64_t)(index - t.first_symbol) * sizeof(chain);

		if (elf_file_read(e, at, &chain, sizeof(chain)) < 0)
			return false;
		if ((chain | 1) == (hash | 1) && symbol_is(e, &t, index, symbol))
			return true;
		if (chain & 1) /* the last of its bucket */
			return false;
	}
	return false;
}

/* ---- notes and sections -------------------------------------------------------------------------- */

static uint64_t padded(uint32_t bytes) {
	return ((uint64_t)bytes + 3) & ~UINT64_C(3);
}

static bool segment_has_note(
	const struct elf_file *e, const ElfW(Phdr) * s, const char *owner, uint32_t type) {
	uint64_t at = s->p_offset, end;
	size_t size = strlen(owner) + 1;

	if (__builtin_add_overflow(s->p_offset, s->p_filesz, &end) || size > ASKED_MAX)
		return false;
	for (unsigned n = 0; n < NOTES_MAX && at < end && at < e->size; n++) {
		char name[ASKED_MAX];
		ElfW(Nhdr) note;

		if (elf_file_read(e, at, &note, sizeof(note)) < 0)
			return false;
		if (note.n_type == type && note.n_namesz >= size && /* Go counts the padding */
			note.n_namesz <= padded((uint32_t)size) &&
			elf_file_read(e, at + sizeof(note), name, size) == 0 &&
			memcmp(name, owner, size) == 0)
			return true;
		at += sizeof(note) + padded(note.n_namesz) + padded(note.n_descsz);
	}
	return false;
}

bool elf_file_has_note(const struct elf_file *e, const char *owner, uint32_t type) {
	for (unsigned i = 0; i < e->n_segments; i++)
		if (e->segments[i].p_type == PT_NOTE &&
			segment_has_note(e, &e->segments[i], owner, type))
			return true;
	return false;
}

bool elf_file_has_section(const struct elf_file *e, const char *name) {
	const ElfW(Ehdr) *h = &e->header;
	size_t size = strlen(name) + 1;
	ElfW(Shdr) strings, section;
	uint64_t at, offset;
	char text[ASKED_MAX];

	if (size > sizeof(text) || h->e_shentsize != sizeof(section) ||
		h->e_shstrndx >= h->e_shnum || h->e_shnum > SECTIONS_MAX || h->e_shoff > e->size)
		return false;
	at = h->e_shoff + (uint64_t)h->e_shstrndx * sizeof(strings);
	if (elf_file_read(e, at, &strings, sizeof(strings)) < 0)
		return false;
	for (unsigned i = 0; i < h->e_shnum; i++) {
		at = h->e_shoff + (uint64_t)i * sizeof(section);
		if (elf_file_read(e, at, &section, sizeof(section)) == 0 &&
			!__builtin_add_overflow(strings.sh_offset, section.sh_name, &offset) &&
			elf_file_read(e, offset, text, size) == 0 && memcmp(text, name, size) == 0)
			return true;
	}
	return false;
}
