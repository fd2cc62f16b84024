/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows of `host:`. Most become one wish each, named in `setting` as diff and status name it; names
 * easier to remember than the kernel's share their setting with it, so that a policy can't say both.
 */
#include "libpolicy/fields.h"

#define M(member) offsetof(struct hugetlbfs_policy, member)
#define F(member) offsetof(struct file_policy, member)

#define KIB	 (INT64_C(1) << 10)
#define MSEC	 INT64_C(1000)
#define HOUR	 (INT64_C(3600) * 1000000)
#define ANY_MANY INT64_C(2147483647)

static const struct enum_name drift_names[] = {
	{ "report", 0 },
	{ "reapply", 1 },
	{ NULL, 0 },
};

static const struct enum_name switch_names[] = {
	{ "off", 0 },
	{ "on", 1 },
	{ NULL, 0 },
};

static const struct enum_name ksm_names[] = {
	{ "off", 0 },
	{ "on", 1 },
	{ "unmerge", 2 },
	{ NULL, 0 },
};

static const struct enum_name swap_names[] = {
	{ "off", 0 },
	{ "report", 1 },
	{ NULL, 0 },
};

static const struct enum_name overcommit_names[] = {
	{ "heuristic", 0 },
	{ "always", 1 },
	{ "never", 2 },
	{ NULL, 0 },
};

static const struct enum_name throttling_names[] = {
	{ "off", -1 },
	{ "on", 950000 },
	{ NULL, 0 },
};

static const struct enum_name defrag_names[] = {
	{ "always", 0 },
	{ "defer", 1 },
	{ "defer+madvise", 2 },
	{ "madvise", 3 },
	{ "never", 4 },
	{ NULL, 0 },
};

static const struct enum_name shmem_names[] = {
	{ "always", 0 },
	{ "within_size", 1 },
	{ "advise", 2 },
	{ "never", 3 },
	{ "deny", 4 },
	{ "force", 5 },
	{ NULL, 0 },
};

static const struct enum_name thp_size_names[] = {
	{ "always", 0 },
	{ "inherit", 1 },
	{ "madvise", 2 },
	{ "never", 3 },
	{ NULL, 0 },
};

static const struct enum_name shmem_size_names[] = {
	{ "always", 0 },
	{ "inherit", 1 },
	{ "within_size", 2 },
	{ "advise", 3 },
	{ "never", 4 },
	{ NULL, 0 },
};

static const struct field khugepaged_fields[] = {
	{ "defrag", KIND_WISH_CHOICE, .names = switch_names,
		.setting = "transparent_hugepage.khugepaged.defrag",
		.doc = "Whether the thread may move and free memory to make a huge page.",
		.example = "off" },
	{ "pages_to_scan", KIND_WISH_NUMBER, .min = 1, .max = ANY_MANY, .unit = "pages",
		.setting = "transparent_hugepage.khugepaged.pages_to_scan",
		.doc = "Pages that it looks at in one go.", .example = "4096" },
	{ "scan_sleep", KIND_WISH_MSEC, .min = 0, .max = 24 * HOUR, .unit = "duration",
		.setting = "transparent_hugepage.khugepaged.scan_sleep_millisecs",
		.doc = "Pause between two goes.", .example = "10s" },
	{ "max_ptes_none", KIND_WISH_NUMBER, .min = 0, .max = 65535, .unit = "pages",
		.setting = "transparent_hugepage.khugepaged.max_ptes_none",
		.doc = "Pages not present that it may fill to make a huge page: memory that "
		       "nobody asked for.",
		.example = "0" },
	{ NULL },
};

static const struct field compaction_fields[] = {
	{ "proactive", KIND_WISH_NUMBER, .min = 0, .max = 100, .unit = "percent",
		.setting = "sysctl.vm.compaction_proactiveness",
		.doc = "How eagerly the kernel compacts memory ahead of need; 0 = not at all. It "
		       "moves pages of running programs.",
		.example = "0" },
	{ "unevictable", KIND_WISH_CHOICE, .names = switch_names,
		.setting = "sysctl.vm.compact_unevictable_allowed",
		.doc = "Whether compaction may move locked pages, which makes them fault. Set after "
		       "the huge pages of the policy, which may need it.",
		.example = "off" },
	{ NULL },
};

