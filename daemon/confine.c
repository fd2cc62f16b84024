/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First of all, before any policy or client is listened to. Where a kernel or a container doesn't let us
 * be confined, rtmemd works all the same and says so: who relies on the programs would be worse off with
 * none.
 */
#include "daemon/confine.h"

#include <errno.h>
#include <string.h>

#include "daemon/filter.h"
#include "daemon/hands.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/privileges.h"
#include "daemon/starter.h"

static void install_filter(void) {
	int r = filter_install();

	if (r == -ENOTSUP)
		log_debug("built without a filter of system calls");
	else if (r < 0)
		log_warning(
			"no filter of system calls: %s (is seccomp in this kernel?)", strerror(-r));
}

int confine(struct manager *m) {
	int r = hands_new("rtmemd-hands", &m->hands);

	if (r < 0) {
		log_error("can't start a thread: %s; raise the limit of tasks (TasksMax= of the "
			  "unit)",
			strerror(-r));
		return r;
	}
	r = starter_new(&m->starter);
	if (r < 0)
		log_debug("launches copy all descriptors: %s", strerror(-r));
	r = privileges_drop();
	if (r < 0)
		log_warning("capabilities that aren't needed can't be dropped: %s", strerror(-r));
	install_filter();
	return 0;
}
