/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/fields.h"

#include <string.h>
#include <sys/resource.h>

#define P(member) offsetof(struct process_policy, member)
#define F(member) offsetof(struct file_policy, member)

#define KIB	 (INT64_C(1) << 10)
#define MIB	 (INT64_C(1) << 20)
#define GIB	 (INT64_C(1) << 30)
#define TIB	 (INT64_C(1) << 40)
#define MSEC	 INT64_C(1000)
#define HOUR	 (INT64_C(3600) * 1000000)
#define ANY_SIZE (INT64_C(1) << 62)

static const struct field scheduling_fields[] = {
	{ "policy", KIND_ENUM, .offset = P(scheduling.policy), .names = scheduler_names,
		.doc = "Scheduler of the process. fifo and rr are the real-time ones and need a "
		       "priority.",
		.example = "fifo" },
	{ "priority", KIND_INTEGER, .offset = P(scheduling.priority), .min = 1, .max = 99,
		.doc = "Real-time priority; 99 is the highest. Only with fifo and rr. Above about "
		       "90 the program competes with threads of the kernel.",
		.example = "80" },
	{ "nice", KIND_INTEGER, .offset = P(scheduling.nice), .set_offset = P(scheduling.nice_set),
		.min = -20, .max = 19,
		.doc = "Nice value with other and batch; -20 is the most favoured.",
		.example = "-5" },
	{ "cpus", KIND_CPUS, .offset = P(scheduling.cpus), .set_offset = P(scheduling.cpus_set),
		.unit = "CPU list",
		.doc = "CPUs that the program may run on. With commas it wants quotes.",
		.example = "\"2-3,6\"" },
	{ NULL },
};

static const struct field heap_fields[] = {
	{ "prealloc", KIND_SIZE, .offset = P(memory.heap.prealloc_bytes), .max = TIB,
		.fallback = "0", .unit = "bytes",
		.doc = "Free heap made present and locked before main(). Within it, "
		       "malloc and free take no page fault and make no memory-map call, from any "
		       "thread.",
		.example = "150M" },
	{ "arenas", KIND_COUNT, .offset = P(memory.heap.arenas), .min = 1, .max = 64,
		.doc = "Arenas of the allocator. With 1 all threads share the preallocated heap; "
		       "more avoid waiting for one another but reserve 64M each (glibc), and share "
		       "prealloc between them. Not set: 1 with glibc, four for each CPU with "
		       "jemalloc.",
		.example = "1" },
	{ "allocator", KIND_ENUM, .offset = P(memory.heap.allocator), .names = allocator_names,
		.fallback = "glibc",
		.doc = "Which malloc the program runs with. glibc suits one real-time thread; where "
		       "several threads allocate, jemalloc or mimalloc keep a real-time thread from "
		       "waiting for the lock of an arena. They come from the distribution's package "
		       "and are loaded with settings that never give memory back.",
		.example = "jemalloc" },
	{ "pages", KIND_ENUM, .offset = P(memory.heap.pages), .names = heap_pages_names,
		.fallback = "default",
		.doc = "Page size of the heap. 2M and 1G take pages that host.hugepages has "
		       "reserved.",
		.example = "2M" },
	{ "pages_fallback", KIND_ENUM, .offset = P(memory.heap.pages_fallback),
		.names = pages_fallback_names, .fallback = "refuse",
		.doc = "What happens when there are too few huge pages for the heap: refuse starts "
		       "nothing, allow uses the system's page size and says so.",
		.example = "refuse" },
	{ NULL },
};

static const struct field stack_fields[] = {
	{ "main", KIND_SIZE, .offset = P(memory.stack.main_bytes), .max = GIB, .fallback = "1M",
		.unit = "bytes",
		.doc = "Depth of the main thread's stack made present before main(). Locking alone "
		       "doesn't do that. 0 leaves it.",
		.example = "1M" },
	{ "threads", KIND_SIZE, .offset = P(memory.stack.threads_bytes), .max = GIB,
		.fallback = "0", .unit = "bytes",
		.doc = "Default size of other threads' stacks; under a full lock each is present as "
		       "a whole. 0 leaves glibc's default (8M as a rule).",
		.example = "256K" },
	{ "expected_threads", KIND_COUNT, .live = true, .offset = P(memory.stack.expected_threads),
		.max = 32768, .fallback = "8",
		.doc = "Threads beside the main one that the memlock budget reckons with.",
		.example = "8" },
	{ "reserve", KIND_COUNT, .offset = P(memory.stack.reserve), .max = 1024, .fallback = "0",
		.doc = "Stacks of threads made ahead, of the default size. A thread created later "
		       "takes one of them: neither it nor its creator waits for new pages.",
		.example = "4" },
	{ "margin", KIND_SIZE, .live = true, .offset = P(memory.stack.margin_bytes), .max = GIB,
		.fallback = "0", .unit = "bytes",
		.doc = "How much of each thread's stack has to stay unused; less is a finding.",
		.example = "16K" },
	{ NULL },
};

