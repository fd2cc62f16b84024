/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `deny CALL PROGRAM ARG...`: runs it under a filter that refuses a system call, as container profiles do,
 * ends who calls it, or answers as an older kernel does. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MADV_POPULATE_WRITE_NUMBER 23

static const struct refusal {
	const char *name;
	uint32_t call;
	uint32_t third; /* argument that is meant; 0 = any */
	uint32_t error; /* 0 = the end */
} refusals[] = {
	{ "mlockall", SYS_mlockall, 0, EPERM }, { "mlockall-kill", SYS_mlockall, 0, 0 },
	{ "ptrace", SYS_ptrace, 0, EPERM },
	{ "populate", SYS_madvise, MADV_POPULATE_WRITE_NUMBER, EINVAL }, /* before Linux 5.14 */
	{ "clone", SYS_clone, 0, EPERM }, /* threads of the C library come by clone3() */
};

static const struct refusal *find(const char *name) {
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (strcmp(refusals[i].name, name) == 0)
			return &refusals[i];
	return NULL;
}

static int refuse(const struct refusal *r) {
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->call, 0, r->third ? 3 : 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->third, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			r->error ? SECCOMP_RET_ERRNO | r->error : SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	if (!r->third) { /* no look at the argument */
		code[2] = code[4];
		code[3] = code[5];
		program.len = 4;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
		? -1
		: 0;
}

int main(int argc, char *argv[]) {
	const struct refusal *r = argc > 2 ? find(argv[1]) : NULL;

	if (!r)
		return 2;
	if (refuse(r) < 0) {
		perror("seccomp");
		return 77;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
