/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_HANDS_H
#define RTMEM_DAEMON_HANDS_H

/* A thread that keeps all its rights: one writes settings of the machine, one starts programs. */

struct hands;

/** Before the calling thread gives anything up: the new one is what the caller is now. -errno. */
int hands_new(const char *name, struct hands **ret);
/** Ends the thread. NULL is fine. Returns NULL. */
struct hands *hands_free(struct hands *h);

/** Has task(userdata) done there, waits for it, returns its result. With NULL: does it here. The task may
 *  look at everything of the caller's, who stands still meanwhile. */
int hands_do(struct hands *h, int (*task)(void *userdata), void *userdata);
#endif
