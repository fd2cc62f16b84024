/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of rtmemd; everything else is the manager's. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "common/strv.h"
#include "common/units.h"
#include "config.h"
#include "daemon/log.h"
#include "daemon/manager.h"

static const char help_text[] =
	"Usage: rtmemd [OPTION]...\n"
	"Launches the programs of the policies with their memory prepared for real time, and keeps\n"
	"checking that they take no page fault. Stays in the foreground.\n"
	"\n"
	"  --config-dir DIR   directory of policies; may be repeated, the earlier wins\n"
	"                     (default: /etc/rtmem.d, /run/rtmem.d, /usr/lib/rtmem.d)\n"
	"  --watch-config     reload when something changes in these directories\n"
	"  --runtime-dir DIR  sockets and records (default: " RTMEM_RUNTIME_DIR ")\n"
	"  --state-dir DIR    original values of host settings (default: " RTMEM_STATE_DIR ")\n"
	"  --namespaces-of PID\n"
	"                     programs and settings see the mounts and the network of this process,\n"
	"                     whatever a sandbox of the unit shows rtmemd itself\n"
	"  --root DIR         prefix of /proc and /sys for host settings, and of the directories\n"
	"                     above where they aren't given\n"
	"  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
	"  --version          print the version\n"
	"  --help             print this text\n"
	"\n"
	"SIGHUP reloads the policies. SIGTERM ends the daemon and leaves the programs running;\n"
	"the next rtmemd adopts them.\n";

enum {
	OPTION_CONFIG_DIR = 256,
	OPTION_WATCH_CONFIG,
	OPTION_RUNTIME_DIR,
	OPTION_STATE_DIR,
	OPTION_ROOT,
	OPTION_NAMESPACES_OF,
	OPTION_LOG_LEVEL,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "config-dir", required_argument, NULL, OPTION_CONFIG_DIR },
	{ "watch-config", no_argument, NULL, OPTION_WATCH_CONFIG },
	{ "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "namespaces-of", required_argument, NULL, OPTION_NAMESPACES_OF },
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct options options;
	int log_level;
};

static int take_pid(const char *text, uint32_t *ret) {
	uint64_t n;

	if (parse_u64(text, &n) < 0 || n == 0 || n > INT32_MAX) {
		fprintf(stderr, "rtmemd: --namespaces-of %s: not a process id\n", text);
		return EXIT_USAGE;
	}
	*ret = (uint32_t)n;
	return -1;
}

/* -1 = go on, else the exit status. */
static int take_option(int option, struct arguments *a) {
	switch (option) {
	case OPTION_CONFIG_DIR:
		return strv_append(&a->options.config_dirs, optarg) < 0 ? EXIT_NOT_GOOD : -1;
	case OPTION_WATCH_CONFIG:
		a->options.watch_config = true;
		return -1;
	case OPTION_RUNTIME_DIR:
		a->options.runtime_dir = optarg;
		return -1;
	case OPTION_STATE_DIR:
		a->options.state_dir = optarg;
		return -1;
	case OPTION_ROOT:
		a->options.root = optarg;
		return -1;
	case OPTION_NAMESPACES_OF:
		return take_pid(optarg, &a->options.namespaces_of);
	case OPTION_LOG_LEVEL:
		a->log_level = log_level_from_string(optarg);
		if (a->log_level >= 0)
			return -1;
		fprintf(stderr,
			"rtmemd: --log-level %s: not a level; error, warning, notice, info "
			"and debug are\n",
			optarg);
		return EXIT_USAGE;
	case OPTION_VERSION:
		printf("rtmemd " RTMEM_VERSION "\n");
		return EXIT_GOOD;
	case OPTION_HELP:
		fputs(help_text, stdout);
		return EXIT_GOOD;
	default:
		fputs("Try 'rtmemd --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

static int take_arguments(int argc, char *argv[], struct arguments *a) {
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		int status = take_option(option, a);

		if (status >= 0)
			return status;
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "rtmemd: unexpected argument '%s'\nTry 'rtmemd --help'.\n", argv[optind]);
	return EXIT_USAGE;
}

static int default_directories(struct options *o) {
	static const char *const directories[] = { RTMEM_CONFIG_DIRS, NULL };

	STRV_FOREACH (directory, directories) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s%s", o->root, *directory) >= PATH_MAX ||
			strv_append(&o->config_dirs, path) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char *argv[]) {
	struct arguments a = {
		.options = {
			.runtime_dir = RTMEM_RUNTIME_DIR,
			.root = "",
		},
		.log_level = LOG_INFO,
	};
	char state_dir[PATH_MAX];
	int status = take_arguments(argc, argv, &a);

	if (status < 0) {
		if (!a.options.state_dir) /* one machine's originals say nothing about another's */
			a.options.state_dir = state_dir;
		(void)snprintf(state_dir, sizeof(state_dir), "%s" RTMEM_STATE_DIR, a.options.root);
		log_init(a.log_level);
		status = !a.options.config_dirs && default_directories(&a.options) < 0
			? EXIT_NOT_GOOD
			: manager_run(&a.options);
	}
	a.options.config_dirs = strv_free(a.options.config_dirs);
	return status;
}
