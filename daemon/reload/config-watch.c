/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories are watched, not files: editors replace files by renaming others over them. What isn't there
 * yet is waited for in the nearest directory above it; what is reached through a link is watched where it
 * stands, and so is the link. Which watches that takes changes with every change, so they are all made anew
 * then, before the policies are read: nothing falls between. Changes come in bursts: half a second of quiet
 * ends one, ten seconds end it anyway.
 */
#include "daemon/reload/config-watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/strv.h"
#include "daemon/host/host.h"
#include "daemon/log.h"
#include "daemon/reload/apply.h"

#define QUIET_USEC    UINT64_C(500000)
#define BURST_USEC    UINT64_C(10000000)
#define TRY_LOOK_USEC UINT64_C(2000000) /* while a try keeps the policies from being applied */
#define ACCURACY_USEC 10000u
#define CHANGES                                                                             \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define EVENTS_BYTES 4096

struct config_watch {
	struct manager *manager;
	int fd;
	sd_event_source *source;
	sd_event_source *timer;
	uint64_t burst_usec; /* when the present one began; 0 = none */
	char **awaited; /* names beside those of policies that concern us: links, missing directories */
};

static bool ends_with(const char *text, const char *end) {
	size_t n = strlen(text), k = strlen(end);

	return n > k && strcmp(text + n - k, end) == 0;
}

bool config_watch_concerns(const char *name) {
	if (strncmp(name, "..", 2) == 0) /* a volume of Kubernetes: all files change by one link */
		return true;
	return name[0] != '.' && (ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

/* ---- what to watch ----------------------------------------------------------------------------- */

static int watch_directory(struct config_watch *w, const char *path) {
	return inotify_add_watch(w->fd, path, CHANGES | IN_MASK_ADD) < 0 ? -errno : 0;
}

/* Splits at the last slash; "" before it is the root. */
static char *split(char *path) {
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/* The entry `name` of the directory above it: where it comes from, or is replaced. */
static void watch_entry(struct config_watch *w, const char *path) {
	_cleanup_free_ char *above = strdup(path);
	char *name = above ? split(above) : NULL;

	while (name) {
		if (watch_directory(w, above) == 0) {
			if (!strv_contains(w->awaited, name))
				(void)strv_append(&w->awaited, name);
			return;
		}
		name = split(above);
	}
	if (above && watch_directory(w, "/") == 0 && above[0] == '/')
		(void)strv_append(&w->awaited, above + 1);
}

/* Only files: a link to /dev/null masks, and /dev/null is written to all the time. */
static void watch_target(struct config_watch *w, const char *link) {
	_cleanup_free_ char *target = realpath(link, NULL);
	struct stat st;

	if (target && stat(target, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		watch_entry(w, target);
}

static bool is_link(const char *path) {
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Links to files elsewhere */
static void watch_links(struct config_watch *w, const char *directory) {
	_cleanup_closedir_ DIR *d = opendir(directory);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		_cleanup_free_ char *path = NULL;

		if (!config_watch_concerns(e->d_name))
			continue;
		if (asprintf(&path, "%s/%s", directory, e->d_name) < 0) {
			path = NULL;
			return;
		}
		if (is_link(path))
			watch_target(w, path);
	}
}

static void watch_one(struct config_watch *w, const char *given) {
	_cleanup_free_ char *path = strdup(given);

	for (size_t n = path ? strlen(path) : 0; n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	if (!path)
		return;
	if (watch_directory(w, path) < 0 || is_link(path))
		watch_entry(w, path);
	watch_links(w, path);
}

/* ---- events ------------------------------------------------------------------------------------ */

static int on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int watch_all(struct config_watch *w) {
	int r;

	w->source = sd_event_source_disable_unref(w->source);
	w->fd = close_fd(w->fd);
	w->awaited = strv_free(w->awaited);
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return -errno;
	STRV_FOREACH (directory, w->manager->options->config_dirs)
		watch_one(w, *directory);
	r = sd_event_add_io(w->manager->event, &w->source, w->fd, EPOLLIN, on_events, w);
	return r < 0 ? r : sd_event_source_set_description(w->source, "rtmemd-config-watch");
}

static void set_timer(struct config_watch *w, uint64_t usec) {
	int r = sd_event_source_set_time_relative(w->timer, usec);

	if (r >= 0)
		r = sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_warning("a change of the policies isn't followed, no timer: %s", strerror(-r));
}

static int on_quiet(sd_event_source *s, uint64_t usec, void *userdata) {
	struct config_watch *w = userdata;
	char problem[SETTING_REASON_MAX];
	int r;

	if (host_is_trying(w->manager, problem)) {
		set_timer(w, TRY_LOOK_USEC);
		return 0;
	}
	w->burst_usec = 0;
	r = watch_all(w);
	if (r < 0) {
		log_warning("the policies can't be watched for now: %s", strerror(-r));
		set_timer(w, TRY_LOOK_USEC);
	}
	apply_changed(w->manager);
	return 0;
}

static void change_seen(struct config_watch *w) {
	uint64_t now = 0;

	(void)sd_event_now(w->manager->event, CLOCK_MONOTONIC, &now);
	if (!w->burst_usec)
		w->burst_usec = now;
	if (now - w->burst_usec < BURST_USEC)
		set_timer(w, QUIET_USEC);
}

static bool concerns(const struct config_watch *w, const struct inotify_event *e) {
	if (e->len == 0 || e->mask & IN_Q_OVERFLOW) /* the directory itself, or anything */
		return !(e->mask & (IN_IGNORED | IN_ATTRIB));
	return config_watch_concerns(e->name) || strv_contains(w->awaited, e->name);
}

static int on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	char buffer[EVENTS_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct config_watch *w = userdata;
	bool any = false;
	ssize_t n = read(fd, buffer, sizeof(buffer));

	for (const char *p = buffer; n > 0 && p < buffer + n;) {
		const struct inotify_event *e = (const struct inotify_event *)(const void *)p;

		any |= concerns(w, e);
		p += sizeof(*e) + e->len;
	}
	if (any)
		change_seen(w);
	return 0;
}

/* ---- life -------------------------------------------------------------------------------------- */

struct config_watch *config_watch_free(struct config_watch *w) {
	if (!w)
		return NULL;
	sd_event_source_disable_unref(w->source);
	sd_event_source_disable_unref(w->timer);
	close_fd(w->fd);
	strv_free(w->awaited);
	free(w);
	return NULL;
}
DEFINE_CLEANUP(struct config_watch *, config_watch_free)

static int make_timer(struct config_watch *w) {
	int r = sd_event_add_time(
		w->manager->event, &w->timer, CLOCK_MONOTONIC, 0, ACCURACY_USEC, on_quiet, w);

	if (r >= 0)
		r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
	return r < 0 ? r : sd_event_source_set_description(w->timer, "rtmemd-config-timer");
}

int config_watch_new(struct manager *m, struct config_watch **ret) {
	CLEANUP(config_watch_free_cleanup) struct config_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->manager = m;
	w->fd = -1;
	r = make_timer(w);
	if (r >= 0)
		r = watch_all(w);
	if (r < 0) {
		log_error("the directories of policies can't be watched: %s%s", strerror(-r),
			r == -EMFILE ? " (raise the sysctl fs.inotify.max_user_instances)" : "");
		return r;
	}
	*ret = TAKE(w);
	return 0;
}
