/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making gigabytes present takes seconds; a timeout made for a program's own start shouldn't end in the
 * middle of it. Only what moves is waited for: a report that says the same as the one before it gives no
 * more time. Our own manager is told the same, because it waits for us.
 */
#include "daemon/life/progress.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/life/ready.h"
#include "daemon/manager.h"
#include "daemon/self.h"

static bool moved(const struct run *r, const struct report *report) {
	return !r->progress || report->heap_bytes > r->progress_bytes ||
		(report->heap_bytes == 0 && strcmp(r->progress, report->text) != 0);
}

void progress_told(struct process *p, const struct report *report) {
	struct run *r = p->run;
	char *text;

	if (r->report || r->ready || !moved(r, report))
		return;
	text = strdup(report->text);
	if (!text)
		return;
	free(r->progress);
	r->progress = text;
	r->progress_bytes = report->heap_bytes;
	ready_extend(p, p->policy->ready.timeout_usec);
	self_progress(p->manager);
	p->manager->changed = true;
}

void progress_done(struct process *p) {
	free(TAKE(p->run->progress));
}
