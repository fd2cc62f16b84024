/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmem-exec stands between a launcher and a program: it reads a frozen plan, does its steps, waits for
 * the launcher's go where there is one, and becomes the program. It's small and static so that it costs
 * little, and separate so that the launcher never has to run code of its own between fork and exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/names.h"
#include "common/preflight.h"
#include "common/strv.h"
#include "common/units.h"
#include "config.h"
#include "exec/launch.h"
#include "exec/trace.h"

extern char **environ;

struct arguments {
	int plan_fd;
	const char *plan_file;
	int report_fd;
};

static const char usage_text[] =
	"Usage: rtmem-exec --plan-fd N [--report-fd N]\n"
	"       rtmem-exec --plan FILE\n"
	"Does the steps of a launch plan to itself, then executes the program.\n"
	"\n"
	"  --plan-fd N     the encoded plan is open as descriptor N\n"
	"  --plan FILE     the encoded plan is in FILE\n"
	"  --report-fd N   socket of the launcher: wait for its go, tell it about failures,\n"
	"                  close every other inherited descriptor, reset signals\n"
	"  --help          this text\n"
	"  --version       the version\n"
	"\n"
	"Exit status: the program's own; 125 when a step fails, 126 when the program can't be\n"
	"executed, 127 when it isn't found.\n";

/* Standard input, output and error are the program's: none of them is a plan or a socket. */
static int parse_descriptor(const char *option, const char *text) {
	uint64_t n;

	if (parse_u64(text, &n) == 0 && n > STDERR_FILENO && n <= INT32_MAX &&
		fcntl((int)n, F_GETFD) >= 0)
		return (int)n;
	fprintf(stderr, "rtmem-exec: %s %s: not an open descriptor above 2\n", option, text);
	return -1;
}

