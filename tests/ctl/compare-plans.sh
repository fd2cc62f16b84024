#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# compare-plans.sh PLAN-TEXT DIRECTORY [--update]: the plan of each DIRECTORY/NAME.yaml is the text in
# NAME.plan. A first line `# words: ...` changes the facts.
plan_text=$1
directory=$2
status=0
n=0
for policy in "$directory"/*.yaml; do
	expected=${policy%.yaml}.plan
	words=$(sed -n '1s/^# words: //p' "$policy")
	# shellcheck disable=SC2086 # words are several
	actual=$("$plan_text" "$policy" $words 2>&1) || status=1
	if [ "$3" = --update ]; then
		printf '%s\n' "$actual" >"$expected"
	elif ! printf '%s\n' "$actual" | diff -u "$expected" -; then
		echo "FAILED: $policy; if that is meant: $0 $plan_text $directory --update"
		status=1
	fi
	n=$((n + 1))
done
echo "$n plans compared"
[ "$n" -gt 0 ] || status=1
exit $status
