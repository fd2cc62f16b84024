/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the command line to a verb. Options stand before the verb or behind it; an option that the
 * verb doesn't take is wrong usage, not ignored.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/strv.h"
#include "common/units.h"
#include "config.h"
#include "ctl/ctl.h"
#include "ctl/terminal.h"

enum option_value {
	OPT_RUNTIME_DIR = 256,
	OPT_STATE_DIR,
	OPT_CONFIG_DIR,
	OPT_ROOT,
	OPT_JSON,
	OPT_VERSION,
	OPT_ALL,
	OPT_DRY_RUN,
	OPT_RESTART,
	OPT_POLICY,
	OPT_POLICY_FILE,
	OPT_TRY,
	OPT_HOST_ONLY,
	OPT_AT_BOOT,
	OPT_FORCE,
	OPT_TRIED,
	OPT_WAIT,
	OPT_SERVICE,
	OPT_WATCH = 'w',
	OPT_HELP = 'h',
};

static const struct option long_options[] = {
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "config-dir", required_argument, NULL, OPT_CONFIG_DIR },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "restart", no_argument, NULL, OPT_RESTART },
	{ "watch", no_argument, NULL, OPT_WATCH },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "policy-file", required_argument, NULL, OPT_POLICY_FILE },
	{ "try", required_argument, NULL, OPT_TRY },
	{ "host-only", no_argument, NULL, OPT_HOST_ONLY },
	{ "at-boot", no_argument, NULL, OPT_AT_BOOT },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "tried", no_argument, NULL, OPT_TRIED },
	{ "wait", no_argument, NULL, OPT_WAIT },
	{ "service", required_argument, NULL, OPT_SERVICE },
	{ 0 },
};

/* Options that only some verbs take. */
static const struct {
	const char *name;
	int option;
	unsigned flag;
} special_options[] = {
	{ "--all", OPT_ALL, VERB_TAKES_ALL },
	{ "--dry-run", OPT_DRY_RUN, VERB_TAKES_DRY_RUN },
	{ "--restart", OPT_RESTART, VERB_TAKES_RESTART },
	{ "--watch", OPT_WATCH, VERB_TAKES_WATCH },
	{ "--policy", OPT_POLICY, VERB_TAKES_POLICY },
	{ "--policy-file", OPT_POLICY_FILE, VERB_TAKES_POLICY },
	{ "--try", OPT_TRY, VERB_TAKES_TRY },
	{ "--host-only", OPT_HOST_ONLY, VERB_TAKES_TRY },
	{ "--at-boot", OPT_AT_BOOT, VERB_TAKES_TRY },
	{ "--force", OPT_FORCE, VERB_TAKES_FORCE },
	{ "--tried", OPT_TRIED, VERB_TAKES_FORCE },
	{ "--wait", OPT_WAIT, VERB_TAKES_FORCE },
	{ "--service", OPT_SERVICE, VERB_TAKES_SERVICE },
};

/* ---- help -------------------------------------------------------------------------------------- */

static const char common_help[] =
	"  --runtime-dir DIR   where rtmemd listens (default " RTMEM_RUNTIME_DIR ")\n"
	"  --config-dir DIR    read policies from DIR; may be repeated, an earlier one wins\n"
	"                      (default /etc/rtmem.d, /run/rtmem.d, /usr/lib/rtmem.d, below --root)\n"
	"  --state-dir DIR     where original settings are kept (default " RTMEM_STATE_DIR ")\n"
	"  --root DIR          look for /proc and /sys below DIR (diff, plan, --host-only); unit files (unit)\n"
	"  --json              print JSON (all but run, unit, explain)\n"
	"  -h, --help          show this, or the help of a verb\n"
	"  --version           show the version\n";

static const char status_help[] =
	"Exit status: 0 good; 1 not good (invalid policy, drift, violation, refused); 2 wrong usage;\n"
	"3 the daemon can't be reached; 4 can't tell. `run` passes on the command's own.\n";

