/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

int fail(int status, const char *format, ...) {
	va_list args;

	fputs("rtmemctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int fail_errno(int status, int error, const char *what) {
	return fail(status, "%s: %s", what, strerror(error < 0 ? -error : error));
}
