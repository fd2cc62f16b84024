/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The talk with the launcher: events go up its socket, one byte comes down. The byte is taken in every
 * case, also after a failure: a socket that closes over an unread message gives its peer ECONNRESET
 * where the report should be, and one that closes too early fails the peer's send().
 */
#include "exec/launch.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void launch_send(const struct launch *l, enum report_kind kind, const char *step, int error,
	const char *text) {
	struct report r;

	report_init(&r, kind);
	r.error = error < 0 ? -error : error;
	snprintf(r.step, sizeof(r.step), "%s", step);
	snprintf(r.text, sizeof(r.text), "%s", text);
	/* Nobody to tell is no reason to stop: stderr has it too. */
	(void)report_send(l->report_fd, &r);
}

static const char *program_name(const struct launch *l) {
	if (l->file)
		return l->file;
	return l->argv && l->argv[0] ? l->argv[0] : "program";
}

void launch_note(const struct launch *l, const char *step, int error, const char *text) {
	launch_send(l, REPORT_EXEC_NOTE, step, error, text);
	if (l->report_fd < 0)
		fprintf(stderr, "rtmem: %s: note: %s: %s\n", program_name(l), step, text);
}

/* 0 once the byte is there, -ECONNRESET when the launcher is gone. */
static int take_go(struct launch *l) {
	char go = 0;
	ssize_t n;

	if (l->report_fd < 0 || l->go_taken)
		return 0;
	l->go_taken = true;
	do
		n = recv(l->report_fd, &go, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 && go == HANDOFF_GO ? 0 : -ECONNRESET;
}

int launch_await_go(struct launch *l) {
	int r = take_go(l);

	if (r < 0)
		launch_failed(l, "go", r, "the launcher went away before it let the program start");
	return r;
}

void launch_failed(struct launch *l, const char *step, int error, const char *text) {
	launch_send(l, REPORT_EXEC_FAILED, step, error, text);
	fprintf(stderr, "rtmem: %s not started: %s: %s\n", program_name(l), step, text);
	(void)take_go(l);
}
