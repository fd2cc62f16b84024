/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is seen of the memory map against memory.seal. A denied call is a finding like one that was only
 * reported: the map is as it was, but the program wanted something that it didn't get.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/verdict/verdict.h"
#include "daemon/watch/seal.h"

#define SECCOMP_FILTERED 2 /* "Seccomp:" of /proc/PID/status */

/* Why it doesn't hold; NULL: it does, or the answer is still awaited. */
static const char *why_not_in_force(const struct evidence *e) {
	const struct seal *s = e->seal;

	if (s->problem)
		return s->problem;
	if (s->late)
		return "the library inside doesn't answer";
	if (s->in_force && e->memory && e->memory->seccomp != SECCOMP_FILTERED)
		return "the library inside says that it is, but the kernel knows of no filter";
	return NULL;
}

static void judge_calls(bool deny, const struct calls *c, struct findings *ret) {
	char seen[112], text[100], detail[480];

	if (!calls_any(c->n) && c->n_lost == 0)
		return;
	if (!deny) {
		calls_to_text(c->n, seen, sizeof(seen));
	} else {
		calls_to_text(c->n, text, sizeof(text));
		snprintf(seen, sizeof(seen), "denied: %s", text);
	}
	findings_add(ret, "seal", "no change of the memory map once ready", seen,
		calls_describe(c, detail, sizeof(detail)));
}

static void judge_size(const struct seal *s, struct findings *ret) {
	char seen[64];

	if (s->n_resized == 0)
		return;
	snprintf(seen, sizeof(seen), "another size in %" PRIu64 " readings", s->n_resized);
	findings_add(ret, "seal", "no change of the memory map once ready", seen,
		"the program mapped or unmapped memory");
}

/* Which way to count is missing, and what is seen all the same. */
static void note_source(bool deny, const struct calls *c, struct findings *ret) {
	const char *error = c ? strerror(-c->error) : "no memory";

	findings_note(ret, "seal",
		"single calls can't be counted here (%s: tracefs and perf's tracepoints are needed): "
		"%s",
		error,
		deny ? "what is denied is known to the program alone"
		     : "changes are seen by the size of the process, from reading to reading");
}

void verdict_seal(const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	bool deny = p->memory.seal == SEAL_DENY;
	const struct seal *s = e->seal;
	const char *why;

	if (p->memory.seal == SEAL_OFF || !s)
		return;
	why = deny ? why_not_in_force(e) : NULL;
	if (why) {
		findings_add(ret, "seal", "deny", "not in force", why);
		return;
	}
	if (s->calls && s->calls->error == 0)
		judge_calls(deny, s->calls, ret);
	else if (!deny)
		judge_size(s, ret);
	if (!s->calls || s->calls->error < 0)
		note_source(deny, s->calls, ret);
}
