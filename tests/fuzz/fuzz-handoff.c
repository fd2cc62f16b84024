/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever bytes come over a process border: no crash, no leak, and what is accepted is understood, so
 * that it survives being written and read once more.
 */
#include <stdlib.h>
#include <string.h>

#include "common/handoff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_plan(const uint8_t *data, size_t size) {
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_free_ void *again = NULL;
	size_t again_size;

	if (handoff_decode(data, size, &p) < 0)
		return;
	if (handoff_encode(&p, &again, &again_size) < 0 || again_size != size ||
		memcmp(data, again, size) != 0)
		abort();
}

static void fuzz_order(const uint8_t *data, size_t size) {
	char *text = strndup((const char *)data, size);
	struct init_order o, again;
	char formatted[INIT_ORDER_TEXT_MAX];

	if (text && init_order_parse(text, &o) == 0) {
		if (init_order_format(&o, formatted, sizeof(formatted)) < 0 ||
			init_order_parse(formatted, &again) < 0 || o.lock != again.lock ||
			o.heap_prealloc_bytes != again.heap_prealloc_bytes ||
			o.report_fd != again.report_fd)
			abort();
	}
	free(text);
}

static void fuzz_report(const uint8_t *data, size_t size) {
	struct report r;

	if (report_check(data, size, &r) == 0 &&
		strlen(r.text) + strlen(r.step) + strlen(r.malloc_owner) > sizeof(r))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	fuzz_plan(data, size);
	fuzz_order(data, size);
	fuzz_report(data, size);
	return 0;
}
