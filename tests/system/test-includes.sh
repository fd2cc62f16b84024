#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The walls of docs/architecture.md: a room includes only rooms below it, and the rooms that end up in
# other processes or must stay pure know nothing of systemd. Usage: test-includes.sh [TREE]
set -uo pipefail
cd "${1:-$(dirname -- "$0")/../..}" || exit 1

# room | rooms that it may include beside itself
WALLS='
common    |
libpolicy | common
host      | common libpolicy
exec      | common
hold      | common libpolicy host
libinit   | common
librtmem  | common
daemon    | common libpolicy host
ctl       | common libpolicy host
'
PURE='common libpolicy host exec hold libinit librtmem' # no sd-*.h, nor anything of systemd
LIBC_ONLY='common host exec hold libinit librtmem'      # no libyaml, no json-c either
bad=0

complain() {
	echo "$1: $2"
	bad=1
}

# FILE:LINE TARGET of each include with quotes
quoted_includes() {
	grep -rnoE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' "$1" |
		sed -E 's/^([^:]+:[0-9]+):.*"([^"]+)"/\1 \2/'
}

check_room() {
	local room=$1 allowed=" $1 $2 " where target
	while read -r where target; do
		case $target in
		config.h) ;;
		*/*) case $allowed in *" ${target%%/*} "*) ;; *) complain "$where" "$room may not include $target" ;; esac ;;
		*) complain "$where" "\"$target\" doesn't name its room" ;;
		esac
	done < <(quoted_includes "$room")
}

# foreign ROOMS PATTERN WHAT
foreign() {
	local room where
	for room in $1; do
		while read -r where; do
			complain "$where" "$room may not include $3"
		done < <(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$2" "$room")
	done
}

n=0
while IFS='|' read -r room allowed; do
	room=${room// /}
	[ -d "$room" ] || complain "$room" "no such room"
	check_room "$room" "$allowed"
	n=$((n + $(quoted_includes "$room" | wc -l)))
done < <(grep '|' <<<"$WALLS")
foreign "$PURE" '(systemd/|sd-)' 'systemd headers'
foreign "$LIBC_ONLY" '(yaml\.h|json-c/|json\.h)' 'libyaml or json-c'
[ "$n" -gt 10 ] || complain tree "only $n includes seen: wrong place?"
[ $bad -eq 0 ] && echo "$n includes, no arrow up or sideways"
exit $bad
