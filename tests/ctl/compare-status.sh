#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# compare-status.sh STATUS-TEXT DIRECTORY [--update]: each DIRECTORY/NAME.json shown on terminals of
# several widths is the text in NAME.WIDTH.
status_text=$1
directory=$2
status=0
n=0
for document in "$directory"/*.json; do
	for width in 60 80 200; do
		expected=${document%.json}.$width
		actual=$(COLUMNS=$width "$status_text" "$document" 2>&1) || status=1
		if [ "$3" = --update ]; then
			printf '%s\n' "$actual" >"$expected"
		elif ! printf '%s\n' "$actual" | diff -u "$expected" -; then
			echo "FAILED: $document; if that is meant: $0 $status_text $directory --update"
			status=1
		fi
		n=$((n + 1))
	done
done
echo "$n views compared"
[ "$n" -gt 0 ] || status=1
exit $status
