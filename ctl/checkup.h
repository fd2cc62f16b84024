/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_CHECKUP_H
#define RTMEM_CTL_CHECKUP_H

/* Facts -> what a person should know, with the way out. Pure. */
#include <stddef.h>

#include "host/checkup.h"

enum remark_kind {
	REMARK_OK,
	REMARK_ADVICE, /* works, but may cost a fault or a delay one day */
	REMARK_PROBLEM, /* locking fails, or has failed */
	REMARK_KIND_MAX,
};
const char *remark_kind_to_string(enum remark_kind kind);

#define REMARK_TEXT_MAX 640
#define REMARKS_MAX	12u

struct remark {
	const char *subject; /* "lock", "memlock", "swap" ... */
	enum remark_kind kind;
	char text[REMARK_TEXT_MAX];
};

struct remarks {
	struct remark items[REMARKS_MAX];
	size_t n_items;
};

void checkup(const struct checkup_facts *f, struct remarks *ret);
/** The worst of them. */
enum remark_kind remarks_worst(const struct remarks *r);

#endif
