/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exec/trace.h"
void trace_serve(struct tracer *t) {
	(void)t;
}
