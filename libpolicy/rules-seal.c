/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules about the seal of the memory map: what it presupposes, and what has no meaning beside it. */
#include "libpolicy/rules.h"

bool rule_seal_without_lock(struct subject *s) {
	if (s->p->memory.seal == SEAL_OFF || s->p->memory.lock != LOCK_NONE)
		return false;
	return rule_say(s,
		"memory.seal without a lock: the map stays as it is, but its pages may be taken away "
		"and fault; memory.lock is none");
}

bool rule_seal_without_heap(struct subject *s) {
	if (s->p->memory.seal != SEAL_DENY || s->p->memory.heap.prealloc_bytes > 0)
		return false;
	rule_advise(s, "heap: { prealloc: SIZE }, as much as it takes once it is ready");
	return rule_say(s,
		"memory.seal is deny, and no heap is made ahead: once the program is ready, malloc "
		"has what happens to be free, and then fails");
}

/* Ready at execve is before main(): the program would have to do without any of it. */
bool rule_seal_before_main(struct subject *s) {
	if (s->p->memory.seal != SEAL_DENY || s->p->ready.when != READY_EXEC)
		return false;
	return rule_say(s,
		"memory.seal is deny, but ready.when is exec, which is before main(): the program "
		"couldn't start a thread or load a library; allowed: notify, settle");
}

bool rule_fork_with_seal(struct subject *s) {
	bool promised = s->p->fork == FORK_ALLOW || s->p->fork == FORK_PRECOPY;

	if (s->p->memory.seal != SEAL_DENY || !promised)
		return false;
	return rule_say(s,
		"fork is %s, but memory.seal is deny, under which no process can be made once the "
		"program is ready; allowed: report, deny",
		s->p->fork == FORK_ALLOW ? "allow" : "precopy");
}
