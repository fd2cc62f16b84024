/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_WATCH_H
#define RTMEM_CTL_WATCH_H

/* The same view again every second, in place, until q or ^C. */
#include <stdio.h>

#include "ctl/ctl.h"

/** Calls show() each second. Returns the last exit status of it. */
int watch(int (*show)(const struct options *o, const char *name, FILE *out),
	const struct options *o, const char *name);

#endif
