/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells what it was given: what the kernel says of it, and what its C library will do. */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

static void show_file(const char *path) {
	char line[512];
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		fputs(line, stdout);
	fclose(f);
}

static void show_descriptors(void) {
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			printf("fd=%s\n", e->d_name);
	closedir(d);
}

static void show_stack(void) {
	pthread_attr_t attr;
	size_t size = 0;

	if (pthread_getattr_default_np(&attr) == 0)
		pthread_attr_getstacksize(&attr, &size);
	printf("thread_stack=%zu\n", size);
}

int main(void) {
	struct sched_param param = { 0 };
	char cwd[4096];

	sched_getparam(0, &param);
	printf("dumpable=%d\n", prctl(PR_GET_DUMPABLE));
	printf("thp_disabled=%d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	printf("policy=%d\n", sched_getscheduler(0));
	printf("priority=%d\n", param.sched_priority);
	printf("nice=%d\n", getpriority(PRIO_PROCESS, 0));
	printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)));
	printf("session=%d\n", getsid(0) == getpid());
	show_stack();
	show_descriptors();
	for (char **e = environ; *e; e++)
		printf("env:%s\n", *e);
	show_file("/proc/self/oom_score_adj");
	show_file("/proc/self/limits");
	show_file("/proc/self/status");
	return 0;
}
