/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What does it cost to compare the settings of the machine with a policy? CPU time of one pass over 30
 * settings, each read and judged, and of finding out who else claims them.
 *
 * usage: bench-verify ROUNDS
 * Prints `WHAT USEC SETTINGS`: the median.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "common/units.h"
#include "host/owners.h"
#include "host/settings.h"
#include "libpolicy/set.h"

#define ROUNDS_MAX 4096

static const char policy[] =
	"version: 1\n"
	"host:\n"
	"  hugepages: { 2M: { node0: 0 }, 1G: { node0: 0 } }\n"
	"  hugepages_surplus: { 2M: 0 }\n"
	"  hugetlbfs: { /mnt/huge: { pages: 2M } }\n"
	"  transparent_hugepage: never\n"
	"  transparent_hugepage_defrag: never\n"
	"  transparent_hugepage_shmem: never\n"
	"  khugepaged: { defrag: off, pages_to_scan: 4096, scan_sleep: 10s, max_ptes_none: 0 }\n"
	"  ksm: off\n"
	"  numa_balancing: off\n"
	"  compaction: { proactive: 0, unevictable: off }\n"
	"  swap: report\n"
	"  overcommit: heuristic\n"
	"  min_free: 64M\n"
	"  watermark: { scale: 10, boost: 15000 }\n"
	"  zone_reclaim: off\n"
	"  lowmem_reserve: [256, 256, 32]\n"
	"  rt_throttling: on\n"
	"  sysctl:\n"
	"    vm.swappiness: 0\n"
	"    vm.dirty_ratio: 20\n"
	"    vm.dirty_background_ratio: 10\n"
	"    vm.stat_interval: 1\n"
	"    vm.max_map_count: 65530\n"
	"    vm.page-cluster: 3\n"
	"    kernel.sched_rt_period_us: 1000000\n";

static double cpu_usec(void) {
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int verify(const struct policy_set *set) {
	_cleanup_settings_ struct settings s = { 0 };

	return settings_diff(set, "", NULL, &s);
}

static int find_owners(const struct policy_set *set) {
	_cleanup_claims_ struct claims claims = { 0 };
	struct owner owners[OWNERS_MAX];
	int r = claims_load("", &claims);

	for (size_t i = 0; i < set->n_wishes && r == 0; i++)
		(void)owners_find(&claims, &set->wishes[i], owners);
	return r;
}

static int measure(const char *what, int (*pass)(const struct policy_set *set),
	const struct policy_set *set, size_t rounds) {
	static double times[ROUNDS_MAX];

	for (size_t i = 0; i < rounds; i++) {
		double start = cpu_usec();
		int r = pass(set);

		if (r < 0) {
			fprintf(stderr, "bench-verify: %s\n", strerror(-r));
			return r;
		}
		times[i] = cpu_usec() - start;
	}
	printf("%s %.1f %zu\n", what, median(times, rounds), set->n_wishes);
	return 0;
}

int main(int argc, char *argv[]) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	uint64_t rounds;

	if (argc != 2 || parse_u64(argv[1], &rounds) < 0 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench-verify ROUNDS\n");
		return 2;
	}
	if (policy_set_parse("bench", policy, strlen(policy), &set, &d) < 0) {
		diagnostics_print(&d, stderr, false);
		return 1;
	}
	if (measure("verify", verify, set, rounds) < 0 ||
		measure("owners", find_owners, set, rounds) < 0)
		return 1;
	return 0;
}
