/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CONFIG_WATCH_H
#define RTMEM_DAEMON_CONFIG_WATCH_H

/* rtmemd --watch-config: a change in the directories of policies is a reload. */
#include "daemon/manager.h"

struct config_watch;

/** Does an event for this name concern policies? Pure. */
bool config_watch_concerns(const char *name);

/** Begins to watch. 0 or -errno, logged. */
int config_watch_new(struct manager *m, struct config_watch **ret);
struct config_watch *config_watch_free(struct config_watch *w);

#endif
