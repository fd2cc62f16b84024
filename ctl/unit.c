/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl unit: the drop-in that puts a service of systemd under a policy. `rtmemctl run` goes before
 * its command and becomes it, so that the main process, notifications and exit status stay the service's.
 *
 * The policy stays the one place that says how the program runs. The drop-in gives what a launcher that
 * isn't root can't take for itself: limits as high as the policy sets them, and capabilities to pass on.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/plan.h"
#include "ctl/policies.h"
#include "ctl/service-file.h"

struct unit_view {
	const struct options *options;
	const struct process_policy *policy;
	const struct service *service; /* NULL = the policy's own command */
	char program[PATH_MAX]; /* rtmemctl, as it was started */
	unsigned n_obstacles;
};

/* ---- what stands in the way -------------------------------------------------------------------- */

static bool is_realtime(const struct process_policy *p) {
	return p->scheduling.policy == SCHED_FIFO || p->scheduling.policy == SCHED_RR;
}

static bool leaves_its_process(const struct unit_view *v) {
	const char *type = service_get(v->service, "Type");

	return type && strcmp(type, "forking") == 0;
}

static bool forbids_realtime(const struct unit_view *v) {
	return is_realtime(v->policy) && service_is_on(v->service, "RestrictRealtime");
}

static bool forbids_capabilities(const struct unit_view *v) {
	return service_is_on(v->service, "PrivateUsers");
}

static bool forbids_locks(const struct unit_view *v) {
	const struct service_line *line;

	for (size_t n = 0; (line = service_list(v->service, "SystemCallFilter", n)); n++)
		if (line->value[0] == '~' &&
			(strstr(line->value, "@memlock") || strstr(line->value, "mlockall")))
			return true;
	return false;
}

static bool hides_rtmem(const struct unit_view *v) {
	return service_get(v->service, "RootDirectory") || service_get(v->service, "RootImage");
}

static bool has_another_user(const struct unit_view *v) {
	const char *user = service_get(v->service, "User");

	return user && v->policy->user && strcmp(user, v->policy->user) != 0 &&
		strcmp(user, "root") != 0 && strcmp(user, "0") != 0;
}

static const struct {
	bool (*stands)(const struct unit_view *v);
	const char *text;
} obstacles[] = {
	{ leaves_its_process,
		"Type=forking: the program goes on in a child, and a lock ends at fork(). Tell the "
		"program to stay in the foreground, and set Type=simple or notify." },
	{ forbids_realtime,
		"RestrictRealtime=yes forbids the policy's scheduling: set RestrictRealtime=no." },
	{ forbids_capabilities,
		"PrivateUsers=yes: capabilities don't count for locking in a user namespace; only "
		"LimitMEMLOCK= does." },
	{ forbids_locks,
		"SystemCallFilter= forbids locking: add SystemCallFilter=@memlock behind it." },
	{ hides_rtmem,
		"RootDirectory= or RootImage=: rtmemctl, rtmem-exec, librtmem-init.so and the "
		"policies have to be in there, too." },
	{ has_another_user,
		"User= isn't the user of the policy, and only root can change it: let one of the "
		"two go." },
};

static void print_obstacles(struct unit_view *v) {
	for (size_t i = 0; v->service && i < ARRAY_LEN(obstacles); i++) {
		if (!obstacles[i].stands(v))
			continue;
		v->n_obstacles++;
		printf("# In the way: %s\n", obstacles[i].text);
		fprintf(stderr, "rtmemctl: %s: %s\n", v->service->name, obstacles[i].text);
	}
}

/* ---- the command ------------------------------------------------------------------------------- */

