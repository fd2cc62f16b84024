/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_ORDER_H
#define RTMEM_DAEMON_ORDER_H

/* `after`: who waits for whom. */
#include "daemon/manager.h"

#define ORDER_TEXT_MAX 160

/** Pure: is it on its way up, so that others wait for it? */
bool order_is_awaited(const struct process *p);
/** One of those that have to be ready before p and aren't, counted from 0; NULL when there are no more. */
const struct process *order_awaited(const struct process *p, size_t n);
/** "broker, logger"; "" when p waits for nobody. */
const char *order_describe(const struct process *p, char buf[static ORDER_TEXT_MAX]);
/** Something changed that others may have waited for: looks once what is going on has been dealt with. */
void order_schedule(struct manager *m);
void order_done(struct manager *m);

#endif
