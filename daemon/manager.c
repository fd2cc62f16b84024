/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The boot story, and the tables. manager_run() reads in order: what is needed of the machine, the
 * policies, the sockets, the processes, the loop. Ending leaves the processes alone.
 */
#include "daemon/manager.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "common/paths.h"
#include "config.h"
#include "daemon/bus/news.h"
#include "daemon/bus/rights.h"
#include "daemon/bus/server.h"
#include "daemon/bus/system-bus.h"
#include "daemon/confine/confine.h"
#include "daemon/confine/hands.h"
#include "daemon/host/host.h"
#include "daemon/launch/cgroup.h"
#include "daemon/launch/output.h"
#include "daemon/launch/starter.h"
#include "daemon/life/order.h"
#include "daemon/life/reap.h"
#include "daemon/log.h"
#include "daemon/reload/apply.h"
#include "daemon/reload/config-watch.h"
#include "daemon/runtime.h"
#include "daemon/self.h"
#include "daemon/survive/record.h"
#include "daemon/watch/notify.h"
#include "daemon/watch/sample.h"

#define LOOP_PAUSE_NSEC	  10000000
#define LOOP_FAILURES_MAX 500 /* in a row: five seconds */

struct process *manager_find(const struct manager *m, const char *name) {
	for (size_t i = 0; i < m->n_processes; i++)
		if (strcmp(m->processes[i]->name, name) == 0)
			return m->processes[i];
	return NULL;
}

static bool has_pid(const struct manager *m, size_t i, pid_t pid) {
	return i < m->n_processes && m->processes[i]->run && m->processes[i]->run->pid == pid;
}

/* A hint is only where to look first: nobody has to keep it true. */
struct process *manager_find_pid(const struct manager *m, pid_t pid) {
	uint32_t *hint = m->pid_hints ? &m->pid_hints[(uint32_t)pid % PID_HINTS] : NULL;

	if (hint && has_pid(m, *hint, pid))
		return m->processes[*hint];
	for (size_t i = 0; i < m->n_processes; i++)
		if (has_pid(m, i, pid)) {
			if (hint)
				*hint = (uint32_t)i;
			return m->processes[i];
		}
	return NULL;
}

int manager_add(struct manager *m, struct process *p) {
	struct process **grown = realloc(
		m->processes, (m->n_processes + 1) * sizeof(struct process *));

	if (!grown)
		return -ENOMEM;
	m->processes = grown;
	m->processes[m->n_processes++] = p;
	news_added(p);
	m->changed = true;
	return 0;
}

void manager_remove(struct manager *m, struct process *p) {
	size_t i = 0;

	while (i < m->n_processes && m->processes[i] != p)
		i++;
	if (i == m->n_processes)
		return;
	news_removed(p);
	m->n_processes--;
	memmove(&m->processes[i], &m->processes[i + 1],
		(m->n_processes - i) * sizeof(struct process *));
	m->changed = true;
}

size_t manager_host_drift(const struct manager *m) {
	size_t n = 0;

	for (size_t i = 0; i < m->host.n_items; i++)
		n += m->host.items[i].result == SETTING_DRIFT;
	return n;
}

const char *manager_state(const struct manager *m) {
	bool violating = false, pending = false;

	if (manager_host_drift(m) > 0)
		return "degraded";
	for (size_t i = 0; i < m->n_processes; i++) {
		const struct process *p = m->processes[i];

		if (p->state == PROCESS_FAILED)
			return "degraded";
		violating |= p->compliance == COMPLIANCE_VIOLATING ||
			p->compliance == COMPLIANCE_UNPROTECTED;
		pending |= p->compliance == COMPLIANCE_PENDING || p->state == PROCESS_BACKOFF ||
			p->waiting;
	}
	if (violating)
		return "violating";
	return pending ? "pending" : "compliant";
}

static int on_end_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
	struct manager *m = userdata;
	size_t n = 0;

	for (size_t i = 0; i < m->n_processes; i++)
		n += m->processes[i]->run != NULL;
	log_info("ending on signal %u; %zu managed process%s go%s on", si->ssi_signo, n,
		n == 1 ? "" : "es", n == 1 ? "es" : "");
	for (size_t i = 0; i < m->n_processes; i++)
		if (m->processes[i]->run) /* as it is now, for the next one */
			record_write_late(m->processes[i]);
	self_stopping(m);
	return sd_event_exit(m->event, EXIT_GOOD);
}

static int on_reload_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
	apply_reload(userdata);
	return 0;
}

static int on_child_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
	reap_schedule(userdata);
	return 0;
}

static int watch_signals(struct manager *m) {
	static const struct {
		int number;
		sd_event_signal_handler_t handler;
	} signals[] = {
		{ SIGTERM, on_end_signal },
		{ SIGINT, on_end_signal },
		{ SIGHUP, on_reload_signal },
		{ SIGCHLD, on_child_signal },
	};
	sigset_t mask;

	(void)sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		(void)sigaddset(&mask, signals[i].number);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, it would have the kernel collect all status */
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		int r = sd_event_add_signal(
			m->event, NULL, signals[i].number, signals[i].handler, m);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A daemon that runs for months keeps its heap small: give back what a reload has left behind. */
static void bound_heap(void) {
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 64 << 10);
}