/* As systemd reads it: quotes with backslashes, and neither specifiers nor variables. */
static void print_word(const char *word) {
	bool plain = *word &&
		strspn(word,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789_@+=:,./-") == strlen(word);

	if (!plain)
		putchar('"');
	for (const char *c = word; *c; c++) {
		if (*c == '"' || *c == '\\')
			putchar('\\');
		else if (*c == '%' || *c == '$')
			putchar(*c);
		if (*c == '\n')
			fputs("\\n", stdout);
		else
			putchar(*c);
	}
	if (!plain)
		putchar('"');
}

static void print_launcher(const struct unit_view *v) {
	print_word(v->program);
	STRV_FOREACH (directory, v->options->config_of_root ? NULL : v->options->config_dirs) {
		char real[PATH_MAX];

		fputs(" --config-dir ", stdout);
		print_word(realpath(*directory, real) ? real : *directory);
	}
	fputs(" run --policy ", stdout);
	print_word(v->policy->name);
	fputs(" -- ", stdout);
}

/* "-@/usr/bin/foo name ..." : what changes how systemd starts it stays in front. An argv[0] of its own
 * (the @) can't be kept, as the program is no longer started by systemd. */
static void print_wrapped(const struct unit_view *v, const char *command) {
	size_t n = strspn(command, "@-:+!|");
	const char *rest = command + n;
	bool has_name = memchr(command, '@', n);

	fputs("ExecStart=", stdout);
	for (size_t i = 0; i < n; i++)
		if (command[i] != '@')
			putchar(command[i]);
	print_launcher(v);
	if (has_name) {
		size_t program = strcspn(rest, " \t"), gap;

		printf("%.*s", (int)program, rest);
		rest += program;
		gap = strspn(rest, " \t");
		rest += gap + strcspn(rest + gap, " \t");
	}
	printf("%s\n", rest);
}

static bool is_wrapped(const char *command) {
	const char *at = strstr(command, "rtmemctl ");

	return at && strstr(at, " run ");
}

static void print_commands(const struct unit_view *v) {
	const struct service_line *line;

	puts("# Empty first: otherwise the command would be another one, beside the service's own.\n"
	     "ExecStart=");
	if (!v->service) {
		fputs("ExecStart=", stdout);
		print_launcher(v);
		STRV_FOREACH (word, v->policy->command) {
			if (word != (char *const *)v->policy->command)
				putchar(' ');
			print_word(*word);
		}
		putchar('\n');
		return;
	}
	for (size_t n = 0; (line = service_list(v->service, "ExecStart", n)); n++) {
		printf("# %s:%u\n", line->file, line->line);
		print_wrapped(v, line->value);
	}
}

/* ---- rights ------------------------------------------------------------------------------------ */

static void print_limit(int resource, uint64_t value) {
	const char *name = rlimit_to_string(resource);

	fputs("Limit", stdout);
	for (; *name; name++)
		putchar(toupper((unsigned char)*name));
	if (value == BYTES_UNLIMITED)
		puts("=infinity");
	else
		printf("=%" PRIu64 "\n", value);
}

/* What the launch plan will set for a launcher that may. */
static bool wanted_limit(const struct process_policy *p, int resource, uint64_t *ret) {
	const struct limit *limit = &p->limits[resource];

	if (limit->set)
		*ret = limit->value;
	else if (resource == RLIMIT_MEMLOCK && p->memory.lock != LOCK_NONE)
		*ret = BYTES_UNLIMITED;
	else if (resource == RLIMIT_RTPRIO && is_realtime(p))
		*ret = (uint64_t)p->scheduling.priority;
	else if (resource == RLIMIT_NICE && p->scheduling.nice_set && p->scheduling.nice < 0)
		*ret = (uint64_t)(20 - p->scheduling.nice); /* as the kernel counts */
	else
		return false;
	return true;
}

static void print_capabilities(const struct unit_view *v) {
	uint64_t mask = v->policy->capabilities_set ? v->policy->capabilities : 0;
	char names[CAPABILITY_LIST_TEXT_MAX] = "";

	for (int n = 0; n < 64 && mask; n++) {
		const char *name = mask & CAPABILITY_BIT(n) ? capability_to_string(n) : NULL;
		size_t used = strlen(names);

		if (!name)
			continue;
		snprintf(names + used, sizeof(names) - used, "%sCAP_", used ? " " : "");
		for (used = strlen(names); *name && used + 1 < sizeof(names); name++, used++) {
			names[used] = (char)toupper((unsigned char)*name);
			names[used + 1] = '\0';
		}
	}
	if (!*names)
		return;
	printf("AmbientCapabilities=%s\n", names);
	if (v->service && service_get(v->service, "CapabilityBoundingSet"))
		printf("CapabilityBoundingSet=%s\n", names);
}

static void print_rights(const struct unit_view *v) {
	puts("\n# Rights that rtmemctl run needs where User= isn't root, to set what the policy says: the "
	     "ceiling,\n# not the setting.");
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		uint64_t value;

		if (wanted_limit(v->policy, i, &value))
			print_limit(i, value);
	}
	if (v->policy->oom_score_adjust_set)
		printf("OOMScoreAdjust=%d\n", v->policy->oom_score_adjust);
	print_capabilities(v);
}

