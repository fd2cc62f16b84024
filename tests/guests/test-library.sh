#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The injected library is a guest: no symbol to be seen but the functions that it stands in for, libc its
# only need, no search path of its own.
set -eu
library=$1
map=$2

for tool in nm readelf; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done

fail() {
	echo "FAIL: $*"
	exit 1
}

exported=$(nm -D --defined-only "$library" | sed 's/.* //' | sort)
wanted=$(sed -n 's/^\t\([a-zA-Z_0-9]*\);$/\1/p' "$map" | sort)
[ -n "$wanted" ] || fail "nothing in $map"
[ "$exported" = "$wanted" ] || fail "exports: $exported, wanted: $wanted"
for function in $wanted; do
	case $function in
	*rtmem* | *init_* | main) fail "$function isn't a function of the C library" ;;
	esac
done

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for object in $needed; do
	case $object in
	libc.so.* | ld-linux*) ;;
	libpthread.so.* | libdl.so.*) ;; # C libraries before 2.34 are in several pieces
	*) fail "needs $object" ;;
	esac
done
[ -n "$needed" ] || fail "needs nothing, not even libc: is it the right file?"

dynamic=$(readelf -d "$library")
case $dynamic in
*RPATH* | *RUNPATH*) fail "has a search path of its own" ;;
esac
case $dynamic in
*BIND_NOW* | *NOW*) ;;
*) fail "isn't bound when it's loaded" ;;
esac
case $dynamic in
*TEXTREL*) fail "has text relocations" ;;
esac
if readelf -lW "$library" | grep -q 'GNU_STACK.*RWE'; then
	fail "asks for an executable stack"
fi
echo "needs: $needed"
