/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_CTL_H
#define RTMEM_CTL_CTL_H

/*
 * rtmemctl: one file per verb, one table of verbs (verbs.c) that is parser, help text and dispatcher
 * at once. A verb gets the options and what follows its name, and returns an exit status.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/names.h"

/** What the command line said. Strings belong to argv. */
struct options {
	const char *runtime_dir;
	const char *state_dir;
	bool state_dir_given;
	const char *root; /* prefix of /proc and /sys for host settings; "" = this machine */
	char **config_dirs; /* NULL = the usual ones */
	bool config_of_root; /* config_dirs are the usual ones below root */
	const char *policy; /* run: name of a process or a profile */
	const char *policy_file; /* run: the only file to read */
	const char *service; /* unit: whose command it is */
	bool json;
	bool all; /* diff: also what's as wanted */
	bool dry_run; /* apply */
	bool restart; /* apply: what needs a new launch gets it */
	uint64_t try_usec; /* apply: 0 = for good */
	bool host_only; /* apply: settings of the machine, without rtmemd */
	bool at_boot; /* apply: nobody stands behind it */
	bool force; /* rollback */
	bool tried; /* rollback: only what waits for a confirmation */
	bool wait; /* rollback: when its time is over */
	bool watch; /* status */
	bool help;
	bool version;
};

/** A verb that takes an option says so; the common ones are taken everywhere. */
enum verb_flags {
	VERB_TAKES_ALL = 1 << 0,
	VERB_TAKES_DRY_RUN = 1 << 1,
	VERB_TAKES_WATCH = 1 << 2,
	VERB_TAKES_POLICY = 1 << 3,
	VERB_TAKES_SERVICE = 1 << 8,
	VERB_TAKES_TRY = 1 << 5,
	VERB_TAKES_FORCE = 1 << 6,
	VERB_TAKES_RESTART = 1 << 7,
	VERB_RUNS_COMMAND = 1 << 4, /* options end at the command; wrong usage is 125, as env(1) */
};

#define ARGUMENTS_ANY -1

struct verb {
	const char *name;
	const char *arguments; /* for the help text */
	const char *summary;
	const char *details; /* paragraphs of `rtmemctl VERB --help` */
	unsigned flags;
	int n_min;
	int n_max; /* ARGUMENTS_ANY = no limit */
	int (*run)(const struct options *o, int argc, char *argv[]);
};

extern const struct verb verbs[];
extern const size_t n_verbs;

int verb_check(const struct options *o, int argc, char *argv[]);
int verb_plan(const struct options *o, int argc, char *argv[]);
int verb_diff(const struct options *o, int argc, char *argv[]);
int verb_apply(const struct options *o, int argc, char *argv[]);
int verb_confirm(const struct options *o, int argc, char *argv[]);
int verb_rollback(const struct options *o, int argc, char *argv[]);
int verb_status(const struct options *o, int argc, char *argv[]);
int verb_start(const struct options *o, int argc, char *argv[]);
int verb_stop(const struct options *o, int argc, char *argv[]);
int verb_restart(const struct options *o, int argc, char *argv[]);
int verb_run(const struct options *o, int argc, char *argv[]);
int verb_unit(const struct options *o, int argc, char *argv[]);
int verb_explain(const struct options *o, int argc, char *argv[]);
int verb_doctor(const struct options *o, int argc, char *argv[]);
int verb_schema(const struct options *o, int argc, char *argv[]);

/** `rtmemctl: ` and the message on standard error; returns status, so that `return fail(...)` works. */
int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The same for -ENOMEM and the like: "what: strerror". */
int fail_errno(int status, int error, const char *what);

#endif