static int find_helper(struct manager *m) {
	int r = find_exec_helper(m->helper);

	if (r < 0)
		log_error(
			"rtmem-exec isn't where it belongs (beside a build tree's rtmemd, or %s): %s",
			RTMEM_EXEC_PATH, strerror(-r));
	return r;
}

static int prepare(struct manager *m) {
	int r = find_helper(m);

	if (r < 0)
		return r;
	m->lock_fd = runtime_lock(m->options->runtime_dir);
	if (m->lock_fd < 0)
		return m->lock_fd;
	snprintf(m->notify_path, sizeof(m->notify_path), "%s/" RTMEM_NOTIFY_SOCKET,
		m->options->runtime_dir);
	descriptors_init(&m->descriptors);
	rings_init(&m->rings, false, m->hands);
	if (m->rings.error)
		log_info(
			"perf is refused (%s): faults are counted from /proc, where pages populated "
			"ahead count too",
			strerror(-m->rings.error));
	r = sd_event_default(&m->event);
	if (r >= 0)
		r = watch_signals(m);
	if (r >= 0)
		r = reap_init(m);
	if (r >= 0)
		r = record_init(m);
	if (r >= 0)
		cgroup_init(m);
	return r;
}

static int load(const struct manager *m, struct policy_set **ret) {
	_cleanup_diagnostics_ struct diagnostics diagnostics = { .n_items = 0 };
	int r = apply_load(m, ret, &diagnostics);

	if (diagnostics.n_items > 0)
		diagnostics_print(&diagnostics, stderr, false);
	if (r < 0)
		log_event(MESSAGE_REFUSED, LOG_ERR, NULL, NULL,
			"the policy directories can't be used: %s",
			r == -EINVAL ? "see the messages above" : strerror(-r));
	return r;
}

static int open_doors(struct manager *m) {
	int r = notify_init(m);

	if (r >= 0)
		r = server_init(m);
	if (r >= 0)
		r = sample_init(m);
	if (r < 0)
		return r;
	r = sd_event_set_watchdog(m->event, 1);
	return r < 0 ? r : 0;
}

/* A call that fails for want of memory may be good the next moment, and nothing is lost by another round:
 * who isn't served yet comes again. Only what lasts ends a daemon that others rely on. */
static int loop(struct manager *m) {
	struct timespec pause = { .tv_nsec = LOOP_PAUSE_NSEC };
	int code = 0;

	for (unsigned n_failed = 0; sd_event_get_state(m->event) != SD_EVENT_FINISHED;) {
		int r = sd_event_run(m->event, UINT64_MAX);

		n_failed = r < 0 ? n_failed + 1 : 0;
		if (n_failed == LOOP_FAILURES_MAX)
			return r;
		if (n_failed == 1)
			log_warning(
				"waiting for events failed, and is tried again: %s", strerror(-r));
		if (n_failed > 0)
			(void)nanosleep(&pause, NULL);
	}
	(void)sd_event_get_exit_code(m->event, &code);
	return code;
}

static int run(struct manager *m) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	int r;

	rights_init(m);
	r = confine(m);
	if (r >= 0)
		r = load(m, &set);
	if (r < 0)
		return EXIT_NOT_GOOD;
	r = prepare(m);
	if (r >= 0)
		r = open_doors(m);
	if (r >= 0)
		r = apply_first(m, set);
	if (r >= 0)
		system_bus_join(m); /* with all its objects there */
	if (r >= 0)
		r = self_init(m);
	if (r >= 0 && m->options->watch_config)
		r = config_watch_new(m, &m->config_watch);
	if (r >= 0)
		r = loop(m);
	if (r < 0)
		log_error("can't go on: %s", strerror(-r));
	return r < 0 ? EXIT_NOT_GOOD : r;
}

static void done(struct manager *m) {
	m->config_watch = config_watch_free(m->config_watch);
	system_bus_done(m);
	server_done(m);
	notify_done(m);
	cgroup_finish(m);
	for (size_t i = 0; i < m->n_processes; i++)
		process_free(m->processes[i]);
	free(m->processes);
	free(m->pid_hints);
	host_done(m);
	reap_done(m);
	order_done(m);
	settings_done(&m->host);
	policy_set_unref(m->set);
	sd_event_source_disable_unref(m->tick);
	sd_event_source_disable_unref(m->post);
	rings_done(&m->rings);
	tracing_done(&m->tracing);
	store_done(&m->store);
	sd_event_unref(m->event);
	m->starter = starter_free(m->starter);
	m->outputs = outputs_free(m->outputs);
	m->hands = hands_free(m->hands);
	close_fd(m->lock_fd);
}

int manager_run(const struct options *options) {
	struct manager m = { .options = options, .lock_fd = -1, .notify_fd = -1, .bus_fd = -1 };
	int status;

	(void)umask(
		022); /* whatever the unit says: sockets and records are for everybody to read */
	bound_heap();
	m.pid_hints = calloc(PID_HINTS, sizeof(*m.pid_hints));
	store_init(&m.store);
	status = run(&m);
	done(&m);
	return status;
}
