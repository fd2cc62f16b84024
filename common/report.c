/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One packet per event. A sequenced-packet socket keeps packets whole, so a report is a plain struct;
 * the receiver still believes none of it before report_check(): the sender may be any program that
 * inherited the descriptor. No allocation on either side: libinit sends before main().
 */
#include "common/handoff.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void report_init(struct report *r, enum report_kind kind) {
	*r = (struct report){
		.magic = REPORT_MAGIC,
		.version = REPORT_VERSION,
		.kind = (uint16_t)kind,
		.pid = getpid(),
	};
}

int report_send(int fd, const struct report *r) {
	ssize_t n;

	if (fd < 0)
		return 0;
	do
		n = send(fd, r, sizeof(*r), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*r) ? 0 : -EIO;
}

int report_check(const void *data, size_t size, struct report *ret) {
	if (size != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, data, sizeof(*ret));
	if (ret->magic != REPORT_MAGIC || ret->version != REPORT_VERSION)
		return -EBADMSG;
	if (ret->kind < REPORT_EXEC_FAILED || ret->kind >= REPORT_KIND_MAX)
		return -EBADMSG;
	ret->step[sizeof(ret->step) - 1] = '\0';
	ret->malloc_owner[sizeof(ret->malloc_owner) - 1] = '\0';
	ret->text[sizeof(ret->text) - 1] = '\0';
	return 0;
}
