/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps and fills `late MIB` only after its start, says so, and stays until its input is closed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char *argv[]) {
	size_t bytes = argc > 1 ? (size_t)atoi(argv[1]) << 20 : 0;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char c;

	if (p == MAP_FAILED)
		return 3;
	memset(p, 1, bytes);
	if (write(STDOUT_FILENO, "mapped\n", 7) != 7)
		return 4;
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
