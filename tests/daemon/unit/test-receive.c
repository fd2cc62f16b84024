/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors that come with a message: they don't arrive, and nobody waits for their end. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/bus/receive.h"

#define LINGER_SEC  600
#define SOON_SEC    60 /* nothing like LINGER_SEC, on a slow machine */
#define N_LINGERING 20

static unsigned descriptors(void) {
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A connection whose last close() waits: whoever is at the other end reads nothing. */
static int lingering(int listener, int *ret_other) {
	static const struct linger long_time = { .l_onoff = 1, .l_linger = LINGER_SEC };
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	*ret_other = accept(listener, NULL, NULL);
	while (send(fd, &address, sizeof(address), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &long_time, sizeof(long_time)), 0);
	return fd;
}

static int pass(int socket, int fd) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { (void *)"READY=1", 7 };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int listen_here(void) {
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, N_LINGERING), 0);
	return fd;
}

static int make_pair(int type, int pair[2]) {
	int on = 1;

	assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
	return setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}

static void passed_descriptors_do_not_arrive(void **state) {
	char text[64];
	int pair[2];
	unsigned before;
	pid_t pid;

	assert_int_equal(make_pair(SOCK_DGRAM, pair), 0);
	before = descriptors();
	assert_int_equal(pass(pair[1], 0), 0);
	assert_int_equal(receive(pair[0], text, sizeof(text), &pid), 7);
	assert_int_equal(pid, getpid());
	assert_int_equal(pass(pair[1], 0), 0);
	assert_int_equal(receive(pair[0], text, sizeof(text), NULL), 7);
	assert_int_equal(descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}

static void nobody_waits_for_connections_that_linger(void **state) {
	int pair[2], listener = listen_here(), others[N_LINGERING], nested[2];
	time_t start = time(NULL);
	char text[64];

	assert_int_equal(make_pair(SOCK_DGRAM, pair), 0);
	for (int i = 0; i < N_LINGERING; i++) {
		int fd = lingering(listener, &others[i]), passed = fd;

		if (i % 2) { /* within a socket that is passed itself */
			assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, nested), 0);
			assert_int_equal(pass(nested[1], fd), 0);
			close(nested[1]);
			passed = nested[0];
		}
		assert_int_equal(pass(pair[1], passed), 0);
		if (passed != fd)
			close(passed);
		close(fd);
		assert_int_equal(receive(pair[0], text, sizeof(text), NULL), 7);
	}
	assert_true(time(NULL) - start < SOON_SEC);
	for (int i = 0; i < N_LINGERING; i++)
		close(others[i]);
	close(listener);
	close(pair[0]);
	close(pair[1]);
}

static void a_kernel_that_can_refuses_them_to_the_sender(void **state) {
	char text[64];
	int pair[2], r;

	assert_int_equal(make_pair(SOCK_DGRAM, pair), 0);
	receive_refuse_descriptors(pair[0]);
	r = pass(pair[1], 0);
	if (r == 0) { /* it's older */
		assert_int_equal(receive(pair[0], text, sizeof(text), NULL), 7);
		skip();
	}
	assert_int_equal(r, -EPERM);
	assert_int_equal(receive(pair[0], text, sizeof(text), NULL), -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

static void what_is_too_long_is_taken_off_and_said(void **state) {
	char text[64];
	int pair[2];

	assert_int_equal(make_pair(SOCK_DGRAM, pair), 0);
	assert_int_equal(pass(pair[1], 0), 0);
	assert_int_equal(receive(pair[0], text, 6, NULL), -EMSGSIZE);
	assert_int_equal(receive(pair[0], text, 6, NULL), -EAGAIN);
	close(pair[1]);
	close(pair[0]);
	assert_int_equal(make_pair(SOCK_SEQPACKET, pair), 0);
	close(pair[1]);
	assert_int_equal(receive(pair[0], text, 6, NULL), 0);
	close(pair[0]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passed_descriptors_do_not_arrive),
		cmocka_unit_test(nobody_waits_for_connections_that_linger),
		cmocka_unit_test(a_kernel_that_can_refuses_them_to_the_sender),
		cmocka_unit_test(what_is_too_long_is_taken_off_and_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
