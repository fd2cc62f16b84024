/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page faults of a thread, counted by the kernel. Reading a counter is a system call; a time-critical
 * section would need two. So the counter also writes a record for each fault into a ring that is mapped
 * here, and nobody ever reads the records: as long as the head of the ring stands still there was no
 * fault, and what was read last is still true. (Not under a lock of all memory: see map_ring().)
 *
 * The records of all threads hang in one list, so that rtmem_ready() can start all of them over. Their
 * list is on a page that the kernel clears in a forked child, where they would count the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "librtmem/internal.h"

#define HIGH_FD \
	500 /* out of the way of programs that close what they think is theirs, and open anew */
#define RING_PAGES    2 /* the head, and one page of records that are overwritten */
#define WAKE_NEVER    (1u << 30)
#define STAT_LINE_MAX 1024
#define STAT_PATH_MAX 64

/* Cleared by fork(): unlocked, empty, of no generation. */
struct process {
	pthread_mutex_t mutex;
	uint64_t generation;
	struct counters *first;
};

static struct process *process;
static uint64_t last_generation; /* survives fork() */
static pthread_key_t at_thread_end;
static __thread struct counters mine
	__attribute__((tls_model("initial-exec"))); /* no allocation at the first use */

/* ---- one counter ------------------------------------------------------------------------------- */

static int open_event(uint64_t config, bool exclude_kernel) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = config,
		.sample_period = config == PERF_COUNT_SW_PAGE_FAULTS, /* a record for each */
		.exclude_kernel = exclude_kernel,
		.exclude_hv = 1,
		.watermark = 1,
		.wakeup_watermark = WAKE_NEVER,
	};

	int fd = (int)syscall(
		SYS_perf_event_open, &attr, 0, -1, -1, (unsigned long)PERF_FLAG_FD_CLOEXEC);
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);

	if (high < 0)
		return fd;
	(void)close(fd);
	return high;
}

static bool open_events(struct counters *c, bool exclude_kernel) {
	c->fd = open_event(PERF_COUNT_SW_PAGE_FAULTS, exclude_kernel);
	if (c->fd < 0)
		return false;
	c->fd_major = open_event(PERF_COUNT_SW_PAGE_FAULTS_MAJ, exclude_kernel);
	if (c->fd_major >= 0)
		return true;
	c->fd = close_fd(c->fd);
	return false;
}

/* Giving back a locked page is refused. The system call itself: libinit answers for the function. */
static bool new_memory_is_locked(void) {
	void *page = mmap(
		NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool locked;

	if (page == MAP_FAILED)
		return true;
	locked = syscall(SYS_madvise, page, page_bytes(), MADV_DONTNEED) < 0 && errno == EINVAL;
	(void)munmap(page, page_bytes());
	return locked;
}

/* No lock covers a ring. In a process that has all of its memory locked it would be the one exception,
 * and nobody who checks could tell it from memory that escaped the lock: there, each count is a read. */
static void map_ring(struct counters *c) {
	void *ring = new_memory_is_locked()
		? MAP_FAILED
		: mmap(NULL, RING_PAGES * page_bytes(), PROT_READ, MAP_SHARED, c->fd, 0);

	c->ring = ring == MAP_FAILED ? NULL : ring;
}

static void open_counter(struct counters *c) {
	c->source = RTMEM_FAULTS_USAGE;
	if (open_events(c, false))
		c->source = RTMEM_FAULTS_ALL;
	else if (open_events(c, true))
		c->source = RTMEM_FAULTS_USER;
	if (c->fd >= 0)
		map_ring(c);
}

static void close_counter(struct counters *c) {
	if (c->ring)
		(void)munmap(c->ring, RING_PAGES * page_bytes());
	c->ring = NULL;
	c->fd_major = close_fd(c->fd_major);
	c->fd = close_fd(c->fd);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool read_counter(int fd, uint64_t *ret) {
	return read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static bool read_events(const struct counters *c, uint64_t *ret_minor, uint64_t *ret_major) {
	uint64_t all;

	if (!read_counter(c->fd, &all) || !read_counter(c->fd_major, ret_major))
		return false;
	*ret_minor = all > *ret_major ? all - *ret_major : 0;
	return true;
}

static void read_usage(const struct counters *c, uint64_t *ret_minor, uint64_t *ret_major) {
	struct rusage u = { 0 };

	(void)getrusage(RUSAGE_THREAD, &u);
	*ret_minor = (uint64_t)u.ru_minflt + c->offset_minor;
	*ret_major = (uint64_t)u.ru_majflt + c->offset_major;
}

/* The program has closed the descriptors: their numbers may be somebody else's by now. */
static void go_on_by_usage(struct counters *c) {
	uint64_t minor, major;

	c->fd = c->fd_major = -1;
	close_counter(c);
	c->source = RTMEM_FAULTS_USAGE;
	read_usage(c, &minor, &major);
	c->offset_minor = c->minor - minor;
	c->offset_major = c->major - major;
}

/* Since it was looked at last? What the thread's own faults do, it sees in order. */
static bool has_faulted(struct counters *c) {
	uint64_t now;

	if (c->ring)
		now = __atomic_load_n(&c->ring->data_head, __ATOMIC_RELAXED);
	else if (!read_counter(c->fd, &now))
		return true; /* and it can't be read again */
	if (likely(now == c->seen))
		return false;
	c->seen = now;
	return true;
}

void counters_read(struct counters *c, uint64_t *ret_minor, uint64_t *ret_major) {
	if (c->fd >= 0 && unlikely(has_faulted(c)) && !read_events(c, &c->minor, &c->major))
		go_on_by_usage(c);
	if (unlikely(c->fd < 0)) {
		read_usage(c, ret_minor, ret_major);
		return;
	}
	*ret_minor = c->minor;
	*ret_major = c->major;
}

/* As getrusage(), of another thread. */
static bool read_thread(const struct counters *c, uint64_t *ret_minor, uint64_t *ret_major) {
	char path[STAT_PATH_MAX], line[STAT_LINE_MAX];
	const char *fields;
	unsigned long long minor, major;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)c->tid);
	if (read_line_file(path, line, sizeof(line)) < 0)
		return false;
	fields = strrchr(line, ')');
	if (!fields ||
		sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &minor, &major) != 2)
		return false;
	*ret_minor = minor + c->offset_minor;
	*ret_major = major + c->offset_major;
	return true;
}

