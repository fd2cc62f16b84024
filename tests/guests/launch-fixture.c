/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launch-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/strv.h"

extern char **environ;

static const char *path_from(const char *variable) {
	const char *path = getenv(variable);

	if (!path)
		fail_msg("%s isn't set: run through meson test", variable);
	return path;
}

const char *fixture_exec(void) {
	return path_from("RTMEM_TEST_EXEC");
}

const char *fixture_library(void) {
	return path_from("RTMEM_TEST_LIBRARY");
}

const char *fixture_program(const char *name) {
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/program-%s", path_from("RTMEM_TEST_PROGRAMS"), name);
	return path;
}

/* ---- a library for everybody ------------------------------------------------------------------- */

static char public_directory[] = "/tmp/rtmem-guests-XXXXXX";
static char public_library[sizeof(public_directory) + 32];

static void remove_public(void) {
	(void)unlink(public_library);
	(void)rmdir(public_directory);
}

const char *fixture_public_library(void) {
	_cleanup_free_ char *data = NULL;
	_cleanup_close_ int fd = -1;
	size_t size;

	if (public_library[0])
		return public_library;
	assert_int_equal(read_file(fixture_library(), 64u << 20, &data, &size), 0);
	assert_non_null(mkdtemp(public_directory));
	assert_int_equal(chmod(public_directory, 0755), 0);
	snprintf(public_library, sizeof(public_library), "%s/librtmem-init.so", public_directory);
	(void)atexit(remove_public);
	fd = open(public_library, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, data, size), 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	return public_library;
}

/* ---- plans ------------------------------------------------------------------------------------- */

struct step *add_step(
	struct plan *p, enum step_kind kind, const char *text, int64_t a, int64_t b, int64_t c) {
	struct step *s = plan_append(p, kind, NULL, text);

	assert_non_null(s);
	s->number[0] = a;
	s->number[1] = b;
	s->number[2] = c;
	return s;
}

void add_text(struct plan *p, enum step_kind kind, const char *text) {
	(void)add_step(p, kind, text, 0, 0, 0);
}

void add_command_line(struct plan *p, const char *const *arguments) {
	for (const char *const *a = arguments; *a; a++)
		add_text(p, STEP_ARGUMENT, *a);
	add_text(p, STEP_EXEC, arguments[0]);
}

void add_protection(struct plan *p, const char *library, const struct init_order *o) {
	char text[INIT_ORDER_TEXT_MAX];

	if (o->arenas) {
		snprintf(text, sizeof(text), "glibc.malloc.arena_max=%u", (unsigned)o->arenas);
		add_text(p, STEP_TUNABLE, text);
	}
	add_text(p, STEP_TUNABLE, "glibc.malloc.mmap_max=0");
	add_text(p, STEP_TUNABLE, "glibc.malloc.trim_threshold=18446744073709551615");
	add_text(p, STEP_PRELOAD, library);
	assert_int_equal(init_order_format(o, text, sizeof(text)), 0);
	add_text(p, STEP_INIT, text);
}

/* ---- launching --------------------------------------------------------------------------------- */

static void add_word(char ***v, const char *word) {
	assert_int_equal(strv_append(v, word), 0);
}

static char **command_line(enum fixture_mode mode, const char *const *wrapper) {
	char number[16], **v = NULL;

	for (; wrapper && *wrapper; wrapper++)
		add_word(&v, *wrapper);
	add_word(&v, fixture_exec());
	add_word(&v, "--plan-fd");
	snprintf(number, sizeof(number), "%d", FIXTURE_PLAN_FD);
	add_word(&v, number);
	if (mode == WITH_SOCKET) {
		add_word(&v, "--report-fd");
		snprintf(number, sizeof(number), "%d", FIXTURE_REPORT_FD);
		add_word(&v, number);
	}
	return v;
}

static void make_pipe(int ends[2]) {
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* Above every number that the child gets: dup2() in the child never meets its own source. */
static int move_up(int fd) {
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 20);

	assert_true(moved >= 0);
	close(fd);
	return moved;
}