static const struct field memory_fields[] = {
	{ "lock", KIND_ENUM, .offset = P(memory.lock), .names = lock_names, .fallback = "strict",
		.doc = "What is locked, and when. strict: all memory, now and in future, and the program doesn't run if that "
		       "fails. balanced: what is there once the program is ready; later growth "
		       "can't fail but may fault. onfault: each page stays once touched, for "
		       "runtimes that reserve much address space. none: no lock.",
		.example = "strict" },
	{ "heap", KIND_MAPPING, .offset = P(memory.heap.place), .keys = heap_fields,
		.doc = "The heap of malloc." },
	{ "stack", KIND_MAPPING, .offset = P(memory.stack.place), .keys = stack_fields,
		.doc = "Stacks of the main and the other threads." },
	{ "seal", KIND_ENUM, .offset = P(memory.seal), .names = seal_names, .fallback = "off",
		.doc = "Calls that change the memory map once the program is ready (mmap, munmap, brk, mprotect, "
		       "mremap, madvise, fork). off: they are the program's business. report: they are counted "
		       "per thread, and are a finding. deny: they fail, as if there were no memory (ENOMEM), "
		       "on locked memory (madvise: EINVAL) or without the right to (fork, exec: EPERM), and "
		       "are a finding too.",
		.example = "report" },
	{ "thp", KIND_ENUM, .offset = P(memory.thp), .names = thp_names, .fallback = "off",
		.doc = "Transparent huge pages of the process. off keeps them, and the kernel thread that makes them, "
		       "away from this process. default leaves the machine's setting.",
		.example = "off" },
	{ "host_reserve", KIND_SIZE, .live = true, .offset = P(memory.host_reserve_bytes),
		.max = TIB, .fallback = "64M", .unit = "bytes",
		.doc = "Memory that has to stay available on the machine when heap and stacks are "
		       "made present; a program that would take more isn't started.",
		.example = "256M" },
	{ NULL },
};

#define LIMIT_OF(field_kind, follows, name, resource, highest, what, text, sample)                 \
	{                                                                                          \
		name, field_kind, .live = (follows), .offset = P(limits[resource]),                \
				  .max = (highest), .unit = (what), .doc = text, .example = sample \
	}
#define LIMIT_SIZE(name, resource, text, sample) \
	LIMIT_OF(KIND_LIMIT_SIZE, true, name, resource, ANY_SIZE, "bytes", text, sample)
#define LIMIT_COUNT(name, resource, highest, what, text, sample) \
	LIMIT_OF(KIND_LIMIT_COUNT, true, name, resource, highest, what, text, sample)
/* What the program, or the C library in it, takes from it at its start */
#define LAUNCH_LIMIT_SIZE(name, resource, text, sample) \
	LIMIT_OF(KIND_LIMIT_SIZE, false, name, resource, ANY_SIZE, "bytes", text, sample)

