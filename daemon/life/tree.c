/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes belong to a managed one? Three witnesses, and whoever one of them names belongs to it:
 *  - its control group, where there is one: complete, and good beyond the end of rtmemd;
 *  - descent: the children of the main process, and theirs;
 *  - for those whose parent has ended: rtmemd is a subreaper, so that they come to it as children. Their
 *    environment says whose they are (RTMEM_PROCESS), or else their session, which is the main process's.
 * After a restart of rtmemd orphans of before aren't its children, so all processes of the machine are
 * asked the same; whoever lies about it only brings about its own end. Without a control group, a process
 * that leaves its session, loses its parent and cleans its environment can't be told from a stranger, and
 * is left alone.
 *
 * A signal goes to a process, not to a number: by a pidfd whose process still has the start time seen.
 */
#include "daemon/life/tree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/launch/cgroup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "host/kin.h"
#include "host/process.h"

#define MEMBERS_MAX   4096 /* more than that are killed in rounds */
#define DESCRIBED     3
#define PATIENCE      10 /* pauses in one search */
#define PATIENCE_NSEC 500000

struct search {
	const struct process *p;
	pid_t session; /* 0 = it's nobody's, or somebody else's by now */
	struct members *found;
	unsigned patience;
	char mark[128], socket[PATH_MAX + 16]; /* assignments in the environment of its children */
};

void members_done(struct members *m) {
	free(m->items);
	*m = (struct members){ .n_items = 0 };
}

static bool is_known(const struct members *m, pid_t pid) {
	for (size_t i = 0; i < m->n_items; i++)
		if (m->items[i].pid == pid)
			return true;
	return false;
}

static void add(struct search *s, const struct kin *k) {
	struct members *m = s->found;
	struct member *grown;

	if (m->n_items == MEMBERS_MAX)
		return;
	grown = reallocarray(m->items, m->n_items + 1, sizeof(*grown));
	if (!grown)
		return;
	m->items = grown;
	grown[m->n_items] = (struct member){ .pid = k->pid, .start_ticks = k->start_ticks };
	memcpy(grown[m->n_items++].name, k->name, sizeof(k->name));
}

/* Never ourselves, and never a process that is managed under a name of its own. */
static bool is_candidate(const struct search *s, pid_t pid) {
	return pid > 1 && pid != getpid() && !is_known(s->found, pid) &&
		!manager_find_pid(s->p->manager, pid);
}

static int take(pid_t pid, void *userdata) {
	struct search *s = userdata;
	struct kin k;

	if (is_candidate(s, pid) && kin_read(pid, &k) == 0 && !kin_has_ended(&k))
		add(s, &k);
	return 0;
}

enum answer {
	ANSWER_BLANK, /* no environment, or none yet: in the midst of an execve */
	ANSWER_NONE,
	ANSWER_OTHER,
	ANSWER_OURS,
};

static enum answer ask_environment(const struct search *s, pid_t pid) {
	_cleanup_free_ char *block = NULL;
	size_t size = 0;

	if (environment_read(pid, &block, &size) < 0)
		return ANSWER_NONE;
	if (size == 0)
		return ANSWER_BLANK;
	if (!environment_has(block, size, s->socket))
		return ANSWER_NONE;
	return environment_has(block, size, s->mark) ? ANSWER_OURS : ANSWER_OTHER;
}

static bool is_young(const struct kin *k) {
	struct timespec now;

	return clock_gettime(CLOCK_BOOTTIME, &now) == 0 &&
		(uint64_t)now.tv_sec < k->start_ticks / (uint64_t)sysconf(_SC_CLK_TCK) + 2;
}

/* Who was just forked may be executing its program; that takes less than a millisecond as a rule. */
static enum answer ask_patiently(struct search *s, const struct kin *k) {
	static const struct timespec pause = { .tv_nsec = PATIENCE_NSEC };
	enum answer answer = ask_environment(s, k->pid);

	while (answer == ANSWER_BLANK && s->patience > 0 && is_young(k)) {
		s->patience--;
		(void)nanosleep(&pause, NULL);
		answer = ask_environment(s, k->pid);
	}
	return answer;
}

static int take_marked(pid_t pid, void *userdata) {
	struct search *s = userdata;
	enum answer answer;
	struct kin k;

	if (!is_candidate(s, pid) || kin_read(pid, &k) < 0 || kin_has_ended(&k))
		return 0;
	answer = ask_patiently(s, &k);
	if (answer == ANSWER_OURS ||
		(answer < ANSWER_OTHER && s->session > 0 && k.session == s->session))
		add(s, &k);
	return 0;
}