static const struct field watermark_fields[] = {
	{ "scale", KIND_WISH_NUMBER, .min = 1, .max = 3000, .unit = "ten-thousandths of memory",
		.setting = "sysctl.vm.watermark_scale_factor",
		.doc = "Distance between the marks at which the kernel begins and ends to free "
		       "memory in the background.",
		.example = "100" },
	{ "boost", KIND_WISH_NUMBER, .min = 0, .max = 65535, .unit = "ten-thousandths",
		.setting = "sysctl.vm.watermark_boost_factor",
		.doc = "How much more is freed after memory got fragmented; 0 = none.",
		.example = "0" },
	{ NULL },
};

const struct field hugetlbfs_fields[] = {
	{ "pages", KIND_SIZE, .offset = M(page_bytes), .min = 64 * KIB, .max = 16 * KIB * KIB * KIB,
		.fallback = "2M", .unit = "bytes", .doc = "Size of the pages.", .example = "1G" },
	{ "owner", KIND_IDENTITY, .offset = M(owner), .fallback = "root",
		.doc = "User that the directory belongs to.", .example = "robot" },
	{ "group", KIND_IDENTITY, .offset = M(group), .fallback = "root",
		.doc = "Group that the directory belongs to.", .example = "video" },
	{ "mode", KIND_MODE, .offset = M(mode),
		.doc = "Who may use it: the directory's mode, in quotes; not set: 0755.",
		.example = "\"0770\"" },
	{ NULL },
};

