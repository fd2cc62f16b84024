/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_GUESTS_LAUNCH_FIXTURE_H
#define RTMEM_TESTS_GUESTS_LAUNCH_FIXTURE_H

/*
 * Plays the launcher: makes a plan, starts rtmem-exec on it as rtmemd does, lets it go, collects output
 * and reports. Every wait has a deadline; a test that runs into it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "common/handoff.h"

#define FIXTURE_REPORT_FD    3 /* in the child */
#define FIXTURE_PLAN_FD	     4
#define FIXTURE_INHERITED_FD 9 /* open in every child, as if the launcher had leaked it */
#define FIXTURE_DEADLINE_MS  20000
#define FIXTURE_REPORTS_MAX  24
#define MIB		     (UINT64_C(1) << 20)
#define NOBODY		     65534

/* Paths of the build tree, from the environment that meson sets. */
const char *fixture_exec(void);
const char *fixture_library(void);
const char *fixture_program(const char *name); /* static buffer */
/** A copy of the library where every user can read it; removed at exit. */
const char *fixture_public_library(void);

struct step *add_step(
	struct plan *p, enum step_kind kind, const char *text, int64_t a, int64_t b, int64_t c);
void add_text(struct plan *p, enum step_kind kind, const char *text);
/** Arguments end with NULL; the first is the file to execute. */
#define add_command(p, ...) add_command_line(p, (const char *const[]){ __VA_ARGS__ })
void add_command_line(struct plan *p, const char *const *arguments);
/** Tunables, library and order, as the launch plan of libpolicy has them. */
void add_protection(struct plan *p, const char *library, const struct init_order *o);

struct launched {
	pid_t pid;
	int in; /* its stdin, for programs that wait */
	int out, err;
	int socket; /* -1 = launched without a report socket */
};

struct outcome {
	int status; /* exit status, or 128 + signal */
	char out[32768];
	char err[8192];
	struct report reports[FIXTURE_REPORTS_MAX];
	size_t n_reports;
};

enum fixture_mode {
	WITH_SOCKET, /* as rtmemd */
	IN_FOREGROUND, /* as rtmemctl run */
};

/** wrapper: words put before rtmem-exec (strace ...), or NULL. Doesn't send the go. */
void fixture_start(const struct plan *p, enum fixture_mode mode, const char *const *wrapper,
	struct launched *ret);
void fixture_send(const struct launched *l, char message);
/** Waits for one report; false at end of file. */
bool fixture_receive(const struct launched *l, struct report *ret);
/** Reads until `text` stands in what the program wrote. */
void fixture_await_output(const struct launched *l, const char *text);
/** Closes stdin, collects what is left, waits for the end. */
void fixture_finish(struct launched *l, struct outcome *ret);
/** All of it. */
void fixture_run(const struct plan *p, enum fixture_mode mode, const char *const *wrapper,
	struct outcome *ret);

/** The only report of this kind, or NULL. */
const struct report *find_report(const struct outcome *o, enum report_kind kind);
/** Value of "key=123" in the output; fails the test if there's none. */
int64_t output_number(const struct outcome *o, const char *key);
void assert_says(const char *text, const char *part);
void assert_started(const struct outcome *o);

#endif
