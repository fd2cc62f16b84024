/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The launch. The daemon decides everything beforehand and writes it into a sealed memfd; the child is a
 * small separate program. posix_spawn() shares the address space until execve (vfork): nothing is
 * copied, so a daemon with locked memory or many managed processes pays nothing and disturbs nobody.
 * rtmem-exec waits for our byte just before its own execve; until then the fault counters are attached,
 * while it is loaded and walks its plan on another CPU.
 */
#include "daemon/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/handoff.h"
#include "common/strv.h"
#include "daemon/bus/receive.h"
#include "daemon/confine/hands.h"
#include "daemon/launch/cgroup.h"
#include "daemon/launch/output.h"
#include "daemon/launch/starter.h"
#include "daemon/life/end.h"
#include "daemon/life/ready.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/record.h"
#include "daemon/survive/store.h"
#include "daemon/verdict/react.h"
#include "daemon/watch/report.h"
#include "host/facts.h"

/* Our own ends lie above, so that no dup2() in the child overwrites what a later one needs. */
#define FIRST_PARENT_FD 10
#define HELPER_NAME	"rtmem-exec"

#define HASH_OFFSET 0xcbf29ce484222325ull /* FNV-1a, 64 bits */
#define HASH_PRIME  0x100000001b3ull

int launch_hash(const struct plan *plan, uint64_t *ret) {
	_cleanup_free_ void *data = NULL;
	uint64_t hash = HASH_OFFSET;
	size_t size;
	int r = handoff_encode(plan, &data, &size);

	if (r < 0)
		return r;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const unsigned char *)data)[i]) * HASH_PRIME;
	*ret = hash;
	return 0;
}

/* What to change where it's not the policy that is wrong, but the machine that is full. */
static const char *remedy(int error) {
	switch (-error) {
	case EMFILE:
		return "; raise the limit of descriptors of rtmemd (LimitNOFILE= of its unit)";
	case ENFILE:
		return "; raise the sysctl fs.file-max";
	case EAGAIN:
		return "; raise the limit of tasks of rtmemd (TasksMax= of its unit) or the sysctl "
		       "kernel.pid_max";
	default:
		return "";
	}
}

/* Remembers what couldn't be done, unless more is known already; hands the error on. */
static int explain(struct process *p, const char *what, int error) {
	if (error < 0 && !p->failure)
		process_failure(p, "can't %s: %s%s", what, strerror(-error), remedy(error));
	return error;
}

struct gathering {
	const struct process_policy *policy;
	struct facts *facts;
	struct launch_problem *problem;
};

/* What the launcher may do is what the hands may. */
static int gather(void *userdata) {
	const struct gathering *g = userdata;

	return facts_gather(g->policy, g->facts, g->problem);
}

int launch_make_plan(struct process *p, struct plan *ret) {
	_cleanup_facts_free_ struct facts *facts = calloc(1, sizeof(*facts));
	struct launch_problem problem = { .key = NULL };
	char cgroup[PATH_MAX];
	struct gathering gathering = { p->policy, facts, &problem };
	int r;

	if (!facts)
		return -ENOMEM;
	r = hands_do(p->manager->hands, gather, &gathering);
	if (r == 0) {
		facts->launch.limits[RLIMIT_NOFILE] = p->manager->descriptors.given;
		facts->launch.report_fd = CHILD_REPORT_FD;
		facts->launch.runtime_socket = p->manager->notify_path;
		if (cgroup_path_of(&p->manager->cgroups, p->name, cgroup))
			facts->launch.cgroup = cgroup;
		if (p->policy->ready.when == READY_NOTIFY || p->policy->watchdog_usec > 0)
			facts->launch.notify_socket = p->manager->notify_path;
		outputs_set(p->manager->outputs, p->policy, &facts->launch);
		r = launch_plan(p->policy, &facts->launch, ret, &problem);
	}
	if (r < 0)
		process_failure(p, "%s%s%s", problem.key ? problem.key : "",
			problem.key ? ": " : "", problem.text[0] ? problem.text : strerror(-r));
	return r;
}

/* Not the program yet. After an upgrade its file may be another one than ours, or gone. */
bool launch_is_helper(pid_t pid) {
	static const char gone[] = " (deleted)";
	char link[32], target[PATH_MAX + sizeof(gone)], *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0) /* it's ending: not the program, as far as anybody can tell */
		return true;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strlen(name) > strlen(gone) && strcmp(name + strlen(name) - strlen(gone), gone) == 0)
		name[strlen(name) - strlen(gone)] = '\0';
	return strcmp(name, HELPER_NAME) == 0;
}

bool launch_would_differ(struct process *p, uint64_t hash) {
	_cleanup_plan_ struct plan plan = { .n_steps = 0 };
	uint64_t now;

	return launch_make_plan(p, &plan) == 0 && launch_hash(&plan, &now) == 0 && now != hash;
}

static bool plan_has(const struct plan *plan, enum step_kind kind) {
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == kind)
			return true;
	return false;
}

static int raise_fd(int *fd) {
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_PARENT_FD);

	if (high < 0)
		return -errno;
	(void)close_fd(*fd);
	*fd = high;
	return 0;
}

