/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-text FILE: prints the launch plan of each process in a policy file, under facts that are the
 * same everywhere. Facts are changed by words behind the file: `unprivileged`, `foreground`,
 * `resource` (with CAP_SYS_RESOURCE), `confined` (a small bounding set), `no-library`, `daemon`; and
 * the program by `static`, `go`, `setuid`, `sanitized`.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "common/capability.h"
#include "common/plan.h"
#include "libpolicy/diagnostic.h"
#include "libpolicy/launch.h"
#include "libpolicy/set.h"

#define ALL_CAPABILITIES (CAPABILITY_BIT(CAP_CHECKPOINT_RESTORE + 1) - 1)
#define NOBODY		 65534

static gid_t groups[] = { 1000, 44 };

static void become_unprivileged(struct launch_facts *f) {
	f->capabilities_effective = 0;
	f->launcher_uid = 1000;
	f->launcher_gid = 1000;
	f->uid = 1000;
	if (f->gid == 0)
		f->gid = 1000;
}

static void become_foreground(struct launch_facts *f) {
	f->foreground = true;
}

static void gain_resource(struct launch_facts *f) {
	f->capabilities_effective |= CAPABILITY_BIT(CAP_SYS_RESOURCE);
}

static void become_confined(struct launch_facts *f) {
	f->capabilities_bounding = CAPABILITY_BIT(CAP_SETUID) | CAPABILITY_BIT(CAP_SETGID);
	f->capabilities_effective = f->capabilities_bounding;
}

static void lose_library(struct launch_facts *f) {
	f->init_library = NULL;
}

static void have_daemon(struct launch_facts *f) {
	f->report_fd = 5;
	f->notify_socket = "/run/rtmem/notify";
}

static void link_statically(struct launch_facts *f) {
	f->target_known = true;
	f->target = (struct preflight){ .obstacle = OBSTACLE_STATIC, .glibc = true };
}

static void write_in_go(struct launch_facts *f) {
	f->target_known = true;
	f->target = (struct preflight){ .obstacle = OBSTACLE_STATIC, .runtime = RUNTIME_GO };
}

static void make_setuid(struct launch_facts *f) {
	f->target_known = true;
	f->target = (struct preflight){ .obstacle = OBSTACLE_SETUID,
		.glibc = true,
		.gains_rights = true,
		.capabilities = UINT64_MAX };
}

static void sanitize(struct launch_facts *f) {
	f->target_known = true;
	f->target = (struct preflight){ .obstacle = OBSTACLE_SANITIZER, .glibc = true };
}

static void have_surroundings(struct launch_facts *f) {
	static char *variables[] = { (char *)"ROS_DOMAIN_ID=1", (char *)"FROM_FILE=two words",
		NULL };

	f->environment = variables;
	f->cgroup = "/sys/fs/cgroup/system.slice/rtmem-processes.service/everything";
}

static const struct {
	const char *word;
	void (*change)(struct launch_facts *f);
} changes[] = {
	{ "unprivileged", become_unprivileged },
	{ "foreground", become_foreground },
	{ "resource", gain_resource },
	{ "confined", become_confined },
	{ "no-library", lose_library },
	{ "daemon", have_daemon },
	{ "surroundings", have_surroundings },
	{ "static", link_statically },
	{ "go", write_in_go },
	{ "setuid", make_setuid },
	{ "sanitized", sanitize },
};

static struct launch_facts facts_of(const struct process_policy *p) {
	struct launch_facts f = {
		.capabilities_effective = ALL_CAPABILITIES & ~CAPABILITY_BIT(CAP_SYS_RESOURCE),
		.capabilities_bounding = ALL_CAPABILITIES & ~CAPABILITY_BIT(CAP_SYS_RESOURCE),
		.language = "C.UTF-8",
		.init_library = "/usr/lib/rtmem/librtmem-init.so",
		.home = "/root",
		.login = "root",
		.shell = "/bin/sh",
		.report_fd = -1,
	};

	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		f.limits[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	f.limits[RLIMIT_MEMLOCK] = (struct rlimit){ 8 << 20, 8 << 20 };
	f.limits[RLIMIT_STACK] = (struct rlimit){ 8 << 20, RLIM_INFINITY };
	f.limits[RLIMIT_NOFILE] = (struct rlimit){ 1024, 4096 };
	f.limits[RLIMIT_RTPRIO] = (struct rlimit){ 0, 0 };
	f.limits[RLIMIT_NICE] = (struct rlimit){ 0, 0 };
	if (p->user) {
		f.user_resolved = true;
		f.uid = 1000;
		f.gid = 1000;
		f.groups = groups;
		f.n_groups = ARRAY_LEN(groups);
		f.home = "/home/robot";
		f.login = "robot";
	}
	if (p->group)
		f.gid = NOBODY;
	return f;
}

static int change_facts(struct launch_facts *f, int n_words, char *words[]) {
	for (int i = 0; i < n_words; i++) {
		size_t j = 0;

		while (j < ARRAY_LEN(changes) && strcmp(changes[j].word, words[i]) != 0)
			j++;
		if (j == ARRAY_LEN(changes)) {
			fprintf(stderr, "plan-text: no change is called %s\n", words[i]);
			return -EINVAL;
		}
		changes[j].change(f);
	}
	return 0;
}

static void print_plan(const struct plan *plan) {
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct step *s = &plan->steps[i];
		char text[4096];

		printf("  %-13s %s%s%s%s\n", step_kind_to_string(s->kind),
			step_describe(s, text, sizeof(text)), s->key ? "  <- " : "",
			s->key ? s->key : "", s->optional ? " (optional)" : "");
		if (s->why)
			printf("                %s\n", s->why);
	}
}

static int print_process(const struct process_policy *p, int n_words, char *words[]) {
	_cleanup_plan_ struct plan plan = { 0 };
	struct launch_problem problem;
	struct launch_facts f = facts_of(p);
	int r = change_facts(&f, n_words, words);

	if (r < 0)
		return r;
	printf("%s:\n", p->name);
	r = launch_plan(p, &f, &plan, &problem);
	if (r < 0 && !problem.text[0])
		return r;
	if (r < 0)
		printf("  refused (%s): %s: %s\n", strerror(-r), problem.key, problem.text);
	else
		print_plan(&plan);
	return 0;
}

int main(int argc, char *argv[]) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	char *paths[] = { argc > 1 ? argv[1] : NULL, NULL };
	int r;

	if (argc < 2)
		return 2;
	r = policy_set_load(paths, 0, &set, &d);
	diagnostics_print(&d, stderr, false);
	for (size_t i = 0; r == 0 && i < set->n_processes; i++)
		r = print_process(&set->processes[i], argc - 2, argv + 2);
	return r < 0;
}
