/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where it lies: the C library keeps a thread's descriptor at the top of its stack, and in it the list of
 * robust mutexes whose address the kernel knows. Without such a list (Go) it's the stack pointer of a
 * thread that sleeps. Of the main thread the kernel knows the stack itself.
 *
 * All three are what the program makes of them. Memory with a file behind it is never read: the file may
 * be on a file system that the program's owner serves (FUSE), and reading it would wait for him.
 */
#include "host/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "host/mapping.h"

#define PIECE_BYTES	 (32u << 10)
#define PAGES_MAX	 (PIECE_BYTES / 4096)
#define PAGE_PRESENT	 (3ull << 62) /* present, or swapped out: used once in any case */
#define PAGE_IN_MEMORY	 (1ull << 63)
#define PAGE_OF_FILE	 (1ull << 61) /* mapped since: not a stack any more */
#define STAT_TEXT_MAX	 1024
#define STAT_STACK_FIELD 28
/* Who prepares a program from outside makes its main stack grow by having the kernel write there. */
#define MAIN_SCRATCH_BYTES 8192ull

static uint64_t page_size(void) {
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- where ------------------------------------------------------------------------------------- */

/* Field 28 of stat; what comes before the last parenthesis is a name, and hostile. */
static int main_stack_address(pid_t pid, uint64_t *ret) {
	_cleanup_free_ char *text = NULL;
	char path[32];
	const char *p;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = read_file(path, STAT_TEXT_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	p = strrchr(text, ')');
	for (int field = 2; p && field < STAT_STACK_FIELD; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, " %" SCNu64, ret) == 1 && *ret ? 0 : -ENOENT;
}

static int sleeping_stack_pointer(pid_t pid, pid_t tid, uint64_t *ret) {
	char path[64], text[256];
	const char *word, *before = NULL;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	r = read_line_file(path, text, sizeof(text));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	word = strrchr(text, ' '); /* "running", or ... stack pointer, instruction */
	for (const char *p = text; word && p < word; p++)
		if (*p == ' ')
			before = p;
	return before && sscanf(before, " %" SCNx64, ret) == 1 ? 0 : -ENOENT;
}

static uint64_t descriptor_address(pid_t tid) {
	void *head = NULL;
	size_t size;

	if (syscall(SYS_get_robust_list, tid, &head, &size) < 0)
		return 0;
	return (uint64_t)(uintptr_t)head;
}

static bool has_guard(int maps_fd, const struct mapping *stack) {
	struct mapping below = { .start = 0 };

	return mapping_find(maps_fd, stack->start - 1, &below) == 0 && !below.readable &&
		!below.writable;
}

static int find_thread_stack(pid_t pid, pid_t tid, int maps_fd, struct stack_range *ret) {
	uint64_t head = descriptor_address(tid), address = head;
	struct mapping m = { .start = 0 };
	int r = head ? 0 : sleeping_stack_pointer(pid, tid, &address);

	if (r == 0)
		r = mapping_find(maps_fd, address, &m);
	if (r < 0)
		return r;
	if (!m.writable || !m.anonymous || !has_guard(maps_fd, &m))
		return -ENOENT;
	*ret = (struct stack_range){ m.start, m.end };
	if (head && head - head % page_size() + page_size() < m.end)
		ret->end = head - head % page_size() + page_size();
	return 0;
}

static int find_main_stack(pid_t pid, int maps_fd, struct stack_range *ret) {
	struct mapping m = { .start = 0 };
	uint64_t address = 0;
	int r = main_stack_address(pid, &address);

	if (r == 0)
		r = mapping_find(maps_fd, address, &m);
	if (r < 0)
		return r;
	if (!m.anonymous)
		return -ENOENT;
	*ret = (struct stack_range){ m.start, m.end };
	if (m.end - m.start > MAIN_SCRATCH_BYTES * 2)
		ret->start += MAIN_SCRATCH_BYTES;
	return 0;
}

int stack_find(pid_t pid, pid_t tid, int maps_fd, struct stack_range *ret) {
	return tid == pid ? find_main_stack(pid, maps_fd, ret)
			  : find_thread_stack(pid, tid, maps_fd, ret);
}

/* ---- how deep ---------------------------------------------------------------------------------- */

int stack_open_pages(pid_t pid) {
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Index of the first byte that isn't zero, size if there's none. */
static size_t first_used(const unsigned char *data, size_t size) {
	size_t i = 0;

	if (size > 1 && data[0] == 0 && memcmp(data, data + 1, size - 1) == 0)
		return size;
	while (i < size && data[i] == 0)
		i++;
	return i;
}

/* Looks into the pages of one run that are in memory. 1: found. */
static int scan_run(pid_t pid, uint64_t start, size_t size, uint64_t *ret_address) {
	unsigned char data[PIECE_BYTES];
	struct iovec ours = { data, size };
	struct iovec theirs = { (void *)(uintptr_t)start, size }; /* NOLINT: an address there */
	ssize_t n = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
	size_t used;

	if (n < 0)
		return errno == EFAULT ? 0 : -errno; /* unmapped meanwhile */
	used = first_used(data, (size_t)n);
	if (used == (size_t)n)
		return 0;
	*ret_address = start + used;
	return 1;
}

/* Up to PAGES_MAX pages from `from`. Pages that aren't there were never used. */
static int scan_piece(
	pid_t pid, const uint64_t *pages, size_t n, uint64_t from, uint64_t *ret_address) {
	size_t page = (size_t)page_size(), i = 0;

	while (i < n) {
		size_t run = i;
		int r;

		while (run < n && (pages[run] & (PAGE_IN_MEMORY | PAGE_OF_FILE)) == PAGE_IN_MEMORY)
			run++;
		r = run > i ? scan_run(pid, from + i * page, (run - i) * page, ret_address) : 0;
		if (r != 0)
			return r;
		if (run < n && (pages[run] & PAGE_PRESENT) && !(pages[run] & PAGE_OF_FILE)) {
			/* swapped out */
			*ret_address = from + run * page;
			return 1;
		}
		i = run + 1;
	}
	return 0;
}

int stack_scan(pid_t pid, int pages_fd, uint64_t from, uint64_t to, size_t *budget_bytes,
	uint64_t *ret_address) {
	size_t page = (size_t)page_size(), most = PIECE_BYTES / page;

	while (from<to && * budget_bytes> 0) {
		uint64_t pages[PAGES_MAX];
		size_t n = (size_t)((to - from + page - 1) / page);
		ssize_t got;
		int r;

		n = n < most ? n : most;
		got = pread(pages_fd, pages, n * sizeof(pages[0]),
			(off_t)(from / page * sizeof(pages[0])));
		if (got <= 0)
			return got < 0 ? -errno : -ENOENT;
		n = (size_t)got / sizeof(pages[0]);
		*budget_bytes -= *budget_bytes < n * page ? *budget_bytes : n * page;
		r = scan_piece(pid, pages, n, from, ret_address);
		if (r != 0)
			return r;
		from += n * page;
	}
	*ret_address = from < to ? from : to;
	return 0;
}
