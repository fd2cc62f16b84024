/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules about the way into a program: what is asked for inside it, and who could do that. */
#include "libpolicy/rules.h"

#include "libpolicy/injection.h"

bool rule_inject_none_strict(struct subject *s) {
	if (s->p->inject != INJECT_NONE || s->p->memory.lock != LOCK_STRICT)
		return false;
	rule_advise(s, "inject: auto; or memory: { lock: none }");
	return rule_say(s,
		"inject is none, but memory.lock is strict, which starts nothing that it can't "
		"protect; allowed: auto, preload, ptrace");
}

/* Without inject: auto the policy itself says that the library isn't there. */
bool rule_inject_needs_library(struct subject *s) {
	const char *why = injection_needs_library(s->p);

	if (!why || (s->p->inject != INJECT_PTRACE && s->p->inject != INJECT_NONE))
		return false;
	return rule_say(s, "inject is %s, but %s; allowed: auto, preload",
		s->p->inject == INJECT_NONE ? "none" : "ptrace", why);
}
