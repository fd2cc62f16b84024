/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gives a fuzz target its corpus without a fuzzer: each argument is a file, or a directory of files. A
 * finding of the fuzzer, once checked in, stays a test for every compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path) {
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = read_file(path, INPUT_MAX, &data, &size);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)data, size);
	return 1;
}

/* Number of inputs, or a negative errno. */
static int run_path(const char *path) {
	_cleanup_closedir_ DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d)
		return run_file(path);
	while ((e = readdir(d))) {
		_cleanup_free_ char *file = NULL;
		int r;

		if (e->d_name[0] == '.')
			continue;
		if (asprintf(&file, "%s/%s", path, e->d_name) < 0)
			return -ENOMEM;
		r = run_file(file);
		if (r < 0)
			return r;
		n += r;
	}
	return n;
}

int main(int argc, char *argv[]) {
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int n = run_path(argv[i]);

		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
