/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_TRACEPOINT_H
#define RTMEM_DAEMON_TRACEPOINT_H

/* A place in the kernel that perf can be asked to tell of: its number, and where in its record what is. */
#include <stddef.h>
#include <stdint.h>

struct tracepoint {
	uint64_t id;
	size_t number_at; /* offset of the system call's number */
	size_t values_at; /* of its arguments, or of its result */
};

/** Looks it up in tracefs, wherever that is mounted or can be opened: "raw_syscalls/sys_enter", and the
 *  field that is wanted: "unsigned long args[6]". -ENOENT: this kernel has no such place; -EPERM, -EACCES:
 *  it can't be looked at. */
int tracepoint_find(const char *event, const char *field, struct tracepoint *ret);
/** Offset of a field in the text of a format file. -EBADMSG. */
int tracepoint_parse(const char *format, const char *field, size_t *ret_offset);

#endif
