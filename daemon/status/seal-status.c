/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.seal as a part of the status document: of processes that have one. */
#include "common/json.h"
#include "daemon/life/process.h"
#include "daemon/watch/seal.h"
#include "libpolicy/enums.h"

static void write_calls(struct json *j, const uint64_t n[static SEAL_CALL_MAX]) {
	json_object_begin(j, "calls");
	for (enum seal_call call = 0; call < SEAL_CALL_MAX; call++)
		if (n[call] > 0)
			json_int(j, seal_call_to_string(call), (int64_t)n[call]);
	json_object_end(j);
}

static void write_threads(struct json *j, const struct calls *c) {
	json_array_begin(j, "threads");
	for (size_t i = 0; i < c->n_threads; i++) {
		json_object_begin(j, NULL);
		json_int(j, "tid", c->threads[i].tid);
		json_string(j, "name", c->threads[i].name);
		write_calls(j, c->threads[i].n);
		json_object_end(j);
	}
	json_array_end(j);
}

void seal_write(struct json *j, const struct process *p) {
	static const struct calls nothing = { .error = -1 };
	enum seal_mode mode = p->policy->memory.seal;
	const struct seal *s = p->run ? &p->run->seal : NULL;
	const struct calls *c = s && s->calls ? s->calls : &nothing;

	if (mode == SEAL_OFF)
		return;
	json_object_begin(j, "seal");
	json_string(j, "mode", enum_to_string(seal_names, (int)mode));
	json_bool(j, "in_force", mode == SEAL_DENY && s && s->in_force && !s->problem);
	json_string(j, "source", c->error == 0 ? "calls" : mode == SEAL_DENY ? "none" : "size");
	write_calls(j, c->n);
	json_int(j, "lost", (int64_t)c->n_lost);
	write_threads(j, c);
	json_object_end(j);
}