static int print_help(void) {
	bool colour = terminal_has_colour(stdout);
	const char *bold = terminal_colour(COLOUR_BOLD, colour);
	const char *plain = terminal_colour(COLOUR_NONE, colour);

	printf("%srtmemctl%s [OPTIONS] VERB: memory policies for real-time programs\n\n", bold,
		plain);
	for (size_t i = 0; i < n_verbs; i++)
		printf("  %s%-9s%s %s\n", bold, verbs[i].name, plain, verbs[i].summary);
	printf("\n%s\n%s\n`rtmemctl VERB --help` tells more. See also rtmemctl(1), rtmem-policy(5)\n",
		common_help, status_help);
	return EXIT_GOOD;
}

static int print_version(void) {
	puts("rtmemctl " RTMEM_VERSION);
	return EXIT_GOOD;
}

static int print_verb_help(const struct verb *v) {
	printf("rtmemctl [OPTIONS] %s%s%s\n\n%c%s.\n", v->name, *v->arguments ? " " : "",
		v->arguments, v->summary[0] - 'a' + 'A', v->summary + 1);
	if (*v->details)
		printf("\n%s", v->details);
	printf("\nOptions of every verb:\n%s", common_help);
	return EXIT_GOOD;
}

/* ---- options ----------------------------------------------------------------------------------- */

static int usage_status(const struct verb *v) {
	return v && (v->flags & VERB_RUNS_COMMAND) ? EXIT_LAUNCH_FAILED : EXIT_USAGE;
}

static int check_taken(const struct verb *v, int option) {
	for (size_t i = 0; i < ARRAY_LEN(special_options); i++) {
		if (special_options[i].option != option ||
			(v && (v->flags & special_options[i].flag)))
			continue;
		if (!v)
			return fail(EXIT_USAGE, "%s comes after the verb that takes it; see --help",
				special_options[i].name);
		return fail(usage_status(v), "`%s` takes no %s; see `rtmemctl %s --help`", v->name,
			special_options[i].name, v->name);
	}
	return 0;
}

static int take_duration(struct options *o, const struct verb *v) {
	if (parse_duration(optarg, &o->try_usec) == 0 && o->try_usec >= TRY_MIN_USEC &&
		o->try_usec <= TRY_MAX_USEC)
		return 0;
	return fail(usage_status(v), "--try %s: not a duration from 1s to 24h, such as 60s or 5min",
		optarg);
}

static int take_option(struct options *o, int option, const struct verb *v) {
	switch (option) {
	case OPT_RUNTIME_DIR:
		o->runtime_dir = optarg;
		return 0;
	case OPT_STATE_DIR:
		o->state_dir = optarg;
		o->state_dir_given = true;
		return 0;
	case OPT_ROOT:
		o->root = optarg;
		return 0;
	case OPT_CONFIG_DIR:
		if (strv_append(&o->config_dirs, optarg) < 0)
			return fail_errno(usage_status(v), ENOMEM, "--config-dir");
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPT_RESTART:
		o->restart = true;
		return 0;
	case OPT_WATCH:
		o->watch = true;
		return 0;
	case OPT_POLICY:
		o->policy = optarg;
		return 0;
	case OPT_POLICY_FILE:
		o->policy_file = optarg;
		return 0;
	case OPT_SERVICE:
		o->service = optarg;
		return 0;
	case OPT_TRY:
		return take_duration(o, v);
	case OPT_HOST_ONLY:
		o->host_only = true;
		return 0;
	case OPT_AT_BOOT:
		o->host_only = o->at_boot = true;
		return 0;
	case OPT_FORCE:
		o->force = true;
		return 0;
	case OPT_TRIED:
		o->tried = true;
		return 0;
	case OPT_WAIT:
		o->tried = o->wait = true;
		return 0;
	case OPT_HELP:
		o->help = true;
		return 0;
	case OPT_VERSION:
		o->version = true;
		return 0;
	default: /* getopt has said what's wrong */
		return fail(usage_status(v), "see `rtmemctl %s%s--help`", v ? v->name : "",
			v ? " " : "");
	}
}

