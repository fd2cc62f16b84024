/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the headers of a program say about injection: whether a dynamic loader comes into play, whose it
 * is, and whether a sanitizer insists on being first. Reading by pread(2), each piece bounded; whatever
 * looks odd is left for execve() and the loader to judge.
 */
#include "exec/launch.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_HEADERS_MAX 64 /* more than any real program has */
#define DYNAMIC_MAX	    256 /* entries of the dynamic section that are looked at */
#define SONAME_MAX	    64

struct headers {
	Elf64_Phdr header[PROGRAM_HEADERS_MAX];
	size_t n;
};

static bool read_at(int fd, void *ret, size_t len, uint64_t offset) {
	return offset <= INT64_MAX && pread(fd, ret, len, (off_t)offset) == (ssize_t)len;
}

static bool read_headers(int fd, const Elf64_Ehdr *e, struct headers *ret) {
	ret->n = e->e_phnum < PROGRAM_HEADERS_MAX ? e->e_phnum : PROGRAM_HEADERS_MAX;
	return e->e_phentsize == sizeof(ret->header[0]) &&
		read_at(fd, ret->header, ret->n * sizeof(ret->header[0]), e->e_phoff);
}

static const Elf64_Phdr *find_header(const struct headers *h, uint32_t type) {
	for (size_t i = 0; i < h->n; i++)
		if (h->header[i].p_type == type)
			return &h->header[i];
	return NULL;
}

static bool is_musl(int fd, const Elf64_Phdr *interpreter) {
	char name[PATH_MAX] = "";
	size_t len = interpreter->p_filesz < sizeof(name) ? interpreter->p_filesz
							  : sizeof(name) - 1;

	return read_at(fd, name, len, interpreter->p_offset) && strstr(name, "ld-musl");
}

/* Address in memory -> offset in the file; 0 if no segment holds it. */
static uint64_t file_offset(const struct headers *h, uint64_t address) {
	for (size_t i = 0; i < h->n; i++) {
		const Elf64_Phdr *p = &h->header[i];

		if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
			address - p->p_vaddr < p->p_filesz)
			return p->p_offset + (address - p->p_vaddr);
	}
	return 0;
}

static bool needs_library(int fd, const struct headers *h, const char *prefix) {
	const Elf64_Phdr *dynamic = find_header(h, PT_DYNAMIC);
	Elf64_Dyn entries[DYNAMIC_MAX];
	uint64_t strings = 0;
	size_t n;

	if (!dynamic)
		return false;
	n = dynamic->p_filesz / sizeof(*entries);
	n = n < DYNAMIC_MAX ? n : DYNAMIC_MAX;
	if (!read_at(fd, entries, n * sizeof(*entries), dynamic->p_offset))
		return false;
	for (size_t i = 0; i < n; i++)
		if (entries[i].d_tag == DT_STRTAB)
			strings = file_offset(h, entries[i].d_un.d_ptr);
	for (size_t i = 0; i < n && strings; i++) {
		char name[SONAME_MAX] = "";

		if (entries[i].d_tag == DT_NEEDED &&
			pread(fd, name, sizeof(name) - 1,
				(off_t)(strings + entries[i].d_un.d_val)) > 0 &&
			strncmp(name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

const char *elf_refuses_preload(int fd, const Elf64_Ehdr *e) {
	const Elf64_Phdr *interpreter;
	struct headers h;

	if (e->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return "it has another word size than the injected library";
	if (sizeof(void *) != 8 || !read_headers(fd, e, &h))
		return NULL;
	interpreter = find_header(&h, PT_INTERP);
	if (!interpreter)
		return "it is linked statically";
	if (is_musl(fd, interpreter))
		return "it uses musl, not glibc";
	if (needs_library(fd, &h, "libasan.so"))
		return "it is built with AddressSanitizer, which turns mlockall() off and wants no "
		       "library before its own: use a build without it";
	return NULL;
}
