/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process is stopped when its whole tree is. Which process of the tree ends last nobody knows, so the
 * end of any one of them is waited for, and then looked again. Where the kernel gives no descriptor to
 * wait on, a timer looks again.
 */
#include "daemon/life/rest.h"

#include <sys/epoll.h>
#include <time.h>

#include "common/cleanup.h"
#include "daemon/launch/cgroup.h"
#include "daemon/life/end.h"
#include "daemon/life/tree.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define LOOK_AGAIN_USEC 100000u

static void unwatch(struct rest *r) {
	r->source = sd_event_source_disable_unref(r->source);
	r->fd = close_fd(r->fd);
}

void rest_done(struct rest *r) {
	unwatch(r);
	members_done(&r->asked);
}

static void look(struct process *p);

static int on_one_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	look(userdata);
	return 0;
}

static int on_look_again(sd_event_source *s, uint64_t usec, void *userdata) {
	look(userdata);
	return 0;
}

static void watch(struct process *p, const struct members *members) {
	struct rest *r = &p->rest;
	sd_event *event = p->manager->event;
	int k;

	unwatch(r);
	k = r->fd = members_open_one(members);
	if (k >= 0)
		k = sd_event_add_io(event, &r->source, r->fd, EPOLLIN, on_one_gone, p);
	if (k < 0)
		k = sd_event_add_time_relative(
			event, &r->source, CLOCK_MONOTONIC, LOOK_AGAIN_USEC, 0, on_look_again, p);
	if (k < 0)
		log_event(MESSAGE_PLAIN, LOG_ERR, p->name, NULL,
			"what its main process left behind can't be watched: `rtmemctl stop %s` looks again",
			p->name);
	else
		(void)sd_event_source_set_description(r->source, "rtmemd-rest");
}

static void all_gone(struct process *p) {
	rest_done(&p->rest);
	p->rest.killed = false;
	p->manager->changed = true;
	if (!p->rest.behind) {
		end_concluded(p);
		return;
	}
	p->rest.behind = false;
	(void)cgroup_remove(p);
	log_event(MESSAGE_LEFT_BEHIND, LOG_INFO, p->name, NULL,
		"what its main process left behind has ended");
}

/* Takes the list over. */
static void ask(struct process *p, struct members *members) {
	members_ask(members, &p->rest.asked, p->policy->stop.signal);
	members_done(&p->rest.asked);
	p->rest.asked = *members;
	*members = (struct members){ .n_items = 0 };
}

void rest_ask(struct process *p) {
	struct members members;

	tree_list(p, &members);
	ask(p, &members);
}

static void look(struct process *p) {
	struct members members;

	if (p->rest.killed)
		tree_kill(p);
	tree_list(p, &members);
	if (members.n_items > 0)
		watch(p, &members);
	if (members.n_items == 0)
		all_gone(p);
	else if (!p->rest.behind && !p->rest.killed)
		ask(p, &members);
	members_done(&members);
}

void rest_await(struct process *p) {
	p->rest.behind = false;
	look(p);
}

void rest_leave(struct process *p) {
	struct members members;
	char text[TREE_TEXT_MAX];

	tree_list(p, &members);
	if (members.n_items > 0) {
		log_event(MESSAGE_LEFT_BEHIND, LOG_WARNING, p->name, NULL,
			"its main process has ended and left others behind: %s; they go on until "
			"`rtmemctl stop %s`",
			members_describe(&members, text), p->name);
		p->rest.behind = true;
		watch(p, &members);
	}
	members_done(&members);
}