static int make_report_pair(int *ret_ours, int *ret_childs) {
	_cleanup_close_ int ours = -1, childs = -1;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	childs = pair[1];
	receive_refuse_descriptors(ours);
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = raise_fd(&childs);
	if (r < 0)
		return r;
	*ret_ours = TAKE_FD(ours);
	*ret_childs = TAKE_FD(childs);
	return 0;
}

/* The plan clears the environment anyway; rtmem-exec itself shall not see our manager's sockets. */
static int child_environment(char ***ret) {
	static const char *const kept[] = { "PATH", "LANG", NULL };
	_cleanup_strv_ char **env = NULL;

	for (const char *const *key = kept; *key; key++) {
		_cleanup_free_ char *assignment = NULL;
		const char *value = secure_getenv(*key);

		if (!value)
			continue;
		if (asprintf(&assignment, "%s=%s", *key, value) < 0) {
			assignment = NULL;
			return -ENOMEM;
		}
		if (strv_append(&env, assignment) < 0)
			return -ENOMEM;
	}
	if (!env) {
		env = calloc(1, sizeof(*env));
		if (!env)
			return -ENOMEM;
	}
	*ret = TAKE(env);
	return 0;
}

static int spawn_helper(const struct manager *m, int plan_fd, int report_fd, pid_t *ret) {
	static const char plan_number[] = { '0' + CHILD_PLAN_FD, '\0' };
	static const char report_number[] = { '0' + CHILD_REPORT_FD, '\0' };
	const char *argv[] = { "rtmem-exec", "--plan-fd", plan_number, "--report-fd", report_number,
		NULL };
	_cleanup_strv_ char **env = NULL;
	int r = child_environment(&env);

	if (r < 0)
		return r;
	descriptors_use(&m->descriptors, DESCRIPTORS_CHILD);
	r = starter_spawn(m->starter, m->hands,
		&(const struct start){ m->helper, argv, env, plan_fd, report_fd }, ret);
	descriptors_use(&m->descriptors, DESCRIPTORS_PROCESS);
	return r;
}

/* From here on there's a child. Whatever fails closes our end of the socket: rtmem-exec then gives up
 * before it executes anything. */
static int take_over(struct process *p, pid_t pid, int *report_fd, const struct plan *plan) {
	struct run *r;
	int k = run_new(p, pid, &r);

	if (k < 0)
		return explain(p, "watch the new process", k);
	p->run = r;
	r->report_fd = TAKE_FD(*report_fd);
	/* why nobody does it, where nobody does, is told by rtmem-exec */
	r->injection_wanted = plan_has(plan, STEP_INIT);
	r->plan_hash = p->plan_hash;
	faults_attach_new(
		&r->faults, &p->manager->rings, pid, p->policy->children == CHILDREN_INHERIT);
	seal_launched(p);
	react_judge(p);
	k = explain(p, "listen to the new process", report_watch(p));
	if (k >= 0)
		k = explain(p, "set a timer", ready_begin(p));
	if (k >= 0)
		k = explain(p, "write its record to the runtime directory", record_write(p));
	if (k >= 0)
		k = explain(p, "tell rtmem-exec to go on", report_send_byte(p, HANDOFF_GO));
	if (k >= 0)
		store_run(
			p); /* only now: until here our end of the socket must close when we die */
	return k;
}

/* rtmem-exec, which nobody watches, and which hasn't executed anything */
static void give_up(pid_t pid) {
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int launch(struct process *p) {
	_cleanup_plan_ struct plan plan = { .n_steps = 0 };
	_cleanup_close_ int plan_fd = -1, ours = -1, childs = -1;
	pid_t pid = -1;
	int r;

	(void)cgroup_make(p); /* what of it isn't to be had is a finding, no obstacle */
	r = launch_make_plan(p, &plan);

	if (r < 0)
		return r;
	(void)launch_hash(&plan, &p->plan_hash);
	plan_fd = handoff_write(&plan);
	if (plan_fd < 0)
		return explain(p, "write the launch plan", plan_fd);
	r = explain(p, "write the launch plan", raise_fd(&plan_fd));
	if (r == 0)
		r = explain(p, "make the report socket", make_report_pair(&ours, &childs));
	if (r == 0)
		r = explain(p, "start rtmem-exec", spawn_helper(p->manager, plan_fd, childs, &pid));
	if (r < 0)
		return r;
	childs = close_fd(childs);
	r = take_over(p, pid, &ours, &plan);
	if (r < 0 && !p->run)
		give_up(pid);
	if (r == 0)
		log_event(MESSAGE_STARTED, LOG_INFO, p->name, NULL, "started as pid %d", (int)pid);
	return r;
}

void launch_process(struct process *p) {
	int r;

	free(TAKE(p->failure));
	descriptors_use(&p->manager->descriptors, DESCRIPTORS_PROCESS);
	r = launch(p);
	descriptors_use(&p->manager->descriptors, DESCRIPTORS_DAEMON);
	if (r == 0)
		return;
	if (!p->failure)
		process_failure(p, "the launch failed: %s", strerror(-r));
	if (p->run) { /* there is a child, which gives up now; its end is handled as any other */
		log_event(MESSAGE_PLAIN, LOG_ERR, p->name, NULL, "%s", p->failure);
		run_failure(p->run, p->failure);
		p->run->report_source = sd_event_source_disable_unref(p->run->report_source);
		p->run->report_fd = close_fd(p->run->report_fd);
		return;
	}
	end_reached(p, EXIT_CAUSE_NO_LAUNCH);
}