static const struct option options[] = {
	{ "plan-fd", required_argument, NULL, 'f' },
	{ "plan", required_argument, NULL, 'p' },
	{ "report-fd", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that doesn't exist or a value that can't be. */
static bool parse_option(int option, struct arguments *ret) {
	switch (option) {
	case 'f':
		ret->plan_fd = parse_descriptor("--plan-fd", optarg);
		return ret->plan_fd >= 0;
	case 'p':
		ret->plan_file = optarg;
		return true;
	case 'r':
		ret->report_fd = parse_descriptor("--report-fd", optarg);
		return ret->report_fd >= 0;
	default:
		return false;
	}
}

/* 0 = go on, otherwise the exit status plus one. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
	bool good = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return EXIT_GOOD + 1;
		}
		if (c == 'V') {
			puts("rtmem-exec " RTMEM_VERSION);
			return EXIT_GOOD + 1;
		}
		good &= parse_option(c, ret);
	}
	if (good && optind == argc && (ret->plan_fd >= 0) != (ret->plan_file != NULL))
		return 0;
	fputs(usage_text, stderr);
	return EXIT_LAUNCH_FAILED + 1;
}

static int read_plan(const struct arguments *a, struct plan *ret) {
	_cleanup_close_ int fd = a->plan_fd;

	if (a->plan_file)
		fd = open(a->plan_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : handoff_read(fd, ret);
}

static const char *plan_problem(int error) {
	switch (error) {
	case -EBADMSG:
		return "not a plan, or a damaged one";
	case -EPROTONOSUPPORT:
		return "written by another version of rtmem: restart rtmemd after an upgrade";
	case -EFBIG:
		return "larger than a plan may be (4M)";
	default:
		return strerror(-error);
	}
}

/* The kernel's struct sigaction, all zero: the default. Asked of the kernel itself, because glibc keeps
 * two signals from signal(), and its posix_spawn() leaves just these ignored. */
static void default_signals(void) {
	const uint64_t action[4] = { 0 };
	sigset_t none;

	for (int sig = 1; sig < _NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, action, NULL, (size_t)_NSIG / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing of the daemon goes into the program: descriptors, signal handlers, signal mask. */
static void shed_inheritance(int report_fd) {
	close_all_but(&report_fd, 1);
	default_signals();
}

/* A strict policy is a promise: better no program than one that is believed to be safe. */
static int not_prepared(struct launch *l, const struct init_order *o, int error, const char *text) {
	if (o->lock == INIT_LOCK_STRICT) {
		launch_failed(l, step_kind_to_string(STEP_PRELOAD), error, text);
		return -error;
	}
	launch_note(l, step_kind_to_string(STEP_PRELOAD), error, text);
	return 0;
}

static int check_preload(struct launch *l, const struct init_order *o, const char *path) {
	const char *reason = NULL;
	struct preflight target;
	char text[REPORT_TEXT_MAX];

	if (preflight_read(path, geteuid(), getegid(), &target) == 0 && target.obstacle)
		reason = preflight_obstacle_text(target.obstacle);
	if (!reason && access(l->library, R_OK) < 0)
		reason = "its user can't read the library";
	if (!reason)
		return 0;
	snprintf(text, sizeof(text), "%s can't be loaded into %s: %s; %s", l->library, path, reason,
		o->lock == INIT_LOCK_STRICT
			? "memory.lock: strict starts nothing that it can't protect: leave `inject` "
			  "out, which finds another way where there is one, or say `lock: balanced` "
			  "to have it run and shown as unprotected"
			: "its memory stays unprotected");
	return not_prepared(l, o, ELIBACC, text);
}

static const char *own_malloc(const char *path) {
	struct preflight target;

	if (preflight_read(path, geteuid(), getegid(), &target) < 0)
		return "";
	if (target.runtime)
		return preflight_runtime_to_string(target.runtime);
	if (target.allocator)
		return preflight_allocator_to_string(target.allocator);
	return target.glibc ? "glibc" : "musl";
}

static int attach_tracer(struct launch *l, const struct init_order *o, const char *path) {
	struct trace_order t = { .order = *o };
	char text[REPORT_TEXT_MAX];
	int r;

	snprintf(t.program, sizeof(t.program), "%s", path);
	snprintf(t.malloc_owner, sizeof(t.malloc_owner), "%s", own_malloc(path));
	l->why[0] = '\0';
	r = trace_attach(l, &t);
	if (r == 0 && l->init_why)
		launch_note(l, step_kind_to_string(STEP_TRACE), 0, l->init_why);
	if (r == 0)
		return 0;
	snprintf(text, sizeof(text), "%s can't be prepared by ptrace: %s%s%s; %s", path,
		strerror(-r), *l->why ? ": " : "", l->why,
		o->lock == INIT_LOCK_STRICT
			? "memory.lock: strict starts nothing that it can't protect"
			: "its memory stays unprotected");
	return not_prepared(l, o, -r, text);
}

/* Who does what the order says: the library, the tracer, or nobody. */
static int prepare_injection(struct launch *l, const char *path) {
	struct init_order order = { 0 };

	if (!l->init)
		return 0;
	/* the library itself says what it thinks of its order */
	if (init_order_parse(l->init, &order) < 0 && !l->library) {
		launch_failed(l, "plan", EBADMSG, "the plan's order for the program is damaged");
		return -EBADMSG;
	}
	if (l->library)
		return check_preload(l, &order, path);
	if (l->report_fd >= 0 && fcntl(l->report_fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno; /* not for the program, which wouldn't know what it is */
	if (l->trace_fd >= 0)
		return attach_tracer(l, &order, path);
	launch_note(l, step_kind_to_string(STEP_PRELOAD), 0,
		l->init_why ? l->init_why : "the plan names no way into the program");
	return 0;
}

/* What an errno leaves open. path: where the program was found; NULL = it wasn't. */
static const char *not_executed_why(const char *path, int error) {
	switch (error) {
	case ENOENT:
		if (!path)
			return "; it's in no directory of PATH: name it with its whole path";
		return access(path, F_OK) == 0
			? "; the file is there, but the interpreter that it names isn't"
			: "";
	case EACCES:
		return "; its user needs the right to execute it and to search each directory above";
	case ENOEXEC:
		return "; it's neither a program for this machine nor a script that begins with #!";
	default:
		return "";
	}
}

static int not_executed(struct launch *l, const char *path, int error) {
	char text[REPORT_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s%s", l->file, strerror(error),
		not_executed_why(path, error));
	launch_failed(l, step_kind_to_string(STEP_EXEC), error, text);
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANT_INVOKE;
}

static int become(struct launch *l) {
	_cleanup_free_ char *path = NULL;
	int r = target_find(l, &path);

	if (r < 0)
		return not_executed(l, NULL, -r);
	/* the tracer attaches last: from then on a signal waits for it */
	if (launch_await_go(l) < 0 || prepare_injection(l, path) < 0)
		return EXIT_LAUNCH_FAILED;
	execve(path, l->argv, l->env);
	return not_executed(l, path, errno);
}

static int finish(struct launch *l) {
	int r;

	if (!l->file) {
		launch_failed(l, "plan", EINVAL, "the plan names no program to execute");
		return -EINVAL;
	}
	r = l->argv ? 0 : strv_append(&l->argv, l->file);
	if (r == 0)
		r = credentials_finish(l);
	if (r == 0)
		r = environment_finish(l);
	if (r < 0)
		launch_failed(l, "environment", r, strerror(-r));
	return r;
}

int main(int argc, char *argv[]) {
	struct arguments a = { .plan_fd = -1, .report_fd = -1 };
	_cleanup_launch_ struct launch l = { .report_fd = -1, .trace_fd = -1 };
	_cleanup_plan_ struct plan plan = { 0 };
	int r = parse_arguments(argc, argv, &a);

	if (r != 0)
		return r - 1;
	l.report_fd = a.report_fd;
	r = read_plan(&a, &plan);
	if (r < 0) {
		launch_failed(&l, "plan", r, plan_problem(r));
		return EXIT_LAUNCH_FAILED;
	}
	if (l.report_fd >= 0)
		shed_inheritance(l.report_fd);
	r = strv_copy(environ, &l.env);
	if (r < 0) {
		launch_failed(&l, "environment", r, strerror(-r));
		return EXIT_LAUNCH_FAILED;
	}
	if (launch_walk(&l, &plan) < 0 || finish(&l) < 0)
		return EXIT_LAUNCH_FAILED;
	return become(&l);
}