static int count_child(pid_t pid, void *userdata) {
	++*(size_t *)userdata;
	return 0;
}

/* Whether we have children besides the main processes, without a look at each. */
static bool have_orphans(const struct manager *m) {
	size_t n_children = 0, n_mains = 0;

	(void)process_children(getpid(), count_child, &n_children);
	for (size_t i = 0; i < m->n_processes; i++)
		n_mains += m->processes[i]->run && !m->processes[i]->run->adopted;
	return n_children > n_mains;
}

/* The kernel gives nobody a number that is still a session's. So a leader who lives, and isn't the main
 * process, has come after the last one of ours was gone. */
static pid_t own_session(const struct process *p) {
	struct kin leader;

	if (p->session <= 0 || (p->run && p->run->pid == p->session))
		return p->session;
	return kin_read(p->session, &leader) == 0 && !kin_has_ended(&leader) ? 0 : p->session;
}

static void search_init(struct search *s, const struct process *p, struct members *ret) {
	*ret = (struct members){ .n_items = 0 };
	s->p = p;
	s->session = own_session(p);
	s->found = ret;
	s->patience = PATIENCE;
	snprintf(s->mark, sizeof(s->mark), RTMEM_ENV_PROCESS "=%s", p->name);
	snprintf(s->socket, sizeof(s->socket), RTMEM_ENV_SOCKET "=%s", p->manager->notify_path);
}

void tree_list(const struct process *p, struct members *ret) {
	struct search s;

	search_init(&s, p, ret);
	(void)cgroup_each(p, take, &s);
	if (p->run)
		(void)process_children(p->run->pid, take, &s);
	if (p->session_adopted && cgroup_populated(p) <= 0)
		(void)kin_each(take_marked, &s);
	if (have_orphans(p->manager))
		(void)process_children(getpid(), take_marked, &s);
	for (size_t i = 0; i < ret->n_items; i++)
		(void)process_children(ret->items[i].pid, take, &s);
}

bool tree_has_rest(const struct process *p) {
	struct members members;
	bool any;

	tree_list(p, &members);
	any = members.n_items > 0;
	members_done(&members);
	return any;
}

static int open_member(const struct member *m) {
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, m->pid, 0);
	struct kin k;
	int r;

	if (fd < 0)
		return -errno;
	r = kin_read(m->pid, &k);
	if (r < 0)
		return r;
	return k.start_ticks == m->start_ticks ? TAKE_FD(fd) : -ESRCH;
}

static void send_signal(int pidfd, pid_t pid, int sig) {
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 && errno != ESRCH)
		log_warning("can't send signal %d to pid %d: %s", sig, (int)pid, strerror(errno));
}

void tree_signal_main(const struct process *p, int sig) {
	if (p->run)
		send_signal(p->run->pidfd, p->run->pid, sig);
}

static bool is_among(const struct members *m, const struct member *one) {
	for (size_t i = 0; i < m->n_items; i++)
		if (m->items[i].pid == one->pid && m->items[i].start_ticks == one->start_ticks)
			return true;
	return false;
}

void members_ask(const struct members *all, const struct members *asked, int sig) {
	for (size_t i = 0; i < all->n_items; i++) {
		_cleanup_close_ int fd = -1;

		if (is_among(asked, &all->items[i]))
			continue;
		fd = open_member(&all->items[i]);
		if (fd < 0)
			continue;
		send_signal(fd, all->items[i].pid, sig);
		send_signal(
			fd, all->items[i].pid, SIGCONT); /* a stopped process wouldn't hear it */
	}
}

void tree_kill(struct process *p) {
	static const struct members none;
	struct members members;

	tree_signal_main(p, SIGKILL);
	(void)cgroup_kill(p);
	tree_list(p, &members);
	members_ask(&members, &none, SIGKILL);
	members_done(&members);
}

const char *members_describe(const struct members *m, char buf[static TREE_TEXT_MAX]) {
	size_t used = 0, n = m->n_items < DESCRIBED ? m->n_items : DESCRIBED;

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(buf + used, TREE_TEXT_MAX - used, "%s%s (pid %d)",
			i == 0 ? "" : ", ", m->items[i].name, (int)m->items[i].pid);
	if (n < m->n_items)
		snprintf(buf + used, TREE_TEXT_MAX - used, " and %zu other%s", m->n_items - n,
			m->n_items - n == 1 ? "" : "s");
	return buf;
}

int members_open_one(const struct members *m) {
	int fd = -ESRCH;

	for (size_t i = 0; i < m->n_items && fd < 0; i++)
		fd = open_member(&m->items[i]);
	return fd;
}
