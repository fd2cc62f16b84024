/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the snippet goes. Two places are executable in every program and used by nobody: the last page of
 * the vdso behind the end of its file, and the last page of the program's code behind the end of its
 * segment. Both are looked at in the running image; only bytes that are zero are taken. The write makes
 * a private copy of that one page.
 */
#include "exec/trace-snippet.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"

#define AUXV_MAX	    4096
#define PROGRAM_HEADERS_MAX 64
#define SNIPPET_ALIGNMENT   16u

/* ---- the list ---------------------------------------------------------------------------------------- */

unsigned snippet_n_calls(const struct snippet_data *d) {
	unsigned n = 0;

	while (d->call[n].number_plus_one)
		n++;
	return n;
}

bool snippet_add(struct snippet_data *d, bool vital, long number, uint64_t a, uint64_t b,
	uint64_t c, uint64_t e) {
	unsigned n = snippet_n_calls(d);

	if (n == SNIPPET_CALLS_MAX)
		return false;
	d->call[n] = (struct snippet_call){ (uint64_t)number + 1, { a, b, c, e }, vital };
	return true;
}

size_t snippet_bytes(const struct snippet_data *d) {
	return snippet_code_bytes() + offsetof(struct snippet_data, call) +
		(snippet_n_calls(d) + 1) * sizeof(struct snippet_call);
}

/* ---- a place for it ---------------------------------------------------------------------------------- */

static int read_memory(pid_t pid, uint64_t address, void *buf, size_t len) {
	struct iovec here = { buf, len };
	struct iovec there = { (void *)(uintptr_t)address, len }; /* NOLINT: of another process */
	ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

/* Value of an entry of the auxiliary vector that the kernel gave the program; 0 if it isn't there. */
static uint64_t auxiliary(pid_t pid, uint64_t type) {
	_cleanup_close_ int fd = -1;
	uint64_t entry[AUXV_MAX / 8];
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, entry, sizeof(entry));
	for (ssize_t i = 0; i + 1 < n / 8; i += 2)
		if (entry[i] == type)
			return entry[i + 1];
	return 0;
}

static uint64_t page_end(uint64_t address) {
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (address + page - 1) / page * page;
}

/* The last bytes of a page that begins to be unused at `from`. -ENOSPC: too few, or not zero. */
static int claim_tail(pid_t pid, uint64_t from, size_t size, uint64_t *ret) {
	_cleanup_free_ unsigned char *bytes = NULL;
	uint64_t end = page_end(from), start;
	int r;

	start = (end - size) & ~(uint64_t)(SNIPPET_ALIGNMENT - 1);
	if (end < size || start < from)
		return -ENOSPC;
	bytes = malloc(end - start);
	if (!bytes)
		return -ENOMEM;
	r = read_memory(pid, start, bytes, end - start);
	if (r < 0)
		return r;
	for (size_t i = 0; i < end - start; i++)
		if (bytes[i])
			return -ENOSPC;
	*ret = start;
	return 0;
}

/* The vdso is an ELF file in memory, whole pages; what comes last in it are its section headers. */
static int place_in_vdso(pid_t pid, size_t size, uint64_t *ret) {
	uint64_t base = auxiliary(pid, AT_SYSINFO_EHDR), end = 0;
	Elf64_Phdr header[PROGRAM_HEADERS_MAX];
	Elf64_Ehdr elf;

	if (!base || read_memory(pid, base, &elf, sizeof(elf)) < 0 ||
		memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_phnum > ARRAY_LEN(header) ||
		read_memory(pid, base + elf.e_phoff, header, elf.e_phnum * sizeof(*header)) < 0)
		return -ENOSPC;
	for (unsigned i = 0; i < elf.e_phnum; i++)
		if (header[i].p_offset + header[i].p_memsz > end)
			end = header[i].p_offset + header[i].p_memsz;
	if (elf.e_shoff + (uint64_t)elf.e_shnum * elf.e_shentsize > end)
		end = elf.e_shoff + (uint64_t)elf.e_shnum * elf.e_shentsize;
	return claim_tail(pid, base + end, size, ret);
}

/* The program's own code: where it's loaded is the difference to where its headers say they are. */
static int place_in_program(pid_t pid, size_t size, uint64_t *ret) {
	uint64_t at = auxiliary(pid, AT_PHDR), n = auxiliary(pid, AT_PHNUM), bias = 0;
	Elf64_Phdr header[PROGRAM_HEADERS_MAX];

	if (!at || n > ARRAY_LEN(header) || read_memory(pid, at, header, n * sizeof(*header)) < 0)
		return -ENOSPC;
	for (uint64_t i = 0; i < n; i++)
		if (header[i].p_type == PT_PHDR)
			bias = at - header[i].p_vaddr;
	for (uint64_t i = 0; i < n; i++)
		if (header[i].p_type == PT_LOAD && (header[i].p_flags & PF_X) &&
			claim_tail(pid, bias + header[i].p_vaddr + header[i].p_memsz, size, ret) ==
				0)
			return 0;
	return -ENOSPC;
}

static int write_words(pid_t tid, uint64_t address, const void *data, size_t size) {
	for (size_t at = 0; at < size; at += sizeof(long)) {
		long word;

		memcpy(&word, (const char *)data + at, sizeof(word));
		if (ptrace(PTRACE_POKETEXT, tid, address + at, word) < 0)
			return -errno;
	}
	return 0;
}

/* Another image may be there by now. */
static bool is_written(pid_t pid, uint64_t address) {
	_cleanup_free_ unsigned char *code = malloc(snippet_code_bytes());

	return code && read_memory(pid, address, code, snippet_code_bytes()) == 0 &&
		memcmp(code, trace_snippet_code, snippet_code_bytes()) == 0;
}

static int find_place(pid_t pid, size_t size, uint64_t *ret) {
	int r = place_in_vdso(pid, size, ret);

	return r < 0 ? place_in_program(pid, size, ret) : r;
}

int snippet_write(
	pid_t pid, pid_t tid, const struct snippet_data *d, uint64_t known, uint64_t *ret_address) {
	size_t size = snippet_bytes(d);
	int r = 0;

	*ret_address = known;
	if (!known || !is_written(pid, known))
		r = find_place(pid, size, ret_address);
	if (r == 0)
		r = write_words(tid, *ret_address, trace_snippet_code, snippet_code_bytes());
	if (r == 0)
		r = write_words(
			tid, *ret_address + snippet_code_bytes(), d, size - snippet_code_bytes());
	return r;
}