/* ---- what is systemd's ------------------------------------------------------------------------- */

static void print_output(const char *key, const char *target) {
	if (!target || strcmp(target, "inherit") == 0)
		return;
	printf("%s=", key);
	if (strcmp(target, "none") == 0)
		puts("null");
	else if (target[0] == '/')
		printf("append:%s\n", target);
	else
		puts(target);
}

static void print_bytes(const char *key, uint64_t bytes) {
	if (bytes > 0)
		printf("%s=%" PRIu64 "\n", key, bytes);
}

static void print_surroundings(const struct unit_view *v) {
	const struct output_policy *o = &v->policy->output;
	const struct cgroup_policy *c = &v->policy->cgroup;

	if (!o->standard && !o->error && !c->memory_min_bytes && !c->memory_low_bytes &&
		!c->memory_max_bytes)
		return;
	puts("\n# What rtmemctl run leaves to systemd. Nobody rotates a file here.");
	print_output("StandardOutput", o->standard);
	print_output("StandardError", o->error);
	print_bytes("MemoryMin", c->memory_min_bytes);
	print_bytes("MemoryLow", c->memory_low_bytes);
	print_bytes("MemoryMax", c->memory_max_bytes);
}

/* ---- all of it --------------------------------------------------------------------------------- */

static const char *service_name(const struct unit_view *v, char buf[static NAME_MAX]) {
	if (v->service)
		return v->service->name;
	snprintf(buf, NAME_MAX, "%.200s.service", v->policy->name);
	return buf;
}

static int print_drop_in(struct unit_view *v) {
	char buf[NAME_MAX];
	const char *name = service_name(v, buf);

	printf("# Runs %s under the policy `%s` (%s:%u). Put this into\n"
	       "#   /etc/systemd/system/%s.d/" SERVICE_DROP_IN "\n"
	       "# and then: systemctl daemon-reload && systemctl restart %s\n",
		name, v->policy->name, v->policy->place.file, v->policy->place.line, name, name);
	print_obstacles(v);
	puts("[Service]");
	print_commands(v);
	print_rights(v);
	print_surroundings(v);
	puts("\n# Scheduling, CPUs, user, umask, environment and memory are set from the policy, at each start.\n"
	     "# Type= stays as it is: the program is the main process, and its READY=1 counts.");
	return v->n_obstacles ? EXIT_NOT_GOOD : EXIT_GOOD;
}

static int load_service(const struct options *o, struct service *ret) {
	const struct service_line *line;
	int r = service_load(o->root, o->service, ret);
	size_t n;

	if (r == -ENOENT)
		return fail(EXIT_NOT_GOOD,
			"there is no unit file of %s in the directories of systemd; --service takes "
			"the path of a file, too",
			o->service);
	if (r < 0)
		return fail_errno(EXIT_NOT_GOOD, r, o->service);
	for (n = 0; (line = service_list(ret, "ExecStart", n)); n++)
		if (is_wrapped(line->value))
			return fail(EXIT_NOT_GOOD, "%s:%u: it's run by rtmemctl already",
				line->file, line->line);
	return n ? 0 : fail(EXIT_NOT_GOOD, "%s has no ExecStart=", ret->name);
}

int verb_unit(const struct options *o, int argc, char *argv[]) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_service_ struct service service = { 0 };
	struct unit_view view = { .options = o };
	ssize_t n;
	int r = policies_load(o, NULL, &set, EXIT_NOT_GOOD);

	if (r != 0)
		return r;
	view.policy = policies_find(set, argv[0]);
	if (!view.policy)
		return policies_unknown(set, argv[0], EXIT_NOT_GOOD);
	if (o->service) {
		r = load_service(o, &service);
		if (r != 0)
			return r;
		view.service = &service;
	} else if (!view.policy->command) {
		return fail(EXIT_NOT_GOOD,
			"`%s` is a profile without a command: rtmemctl unit %s --service SERVICE takes "
			"that of a service",
			argv[0], argv[0]);
	}
	n = readlink("/proc/self/exe", view.program, sizeof(view.program) - 1);
	if (n < 0)
		return fail_errno(EXIT_CANT_TELL, errno, "/proc/self/exe");
	return print_drop_in(&view);
}
