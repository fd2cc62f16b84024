/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the program writes. It gets the file or the journal's socket itself: nothing stands between that
 * could fill up, block, or end with rtmemd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/io.h"
#include "exec/launch.h"
#include "exec/output-file.h"

#define JOURNAL_SOCKET "/run/systemd/journal/stdout"
#define JOURNAL_LEVEL  6 /* info, for lines that don't say otherwise ("<3>...") */

/* What journald wants to know first: a line each for identifier, unit (it finds that out itself), level,
 * whether lines begin with a level, and whether they go to syslog, kmsg or the console, too. */
static int introduce(int fd, const char *identifier) {
	char text[160];
	int n = snprintf(
		text, sizeof(text), "%.100s\n\n%d\n1\n0\n0\n0\n", identifier, JOURNAL_LEVEL);

	return write_all(fd, text, (size_t)n);
}

static int open_journal(const char *identifier) {
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (shutdown(fd, SHUT_RD) < 0)
		return -errno;
	r = introduce(fd, identifier);
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_nothing(void) {
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

static int open_target(struct launch *l, const struct step *s) {
	struct output_rights rights = { .root = geteuid() == 0, .uid = (uid_t)s->number[1] };

	if (strcmp(s->text, "none") == 0)
		return open_nothing();
	if (strncmp(s->text, "journal:", strlen("journal:")) == 0)
		return open_journal(s->text + strlen("journal:"));
	return output_file_open(s->text, &rights, l->why, sizeof(l->why));
}

int step_output(struct launch *l, const struct step *s) {
	_cleanup_close_ int fd = open_target(l, s);

	if (fd < 0)
		return fd;
	for (int target = STDOUT_FILENO; target <= STDERR_FILENO; target++)
		if ((s->number[0] >> target & 1) && dup2(fd, target) < 0)
			return -errno;
	if (fd <= STDERR_FILENO) /* it was closed before, and stays open now */
		(void)TAKE_FD(fd);
	return 0;
}