/* Takes options up to the verb (v == NULL) or those of the verb. 0, or an exit status. */
static int take_options(struct options *o, const struct verb *v, int argc, char *argv[]) {
	const char *in_order = !v || (v->flags & VERB_RUNS_COMMAND) ? "+hw" : "hw";

	for (;;) {
		int option = getopt_long(argc, argv, in_order, long_options, NULL);
		int r;

		if (option < 0)
			return 0;
		r = check_taken(v, option);
		if (r == 0)
			r = take_option(o, option, v);
		if (r != 0)
			return r;
	}
}

/* ---- verbs ------------------------------------------------------------------------------------- */

static const struct verb *find_verb(const char *name) {
	for (size_t i = 0; i < n_verbs; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int no_such_verb(const char *name) {
	return fail(EXIT_USAGE, "there is no verb `%s`; see `rtmemctl --help`", name);
}

static int check_count(const struct verb *v, int n) {
	if (n >= v->n_min && (v->n_max == ARGUMENTS_ANY || n <= v->n_max))
		return 0;
	return fail(usage_status(v), "wrong number of arguments: rtmemctl %s %s", v->name,
		v->arguments);
}

/* What is known of one machine's settings says nothing about another's. */
static int move_state(struct options *o, char **ret) {
	if (!*o->root || o->state_dir_given)
		return 0;
	if (asprintf(ret, "%s" RTMEM_STATE_DIR, o->root) < 0) {
		*ret = NULL;
		return fail_errno(EXIT_CANT_TELL, ENOMEM, "--root");
	}
	o->state_dir = *ret;
	return 0;
}

/* The policies of a machine lie beside its settings. */
static int move_config(struct options *o) {
	static const char *const usual[] = { RTMEM_CONFIG_DIRS, NULL };

	if (!*o->root || o->config_dirs)
		return 0;
	o->config_of_root = true;
	STRV_FOREACH (directory, usual) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", o->root, *directory) < 0)
			path = NULL;
		if (!path || strv_append(&o->config_dirs, path) < 0)
			return fail_errno(EXIT_CANT_TELL, ENOMEM, "--root");
	}
	return 0;
}

static int run_verb(struct options *o, const struct verb *v, int argc, char *argv[]) {
	_cleanup_free_ char *state_dir = NULL;
	int r;

	argv[0] = program_invocation_short_name; /* for the messages of getopt */
	optind = 0; /* starts getopt over */
	r = take_options(o, v, argc, argv);
	if (r != 0)
		return r;
	if (o->version)
		return print_version();
	if (o->help)
		return print_verb_help(v);
	argc -= optind;
	argv += optind;
	r = check_count(v, argc);
	if (r == 0)
		r = move_state(o, &state_dir);
	if (r == 0)
		r = move_config(o);
	return r != 0 ? r : v->run(o, argc, argv);
}

/* help, help VERB */
static int help(const char *name) {
	const struct verb *v = name ? find_verb(name) : NULL;

	if (name && !v)
		return no_such_verb(name);
	return v ? print_verb_help(v) : print_help();
}

static int run(struct options *o, int argc, char *argv[]) {
	const struct verb *v;
	int r = take_options(o, NULL, argc, argv);

	if (r != 0)
		return r;
	if (o->version)
		return print_version();
	if (optind == argc) {
		if (o->help)
			return print_help();
		return fail(EXIT_USAGE, "a verb is missing; see `rtmemctl --help`");
	}
	if (strcmp(argv[optind], "help") == 0)
		return help(argv[optind + 1]);
	v = find_verb(argv[optind]);
	if (!v)
		return no_such_verb(argv[optind]);
	return run_verb(o, v, argc - optind, argv + optind);
}

/* An answer that didn't reach its reader is no good answer. */
static int finish(int status) {
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return fail_errno(status ? status : EXIT_NOT_GOOD, errno, "can't write the output");
}

int main(int argc, char *argv[]) {
	struct options o = {
		.runtime_dir = RTMEM_RUNTIME_DIR,
		.state_dir = RTMEM_STATE_DIR,
		.root = "",
	};
	int status;

	if (argc > 0)
		argv[0] = program_invocation_short_name; /* for the messages of getopt */
	status = run(&o, argc, argv);
	strv_free(o.config_dirs);
	return finish(status);
}
