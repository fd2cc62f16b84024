/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/enums.h"
#include "libpolicy/process.h"
#include "libpolicy/wish.h"

const char *lock_mode_to_string(enum lock_mode m) {
	return enum_to_string(lock_names, (int)m);
}

const char *ready_when_to_string(enum ready_when w) {
	return enum_to_string(ready_names, (int)w);
}

const char *on_violation_to_string(enum on_violation v) {
	return enum_to_string(violation_names, (int)v);
}

const char *restart_when_to_string(enum restart_when w) {
	return enum_to_string(restart_names, (int)w);
}

const char *stop_signal_to_string(int sig) {
	return enum_to_string(stop_signal_names, sig);
}

uint64_t restart_policy_delay(const struct restart_policy *r, uint32_t n) {
	uint64_t delay = r->delay_usec, max = r->delay_max_usec;

	if (delay == 0 || max <= delay)
		return delay;
	for (uint32_t i = 1; i < n && delay < max; i++)
		delay = delay <= max / 2 ? delay * 2 : max;
	return delay;
}

struct policy_set *policy_set_ref(struct policy_set *s) {
	s->n_ref++;
	return s;
}

static void processes_free(struct process_policy *list, size_t n) {
	for (size_t i = 0; i < n; i++)
		process_done(&list[i]);
	free(list);
}

struct policy_set *policy_set_unref(struct policy_set *s) {
	if (!s || --s->n_ref > 0)
		return NULL;
	free(s->by_name);
	processes_free(s->processes, s->n_processes);
	processes_free(s->profiles, s->n_profiles);
	wishes_free(s->wishes, s->n_wishes);
	strv_free(s->files);
	free(s);
	return NULL;
}

static const struct process_policy *find(
	const struct process_policy *list, size_t n, const char *name) {
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static int compare_names(const void *a, const void *b) {
	return strcmp((*(const struct process_policy *const *)a)->name,
		(*(const struct process_policy *const *)b)->name);
}

int policy_set_index(struct policy_set *s) {
	s->by_name = calloc(s->n_processes + 1, sizeof(struct process_policy *));
	if (!s->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_processes; i++)
		s->by_name[i] = &s->processes[i];
	qsort(s->by_name, s->n_processes, sizeof(struct process_policy *), compare_names);
	return 0;
}

static int compare_name(const void *name, const void *item) {
	return strcmp(name, (*(const struct process_policy *const *)item)->name);
}

const struct process_policy *policy_set_find(const struct policy_set *s, const char *name) {
	const struct process_policy *const *found;

	if (!s->by_name)
		return find(s->processes, s->n_processes, name);
	found = bsearch(
		name, s->by_name, s->n_processes, sizeof(struct process_policy *), compare_name);
	return found ? *found : NULL;
}

const struct process_policy *policy_set_find_profile(const struct policy_set *s, const char *name) {
	return find(s->profiles, s->n_profiles, name);
}
