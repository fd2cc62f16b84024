#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Threads on one pool: by themselves, then watched by ThreadSanitizer or helgrind, whichever works here.
# Usage: test-races.sh SOURCE-TREE PROGRAM
set -uo pipefail
source=$1 program=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$program" 20000 || { echo "FAIL: by itself" && exit 1; }

# Its address space has to be where the sanitizer expects it
tsan=(setarch -R "$dir/race" 2000)
mapfile -t sources < <(find "$source/librtmem" -name '*.c' ! -name example.c)
if cc -std=gnu11 -D_GNU_SOURCE -fsanitize=thread -g -O1 -I"$source" -o "$dir/race" -pthread \
	"$source/tests/librtmem/programs/race.c" "${sources[@]}" "$source/common/io.c" 2>"$dir/log" &&
	printf 'int main(void) { return 0; }\n' | cc -fsanitize=thread -x c -o "$dir/empty" - &&
	setarch -R "$dir/empty" 2>/dev/null; then
	TSAN_OPTIONS=halt_on_error=1 "${tsan[@]}" >"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
	echo "ThreadSanitizer: $(cat "$dir/out")"
	exit 0
fi
if command -v valgrind >/dev/null; then
	valgrind --tool=helgrind --error-exitcode=9 "$program" 100 >"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
	echo "helgrind: $(tail -1 "$dir/out")"
	exit 0
fi
echo "skipped: neither ThreadSanitizer nor valgrind works here"
exit 77
