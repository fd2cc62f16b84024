/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For builds without libseccomp, and with sanitizers, which make system calls of their own. */
#include <errno.h>

#include "daemon/confine/filter.h"

int filter_install(void) {
	return -ENOTSUP;
}
