/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a managed process writes to its report socket: no crash, no state that the table doesn't know,
 * and no more kept of it than its bounds allow. The input is cut into packets: a byte that says what kind,
 * one for the length, then the content. Kind 0 is raw; others fill in a report that has the right shape.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/log.h"
#include "daemon/status/status.h"
#include "daemon/unit/house.h"
#include "daemon/verdict/react.h"
#include "daemon/watch/report.h"
#include "daemon/watch/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] = "version: 1\n"
			     "processes:\n"
			     "  balanced:\n"
			     "    command: [/bin/camera]\n"
			     "    memory: { lock: balanced }\n"
			     "    ready: { when: exec }\n"
			     "  strict:\n"
			     "    command: [/bin/camera]\n"
			     "    ready: { when: notify }\n";

static struct house *house(void) {
	static struct house *h;

	if (!h) {
		if (house_setup((void **)&h) < 0)
			abort();
		log_init(LOG_CRIT);
		house_move_in(h, policy);
		if (sample_init(&h->manager) < 0)
			abort();
	}
	return h;
}

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take_byte(struct input *in) {
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static void take_bytes(struct input *in, void *buf, size_t size) {
	size_t n = size < in->size ? size : in->size;

	memcpy(buf, in->data, n);
	in->data += n;
	in->size -= n;
}

/* The fields in the order of the struct, then the text; what is missing is zero. */
static void send_report(int fd, struct input *in, uint8_t kind, size_t len) {
	struct report r;

	report_init(&r, kind % (REPORT_KIND_MAX + 1));
	take_bytes(in, (char *)&r + offsetof(struct report, kind) + sizeof(r.kind),
		offsetof(struct report, text) - offsetof(struct report, kind) - sizeof(r.kind));
	r.step[sizeof(r.step) - 1] = '\0';
	r.malloc_owner[sizeof(r.malloc_owner) - 1] = '\0';
	take_bytes(in, r.text, len);
	(void)send(fd, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_raw(int fd, struct input *in, size_t len) {
	char packet[sizeof(struct report) + 256] = { 0 };

	take_bytes(in, packet, len * 8 < sizeof(packet) ? len * 8 : sizeof(packet));
	(void)send(fd, packet, len * 8 < sizeof(packet) ? len * 8 : sizeof(packet),
		MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void check(const struct process *p) {
	if ((unsigned)p->state >= PROCESS_STATE_MAX || (unsigned)p->compliance >= COMPLIANCE_MAX ||
		p->n_notes > NOTES_MAX || p->n_findings > FINDINGS_MAX)
		abort();
	if (p->run && (p->run->n_notes > NOTES_MAX || p->run->events.n_items > EVENTS_MAX))
		abort();
	if (p->run && p->run->report && p->run->report->kind >= REPORT_KIND_MAX)
		abort();
}

static void tell_status(const struct manager *m, const struct process *p) {
	_cleanup_free_ char *json = NULL;

	if (status_document(m, p, &json) < 0)
		abort();
}

static void talk(struct process *p, struct input *in) {
	_cleanup_close_ int childs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	p->run->report_fd = pair[0];
	childs = pair[1];
	while (in->size > 0 && p->run && p->run->report_fd >= 0) {
		uint8_t kind = take_byte(in), len = take_byte(in);

		if (kind == 0)
			send_raw(childs, in, len);
		else
			send_report(childs, in, kind, len);
		report_drain(p);
		check(p);
	}
	if (p->run) {
		react_judge(p);
		check(p);
		tell_status(p->manager, p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct input in = { data, size };
	uint8_t choice = take_byte(&in);
	struct house *h = house();
	struct process *p = house_run(h, choice & 1 ? "strict" : "balanced");

	p->run->injection_wanted = choice & 2;
	talk(p, &in);
	p->run = run_free(p->run);
	p->state = PROCESS_STOPPED;
	return 0;
}