const struct field host_fields[] = {
	{ "hugepages", KIND_HUGEPAGES, .max = 16, .unit = "pages", .setting = "hugepages",
		.doc = "Huge pages to reserve: size and number, or size and a number per NUMA node.",
		.example = "{ 2M: 64, 1G: { node0: 1 } }" },
	{ "hugepages_surplus", KIND_SURPLUS, .max = 16, .unit = "pages",
		.setting = "hugepages_surplus",
		.doc = "Huge pages that the kernel may make beyond the reserve when a program asks, "
		       "if it finds memory for them.",
		.example = "{ 2M: 16 }" },
	{ "hugetlbfs", KIND_HUGETLBFS, .max = 16, .keys = hugetlbfs_fields, .setting = "hugetlbfs",
		.doc = "Directories through which programs map huge pages as files. Mounted if "
		       "nothing is there; what somebody else mounted is never unmounted.",
		.example = "{ /mnt/huge: { pages: 2M, mode: \"0770\" } }" },
	{ "transparent_hugepage", KIND_WISH_WORD, .names = host_thp_names,
		.setting = "transparent_hugepage",
		.doc = "Transparent huge pages of the whole machine.", .example = "never" },
	{ "transparent_hugepage_defrag", KIND_WISH_WORD, .names = defrag_names,
		.setting = "transparent_hugepage.defrag",
		.doc = "Whether a page fault waits until memory was compacted for a huge page.",
		.example = "never" },
	{ "transparent_hugepage_shmem", KIND_WISH_WORD, .names = shmem_names,
		.setting = "transparent_hugepage.shmem_enabled",
		.doc = "Transparent huge pages in shared memory and tmpfs.", .example = "never" },
	{ "transparent_hugepage_sizes", KIND_WISH_SIZES, .max = 16, .names = thp_size_names,
		.setting = "transparent_hugepage.size",
		.doc = "Transparent huge pages of one size. inherit: as transparent_hugepage says; "
		       "any other word counts whatever that says.",
		.example = "{ 64K: never, 2M: inherit }" },
	{ "transparent_hugepage_shmem_sizes", KIND_WISH_SIZES, .max = 16, .names = shmem_size_names,
		.setting = "transparent_hugepage.shmem_size",
		.doc = "The same in shared memory and tmpfs; inherit: as "
		       "transparent_hugepage_shmem says.",
		.example = "{ 64K: never, 2M: inherit }" },
	{ "khugepaged", KIND_MAPPING, .keys = khugepaged_fields,
		.doc = "The kernel's thread that turns pages of running programs into huge ones." },
	{ "ksm", KIND_WISH_CHOICE, .names = ksm_names, .setting = "ksm.run",
		.doc = "Merging of equal pages, after which a write faults. unmerge: off, and what "
		       "was merged is taken apart.",
		.example = "unmerge" },
	{ "numa_balancing", KIND_WISH_CHOICE, .names = switch_names,
		.setting = "sysctl.kernel.numa_balancing",
		.doc = "Moving of pages to the node that uses them, found out by making them fault.",
		.example = "off" },
	{ "compaction", KIND_MAPPING, .keys = compaction_fields,
		.doc = "Moving of pages to get larger free blocks." },
	{ "swap", KIND_WISH_WORD, .names = swap_names, .setting = "swap",
		.doc = "off: all swap is taken out of use. report: swap in use is drift, and left "
		       "as it is.",
		.example = "off" },
	{ "overcommit", KIND_WISH_CHOICE, .names = overcommit_names,
		.setting = "sysctl.vm.overcommit_memory",
		.doc = "Whether programs may allocate more than there is. never makes allocations "
		       "fail instead of being killed later.",
		.example = "heuristic" },
	{ "min_free", KIND_WISH_KIB, .min = 128 * KIB, .max = 64 * KIB * KIB * KIB, .unit = "bytes",
		.setting = "sysctl.vm.min_free_kbytes",
		.doc = "Memory that the kernel keeps free for what can't wait.", .example = "64M" },
	{ "watermark", KIND_MAPPING, .keys = watermark_fields,
		.doc = "When the kernel frees memory in the background." },
	{ "zone_reclaim", KIND_WISH_CHOICE, .names = switch_names,
		.setting = "sysctl.vm.zone_reclaim_mode",
		.doc = "Whether a NUMA node frees memory before another node is asked.",
		.example = "off" },
	{ "lowmem_reserve", KIND_WISH_NUMBERS, .min = 1, .max = 8,
		.setting = "sysctl.vm.lowmem_reserve_ratio",
		.doc = "How much of the lower zones is kept for what needs them, one divisor per "
		       "zone; matters on 32-bit machines with locked memory.",
		.example = "[256, 256, 32, 0]" },
	{ "rt_throttling", KIND_WISH_CHOICE, .names = throttling_names,
		.setting = "sysctl.kernel.sched_rt_runtime_us",
		.doc = "Whether real-time threads leave 5% of each second to others. off: one that "
		       "never sleeps takes its CPU for ever.",
		.example = "on" },
	{ "lock_files", KIND_FILE_PATTERNS, .offset = F(lock_files), .min = 1, .max = 64,
		.doc = "Files kept in memory, with the libraries that programs among them need: "
		       "started and read without waiting for storage. A helper process, lock_files, "
		       "holds them.",
		.example = "[/usr/bin/recover, /opt/robot/lib/*.so]" },
	{ "sysctl", KIND_SYSCTL, .max = 256,
		.doc = "Settings below /proc/sys, by their dotted names: vm.* and kernel.*, and what "
		       "sysctl_allow names.",
		.example = "{ vm.swappiness: 0 }" },
	{ "sysctl_allow", KIND_SYSCTL_NAMES, .offset = F(sysctl_allow), .max = 64,
		.doc = "Other sysctl names that this file may set; * stands for any one part. They have "
		       "nothing to do with memory: each use is a warning.",
		.example = "[net.core.rmem_max]" },
	{ "drift", KIND_DRIFT, .max = 256, .names = drift_names,
		.doc = "What is done when somebody else changes a setting of this file. report: it's "
		       "told. reapply: it's set again, at longer and longer intervals, until it's "
		       "clear that somebody means it. A mapping says it for single settings, named "
		       "as rtmemctl diff shows them; default is the rest. report if not set.",
		.example = "{ default: report, sysctl.vm.swappiness: reapply }" },
	{ NULL },
};
