/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_DAEMON_JUDGE_H
#define RTMEM_TESTS_DAEMON_JUDGE_H

/* A policy and evidence that is wholly as wanted; a test spoils one thing of it. */
#include "daemon/verdict/verdict.h"

struct bench {
	struct process_policy policy;
	struct report report;
	struct process_memory memory;
	struct effective effective;
	struct evidence evidence;
	struct findings findings;
};

/** cmocka setup: strict, 8M heap, 1M stack, thp off, core 0; running, ready, reported, compliant. */
int bench_setup(void **state);
int bench_teardown(void **state);
enum compliance bench_judge(struct bench *b);
/** Judges: this finding and no other. detail NULL = none. */
void bench_expect_finding(struct bench *b, const char *rule, const char *wanted, const char *seen,
	const char *detail);
/** Judges: nothing but this note, whose text contains `part`. */
void bench_expect_note(struct bench *b, const char *rule, const char *part);
/** Judges: compliant, without finding or note. */
void bench_expect_silence(struct bench *b);

#endif