static const struct field limit_fields[] = {
	LIMIT_SIZE("as", RLIMIT_AS, "Address space.", "4G"),
	LAUNCH_LIMIT_SIZE("core", RLIMIT_CORE,
		"Core files. 0 turns them off, and makes the process non-dumpable so that a piped "
		"core pattern gets none either.",
		"0"),
	LIMIT_COUNT("cpu", RLIMIT_CPU, INT32_MAX, "seconds", "CPU time.", "unlimited"),
	LIMIT_SIZE("data", RLIMIT_DATA, "Data segment: heap and private writable mappings.", "1G"),
	LIMIT_SIZE("fsize", RLIMIT_FSIZE, "Size of files written.", "unlimited"),
	LIMIT_COUNT(
		"locks", RLIMIT_LOCKS, INT32_MAX, NULL, "File locks (old kernels).", "unlimited"),
	LIMIT_SIZE("memlock", RLIMIT_MEMLOCK,
		"Locked memory. Where memory is locked and this isn't set, it's raised to unlimited "
		"if that's allowed.",
		"unlimited"),
	LIMIT_SIZE("msgqueue", RLIMIT_MSGQUEUE, "POSIX message queues.", "800K"),
	LIMIT_COUNT("nice", RLIMIT_NICE, 40, NULL,
		"Highest nice value the program may ask for: 20 minus the value.", "40"),
	LIMIT_COUNT(
		"nofile", RLIMIT_NOFILE, 1 << 30, "descriptors", "Open file descriptors.", "4096"),
	LIMIT_COUNT("nproc", RLIMIT_NPROC, INT32_MAX, NULL, "Processes and threads of the user.",
		"512"),
	LIMIT_SIZE("rss", RLIMIT_RSS, "Resident set; Linux ignores it.", "unlimited"),
	LIMIT_COUNT("rtprio", RLIMIT_RTPRIO, 99, NULL,
		"Highest real-time priority that the program may give its threads.", "80"),
	LIMIT_COUNT("rttime", RLIMIT_RTTIME, ANY_SIZE, "microseconds",
		"CPU time that a real-time thread may take without a blocking call.", "unlimited"),
	LIMIT_COUNT("sigpending", RLIMIT_SIGPENDING, INT32_MAX, NULL, "Queued signals.", "4096"),
	LAUNCH_LIMIT_SIZE("stack", RLIMIT_STACK,
		"Stack of the main thread. Its value is also glibc's default for other threads "
		"unless memory.stack.threads is set. unlimited is refused.",
		"8M"),
	{ NULL },
};

