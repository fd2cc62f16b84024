/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever anybody writes to the notify socket, whatever stands in a record of the runtime directory, and
 * whatever text a process has for the log: no crash, and what is accepted keeps its promises.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/life/ready.h"
#include "daemon/log.h"
#include "daemon/survive/record.h"
#include "daemon/watch/notify.h"

#define NOW 1000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_notification(const char *input) {
	_cleanup_free_ char *text = strdup(input);
	struct notification n;

	if (!text)
		return;
	notification_parse(text, &n);
	if (n.ready && !strstr(input, "READY=1"))
		abort();
	if (n.extend && !strstr(input, "EXTEND_TIMEOUT_USEC="))
		abort();
	if (n.section && (n.section < text || !strstr(input, "X_RTMEM_SECTION=")))
		abort();
	if (n.extend && ready_deadline(NOW, NOW, n.extend_usec) < NOW)
		abort();
}

static void check_record(const struct record *r) {
	if (r->pid < 0 || r->pid == 1 || r->state >= PROCESS_STATE_MAX ||
		r->report.kind >= REPORT_KIND_MAX || strlen(r->boot_id) == 0 ||
		strlen(r->boot_id) >= sizeof(r->boot_id))
		abort();
	if (r->n_events > EVENTS_MAX || r->n_notes > NOTES_MAX || r->n_threads > RECORD_THREADS_MAX)
		abort();
}

/* What is accepted survives being written and read. */
static void fuzz_record(const char *input) {
	_cleanup_free_ char *text = strdup(input);
	char again[RECORD_MAX_BYTES];
	struct record r, same;

	if (!text || record_parse(text, &r) < 0)
		return;
	check_record(&r);
	record_format(&r, again);
	if (record_parse(again, &same) < 0)
		abort();
	check_record(&same);
	if (same.pid != r.pid || same.state != r.state || same.wanted != r.wanted ||
		same.ready != r.ready ||
		(r.pid > 0 &&
			(same.base.minor != r.base.minor || same.start_ticks != r.start_ticks)))
		abort();
}

static void fuzz_printable(const char *input) {
	_cleanup_free_ char *text = strdup(input);

	if (!text)
		return;
	if (strlen(make_printable(text)) != strlen(input))
		abort();
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_notification(text);
	fuzz_record(text);
	fuzz_printable(text);
	return 0;
}
