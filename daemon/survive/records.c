/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A record names the process that it is of, so that one of a thousand is found without a search. Only a
 * child that shares its parent's counters (children: inherit) has a number that nobody manages; such
 * records come in bursts from the same one.
 */
#include "daemon/survive/records.h"

#include "daemon/manager.h"
#include "daemon/watch/witness.h"

struct drain {
	struct manager *manager;
	struct process *last; /* whose the last fault was */
};

static bool take_fault(struct process *p, const struct ring_record *record) {
	return p && p->run && faults_record(&p->run->faults, record);
}

static void on_fault(struct drain *d, const struct ring_record *record) {
	struct manager *m = d->manager;
	struct process *named;

	if (take_fault(d->last, record))
		return;
	named = manager_find_pid(m, record->pid);
	if (take_fault(named, record)) {
		d->last = named;
		return;
	}
	for (size_t i = 0; i < m->n_processes; i++)
		if (take_fault(m->processes[i], record)) {
			d->last = m->processes[i];
			return;
		}
}

static void on_record(const struct ring_record *record, void *userdata) {
	struct drain *d = userdata;
	struct process *p;

	if (record->kind == RING_FAULT || record->kind == RING_LOST) {
		on_fault(d, record);
		return;
	}
	p = manager_find_pid(d->manager, record->pid);
	if (p)
		witness_record(p, record);
}

void records_drain(struct manager *m) {
	struct drain d = { .manager = m };

	rings_drain(&m->rings, on_record, &d);
}
