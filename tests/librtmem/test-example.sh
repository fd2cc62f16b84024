#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The example runs, takes no fault under a policy, and is C++ too; the header stands alone in both.
# Usage: test-example.sh SOURCE-TREE BUILD-DIRECTORY
set -uo pipefail
source=$1 build=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAIL: $*"
	exit 1
}

"$build/librtmem/example" 0.2 >"$dir/out" || fail "the example ended with $?"
grep -q '^200 cycles, 0 with page faults' "$dir/out" || fail "$(cat "$dir/out")"

printf 'version: 1\nprocesses:\n  loop:\n    command: [/bin/true]\n    memory: { lock: strict }\n' >"$dir/loop.yaml"
chmod 644 "$dir/loop.yaml"
if [ "$(id -u)" -eq 0 ]; then
	for lock in strict balanced onfault; do
		sed -i "s/lock: [a-z]*/lock: $lock/" "$dir/loop.yaml"
		"$build/ctl/rtmemctl" run --policy loop --policy-file "$dir/loop.yaml" -- "$build/librtmem/example" 0.2 >"$dir/out" ||
			fail "$lock: the example ended with $?"
		grep -q '^200 cycles, 0 with page faults' "$dir/out" || fail "$lock: $(cat "$dir/out")"
	done
fi

warnings=(-Wall -Wextra -Wshadow -Wconversion -Werror -fsyntax-only -I"$source/librtmem")
for standard in c99 gnu17; do
	printf '#include <rtmem.h>\nint f(void);\nint f(void) { RTMEM_SECTION("a"); return 0; }\n' |
		cc "-std=$standard" "${warnings[@]}" -Wstrict-prototypes -Wpedantic -x c - || fail "the header isn't $standard"
done
command -v c++ >/dev/null || { echo "the header in C++ wasn't looked at: no compiler" && exit 0; }
for standard in c++11 c++20; do
	printf '#include <rtmem.h>\nint f() { RTMEM_SECTION("a"); rtmem_thread_attributes t = RTMEM_THREAD_ATTRIBUTES; return t.priority; }\n' |
		c++ "-std=$standard" "${warnings[@]}" -Wpedantic -x c++ - || fail "the header isn't $standard"
done
c++ -x c++ -std=gnu++17 "${warnings[@]}" "$source/librtmem/example.c" || fail "the example isn't C++"
