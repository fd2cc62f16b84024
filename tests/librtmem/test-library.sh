#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The library exports what its header declares, no more and no less, and needs nothing but libc.
# Usage: test-library.sh LIBRARY HEADER
set -eu
library=$1 header=$2

for tool in nm readelf; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done

fail() {
	echo "FAIL: $*"
	exit 1
}

exported=$(nm -D --defined-only "$library" | sed -n 's/.* T \(.*\)@@RTMEM_0$/\1/p' | sort)
declared=$(grep -oE '^[a-z].*\b(rtmem_[a-z_]+)\(' "$header" | grep -v '^static' |
	sed -E 's/.*\b(rtmem_[a-z_]+)\($/\1/' | sort)
[ -n "$declared" ] || fail "no functions in $header"
[ "$exported" = "$declared" ] || fail "exports: $exported; declares: $declared"

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for object in $needed; do
	case $object in
	libc.so.* | ld-linux* | libpthread.so.*) ;;
	libasan.so.* | libubsan.so.*) ;; # a build with sanitizers
	*) fail "needs $object" ;;
	esac
done
readelf -d "$library" | grep -q 'SONAME.*\[librtmem\.so\.0\]' || fail "its name isn't librtmem.so.0"
if readelf -d "$library" | grep -qE 'TEXTREL|RPATH|RUNPATH'; then
	fail "has text relocations or a search path of its own"
fi
echo "exports: $(echo "$exported" | wc -w) functions; needs: $needed"
