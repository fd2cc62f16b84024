/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_NEWS_H
#define RTMEM_DAEMON_NEWS_H

/*
 * What clients hear without asking. Signals of org.rtmem1.Manager go out at once; changed properties are
 * gathered and go out once per iteration of the loop. While nobody listens nothing is made.
 */
#include "daemon/life/process.h"
#include "daemon/verdict/verdict.h"
#include "host/settings.h"

/** HostChanged: a setting of the machine reads otherwise. */
void news_host_changed(struct manager *m, const struct setting_state *now);
/** StateChanged; also called when only what is waited for or wanted changed (old is the present state),
 *  which is no signal. */
void news_state_changed(struct process *p, enum process_state old, enum process_event event);
/** ComplianceChanged: a finding is new (found), or gone. */
void news_finding(struct process *p, const struct finding *f, bool found);
/** Reloaded: "applied", "unchanged" or "refused". */
void news_reloaded(struct manager *m, const char *result);
/** ProcessAdded and ProcessRemoved, and those of the object manager. p is in the manager's table. */
void news_added(struct process *p);
void news_removed(struct process *p);

/** Somebody listens now, and nobody did before: what they find is what they know. */
void news_begin(struct manager *m);
/** PropertiesChanged of everything whose properties differ from what was told last. */
void news_flush(struct manager *m);

#endif