const struct field process_fields[] = {
	{ "inherits", KIND_INHERITS, .max = INHERITS_MAX,
		.doc = "Profiles that this one starts from; the later wins. Mappings are merged key "
		       "by key, everything else is replaced.",
		.example = "[realtime, logging]" },
	{ "command", KIND_ARGUMENTS, .offset = P(command), .min = 1, .max = 4096,
		.doc = "Program and arguments, one text each. No shell is involved. A name without "
		       "a slash is looked up in PATH.",
		.example = "[/usr/bin/camera-node, --fps, \"60\"]" },
	{ "user", KIND_IDENTITY, .offset = P(user),
		.doc = "Name or number of the user to run as; not set: the launcher's own.",
		.example = "robot" },
	{ "group", KIND_IDENTITY, .offset = P(group),
		.doc = "Name or number of the group; not set: the user's primary one.",
		.example = "video" },
	{ "groups", KIND_IDENTITIES, .offset = P(groups), .max = 64,
		.doc = "Supplementary groups; not set: those of the user database.",
		.example = "[video, dialout]" },
	{ "environment", KIND_ENVIRONMENT, .offset = P(environment), .max = 128,
		.doc = "Variables of the program. Values are text: numbers want quotes.",
		.example = "{ ROS_DOMAIN_ID: \"7\" }" },
	{ "environment_files", KIND_FILES, .offset = P(environment_files), .max = 16,
		.doc = "Files of KEY=VALUE lines, read at each launch; the later wins, and environment wins over "
		       "all. A \"-\" before the path: the file may be missing.",
		.example = "[/etc/default/camera, -/etc/default/camera.local]" },
	{ "working_directory", KIND_PATH, .offset = P(working_directory),
		.doc = "Absolute path that the program starts in. Not set: / under rtmemd, the caller's "
		       "directory with `rtmemctl run`.",
		.example = "/var/lib/robot" },
	{ "umask", KIND_MODE, .offset = P(umask), .set_offset = P(umask_set),
		.doc = "Permissions that files created by the program don't get. Not set: \"0022\" under rtmemd, "
		       "the caller's with `rtmemctl run`.",
		.example = "\"0027\"" },
	{ "capabilities", KIND_CAPABILITIES, .offset = P(capabilities),
		.set_offset = P(capabilities_set), .max = 64,
		.doc = "Capabilities that the program holds. As ambient ones, they need no setcap, and "
		       "libraries are still found. Not set: none for a user, all for root.",
		.example = "[ipc_lock, sys_nice]" },
	{ "limits", KIND_MAPPING, .offset = 0, .keys = limit_fields,
		.doc = "Resource limits, soft and hard alike." },
	{ "oom_score_adjust", KIND_INTEGER, .live = true, .offset = P(oom_score_adjust),
		.set_offset = P(oom_score_adjust_set), .min = -1000, .max = 1000,
		.doc = "How soon the kernel kills this process when memory runs out; -1000 never.",
		.example = "-900" },
	{ "scheduling", KIND_MAPPING, .offset = P(scheduling.place), .keys = scheduling_fields,
		.doc = "Scheduler, priority and CPUs." },
	{ "memory", KIND_MAPPING, .offset = P(memory.place), .keys = memory_fields,
		.doc = "Locking, heap and stacks: what makes the program free of page faults." },
	{ "cgroup", KIND_MAPPING, .offset = P(cgroup.place), .keys = cgroup_fields,
		.doc = "Memory control by the kernel's cgroup v2, where the machine has it." },
	{ "inject", KIND_ENUM, .offset = P(inject), .names = inject_names, .fallback = "auto",
		.doc = "How memory is locked inside the program. preload: by a library that the dynamic "
		       "loader takes in. ptrace: at the first instruction, for programs that take no "
		       "library (static, Go, musl, setuid, file capabilities). auto: by the library "
		       "where that works, else by ptrace. none: not at all.",
		.example = "ptrace" },
	{ "fork", KIND_ENUM, .offset = P(fork), .names = fork_names, .fallback = "report",
		.doc = "What happens when the program forks after it is ready, which makes its own "
		       "locked pages fault again. allow: nothing. report: a finding that names thread "
		       "and place. precopy: the pages are copied before fork() returns. deny: fork() "
		       "fails with EPERM.",
		.example = "deny" },
	{ "children", KIND_ENUM, .offset = P(children), .names = children_names, .fallback = "none",
		.doc = "Whether the processes that the program forks and the programs that it starts are "
		       "locked too (inherit), or are left alone (none).",
		.example = "inherit" },
	{ "after", KIND_PROCESS_NAMES, .live = true, .offset = P(after), .max = 64,
		.doc = "Processes that have to be ready before this one is started at boot or after a reload. One "
		       "that fails doesn't hold this one up.",
		.example = "[broker]" },
	{ "ready", KIND_MAPPING, .offset = P(ready.place), .keys = ready_fields,
		.doc = "When the program's start is over and faults begin to count." },
	{ "compliance", KIND_MAPPING, .offset = P(compliance.place), .keys = compliance_fields,
		.doc = "What is checked while the program runs." },
	{ "restart", KIND_MAPPING, .offset = P(restart.place), .keys = restart_fields,
		.doc = "Starting it again after it ended." },
	{ "stop", KIND_MAPPING, .offset = P(stop.place), .keys = stop_fields,
		.doc = "Ending it when asked." },
	{ "watchdog", KIND_DURATION, .offset = P(watchdog_usec), .max = HOUR, .fallback = "0",
		.unit = "duration",
		.doc = "The program says WATCHDOG=1 (sd_notify) at least this often once it is ready; if it "
		       "doesn't, it is ended by SIGABRT, which counts as a failure. 0 = no watchdog.",
		.example = "5s" },
	{ "output", KIND_MAPPING, .offset = P(output.place), .keys = output_fields,
		.doc = "Where standard output and standard error go." },
	{ "on_change", KIND_ENUM, .live = true, .offset = P(on_change), .names = on_change_names,
		.fallback = "report",
		.doc = "What `rtmemctl apply` does when the policy changed in a way that only a new launch can "
		       "follow. report: says so; the process goes on as it was started. restart: restarts it.",
		.example = "restart" },
	{ NULL },
};

const struct field file_fields[] = {
	{ "version", KIND_VERSION, .offset = F(version), .min = LANGUAGE_VERSION,
		.max = LANGUAGE_VERSION, .doc = "Version of the policy language; required.",
		.example = "1" },
	{ "host", KIND_MAPPING, .offset = F(host_place), .keys = host_fields,
		.doc = "Settings of the machine. Only what is named here is touched." },
	{ "defaults", KIND_PROCESS, .offset = F(defaults), .keys = process_fields,
		.doc = "Keys of a process that every process of this file starts from; weaker than "
		       "inherits." },
	{ "profiles", KIND_PROCESSES, .offset = F(profiles), .max = PROCESSES_MAX,
		.keys = process_fields,
		.doc = "Named sets of process keys for inherits, in all files of the policy." },
	{ "processes", KIND_PROCESSES, .offset = F(processes), .max = PROCESSES_MAX,
		.keys = process_fields, .doc = "The programs to run, by name." },
	{ NULL },
};

const struct field *field_find(const struct field *table, const char *name) {
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}