/* ---- the process ------------------------------------------------------------------------------- */

static void unlink_counters(struct counters *c) {
	*c->previous = c->next;
	if (c->next)
		c->next->previous = c->previous;
}

static void link_counters(struct counters *c) {
	c->next = process->first;
	c->previous = &process->first;
	if (c->next)
		c->next->previous = &c->next;
	process->first = c;
}

static void on_thread_end(void *userdata) {
	struct counters *c = userdata;

	if (c->generation == process->generation) {
		untold_flush(c);
		(void)pthread_mutex_lock(&process->mutex);
		unlink_counters(c);
		(void)pthread_mutex_unlock(&process->mutex);
	}
	c->generation = 0;
	close_counter(c);
}

static __attribute__((constructor)) void init(void) {
	size_t len = page_bytes();
	void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, len, MADV_WIPEONFORK) == 0 &&
		pthread_key_create(&at_thread_end, on_thread_end) == 0)
		process = page;
	else
		(void)munmap(page, len);
}

/* In a forked child the record is the parent's: its ring isn't mapped here, its list is gone. */
static void start_over(struct counters *c) {
	if (c->generation) {
		c->ring = NULL;
		close_counter(c);
	}
	*c = (struct counters){ .fd = -1, .fd_major = -1, .tid = (pid_t)syscall(SYS_gettid) };
	open_counter(c);
	counters_read(c, &c->base_minor, &c->base_major);
}

static int prepare(struct counters *c) {
	int error = pthread_setspecific(at_thread_end, c);

	if (error) {
		errno = error;
		return -error;
	}
	start_over(c);
	untold_prepare();
	(void)rtmem_prefault(process, page_bytes());
	(void)pthread_mutex_lock(&process->mutex);
	if (!process->generation)
		process->generation = ++last_generation;
	c->generation = process->generation;
	link_counters(c);
	(void)pthread_mutex_unlock(&process->mutex);
	return 0;
}

struct counters *counters_get(void) {
	struct counters *c = &mine;

	if (unlikely(!process)) {
		errno = ENOMEM;
		return NULL;
	}
	if (likely(c->generation && c->generation == process->generation))
		return c;
	return prepare(c) < 0 ? NULL : c;
}

void counters_restart(void) {
	if (!process)
		return;
	(void)pthread_mutex_lock(&process->mutex);
	for (struct counters *c = process->first; c; c = c->next) {
		uint64_t minor, major;

		if (c->fd >= 0 ? !read_events(c, &minor, &major) : !read_thread(c, &minor, &major))
			continue;
		__atomic_store_n(&c->base_minor, minor, __ATOMIC_RELAXED);
		__atomic_store_n(&c->base_major, major, __ATOMIC_RELAXED);
	}
	(void)pthread_mutex_unlock(&process->mutex);
}

/* ---- for programs ------------------------------------------------------------------------------ */

int rtmem_prepare(void) {
	return counters_get() ? 0 : -errno;
}

int rtmem_faults(struct rtmem_fault_count *ret) {
	struct counters *c = counters_get();
	uint64_t minor, major;

	*ret = (struct rtmem_fault_count){ .source = RTMEM_FAULTS_UNKNOWN };
	if (!c)
		return -errno;
	counters_read(c, &minor, &major);
	ret->minor = minor - __atomic_load_n(&c->base_minor, __ATOMIC_RELAXED);
	ret->major = major - __atomic_load_n(&c->base_major, __ATOMIC_RELAXED);
	ret->source = c->source;
	return 0;
}
