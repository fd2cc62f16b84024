/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmem-rotate: one rotation of one file, for rtmemd, which neither waits for disks nor opens what users
 * can get at. It ends by itself, also when rtmemd doesn't live to see it.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "common/strv.h"
#include "common/units.h"
#include "exec/rotate.h"

#define KEEP_DEFAULT 3
#define KEEP_MAX     100
#define GROUPS_MAX   256

static const char usage_text[] =
	"Usage: rtmem-rotate [--size BYTES] [--keep N] [--uid N --gids N[,N]...] [--truncate] FILE\n"
	"Rotates a file that programs append to: FILE to FILE.1, that to FILE.2 ..., without a program\n"
	"noticing. rtmemd runs it for `output` of a policy.\n"
	"\n"
	"  --size BYTES     leave a smaller file alone (default: 0)\n"
	"  --keep N         rotated files to keep, 1 to 100 (default: 3)\n"
	"  --uid N          user who may get at the file: do it with his rights where they suffice\n"
	"  --gids N[,N]...  his groups\n"
	"  --truncate       copy and empty the file, as where blocks can't be taken out of it (lines that\n"
	"                   are written just then get lost)\n"
	"\n"
	"Exit status: 0, or the number of the error (errno).\n";

static const struct option options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "keep", required_argument, NULL, 'k' },
	{ "uid", required_argument, NULL, 'u' },
	{ "gids", required_argument, NULL, 'g' },
	{ "truncate", no_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool parse_id(const char *text, uint32_t *ret) {
	uint64_t n;

	if (parse_u64(text, &n) < 0 || n >= UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* The first is the primary one. Only root can take them on, and only there it's needed. */
static bool take_groups(const char *text) {
	_cleanup_strv_ char **words = NULL;
	gid_t groups[GROUPS_MAX] = { 0 };
	size_t n = 0;

	if (strv_split(text, ",", &words) < 0 || strv_length(words) == 0 ||
		strv_length(words) > ARRAY_LEN(groups))
		return false;
	STRV_FOREACH (word, words)
		if (!parse_id(*word, &groups[n++]))
			return false;
	if (geteuid() != 0)
		return true;
	return setgroups(n, groups) == 0 && setresgid(groups[0], groups[0], groups[0]) == 0;
}

static bool take_option(int option, struct rotation *r) {
	uint64_t n;

	switch (option) {
	case 's':
		return parse_u64(optarg, &r->size_bytes) == 0;
	case 'k':
		if (parse_u64(optarg, &n) < 0 || n < 1 || n > KEEP_MAX)
			return false;
		r->keep = (unsigned)n;
		return true;
	case 'u':
		return parse_id(optarg, &r->rights.uid);
	case 'g':
		return take_groups(optarg);
	case 't':
		r->truncate = true;
		return true;
	default:
		return false;
	}
}

int main(int argc, char *argv[]) {
	struct rotation r = {
		.keep = KEEP_DEFAULT,
		.rights = { .root = geteuid() == 0, .uid = geteuid() },
	};
	bool good = true;
	char why[480];
	int option, result;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(usage_text, stdout);
			return EXIT_GOOD;
		}
		good &= take_option(option, &r);
	}
	if (!good || optind != argc - 1) {
		fputs(usage_text, stderr);
		return EINVAL;
	}
	r.path = argv[optind];
	result = rotate(&r, why, sizeof(why));
	if (result >= 0)
		return EXIT_GOOD;
	fprintf(stderr, "rtmem-rotate: %s: %s%s%s\n", r.path, strerror(-result), *why ? "; " : "",
		why);
	return -result;
}