void fixture_start(const struct plan *p, enum fixture_mode mode, const char *const *wrapper,
	struct launched *ret) {
	_cleanup_strv_ char **argv = command_line(mode, wrapper);
	int in[2], out[2], err[2], sockets[2] = { -1, -1 }, plan_fd;
	posix_spawn_file_actions_t actions;

	plan_fd = handoff_write(p);
	assert_true(plan_fd >= 0);
	plan_fd = move_up(plan_fd);
	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	in[0] = move_up(in[0]);
	out[1] = move_up(out[1]);
	err[1] = move_up(err[1]);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, err[1], 2);
	posix_spawn_file_actions_adddup2(&actions, plan_fd, FIXTURE_PLAN_FD);
	posix_spawn_file_actions_adddup2(&actions, in[0], FIXTURE_INHERITED_FD);
	if (mode == WITH_SOCKET) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
		sockets[1] = move_up(sockets[1]);
		posix_spawn_file_actions_adddup2(&actions, sockets[1], FIXTURE_REPORT_FD);
	}
	assert_int_equal(posix_spawnp(&ret->pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(plan_fd);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	close_fd(sockets[1]);
	ret->in = in[1];
	ret->out = out[0];
	ret->err = err[0];
	ret->socket = sockets[0];
}

static void await_readable(const struct launched *l, int fd, const char *what) {
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, FIXTURE_DEADLINE_MS) > 0)
		return;
	kill(l->pid, SIGKILL);
	fail_msg("%s: nothing within %d ms", what, FIXTURE_DEADLINE_MS);
}

void fixture_send(const struct launched *l, char message) {
	assert_int_equal(send(l->socket, &message, 1, MSG_NOSIGNAL), 1);
}

bool fixture_receive(const struct launched *l, struct report *ret) {
	char data[sizeof(struct report) + 1];
	ssize_t n;

	await_readable(l, l->socket, "report");
	n = recv(l->socket, data, sizeof(data), 0);
	if (n <= 0)
		return false;
	assert_int_equal(report_check(data, (size_t)n, ret), 0);
	return true;
}

void fixture_await_output(const struct launched *l, const char *text) {
	char buf[4096];
	size_t used = 0;

	do {
		ssize_t n;

		await_readable(l, l->out, text);
		n = read(l->out, buf + used, sizeof(buf) - 1 - used);
		if (n <= 0)
			fail_msg("the program ended before it said '%s'", text);
		used += (size_t)n;
		buf[used] = '\0';
	} while (!strstr(buf, text));
}

static void read_all(const struct launched *l, int fd, char *buf, size_t size) {
	size_t used = 0;

	while (used < size - 1) {
		ssize_t n;

		await_readable(l, fd, "output");
		n = read(fd, buf + used, size - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	buf[used] = '\0';
}

void fixture_finish(struct launched *l, struct outcome *ret) {
	int status;

	*ret = (struct outcome){ 0 };
	l->in = close_fd(l->in);
	read_all(l, l->out, ret->out, sizeof(ret->out));
	read_all(l, l->err, ret->err, sizeof(ret->err));
	assert_int_equal(waitpid(l->pid, &status, 0), l->pid);
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	while (l->socket >= 0 && ret->n_reports < FIXTURE_REPORTS_MAX &&
		fixture_receive(l, &ret->reports[ret->n_reports]))
		ret->n_reports++;
	l->out = close_fd(l->out);
	l->err = close_fd(l->err);
	l->socket = close_fd(l->socket);
}

void fixture_run(const struct plan *p, enum fixture_mode mode, const char *const *wrapper,
	struct outcome *ret) {
	struct launched l;

	fixture_start(p, mode, wrapper, &l);
	if (mode == WITH_SOCKET) {
		const char go = HANDOFF_GO;

		/* a launch that failed already has hung up */
		assert_true(send(l.socket, &go, 1, MSG_NOSIGNAL) == 1 || errno == EPIPE);
	}
	fixture_finish(&l, ret);
}

/* ---- judging ----------------------------------------------------------------------------------- */

const struct report *find_report(const struct outcome *o, enum report_kind kind) {
	const struct report *found = NULL;

	for (size_t i = 0; i < o->n_reports; i++)
		if (o->reports[i].kind == kind) {
			assert_null(found);
			found = &o->reports[i];
		}
	return found;
}

int64_t output_number(const struct outcome *o, const char *key) {
	size_t len = strlen(key);

	for (const char *line = o->out; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == '=')
			return strtoll(line + len + 1, NULL, 0);
	}
	fail_msg("no '%s=' in: %s%s", key, o->out, o->err);
	return -1;
}

void assert_says(const char *text, const char *part) {
	if (!strstr(text, part))
		fail_msg("'%s' isn't in: %s", part, text);
}

void assert_started(const struct outcome *o) {
	if (o->status != 0)
		fail_msg("status %d: %s", o->status, o->err);
}
