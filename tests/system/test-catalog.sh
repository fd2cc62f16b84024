#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each message id of rtmemd has its paragraph in the journal's catalog, and journalctl takes the file.
# test-catalog.sh SOURCE-ROOT
set -euo pipefail

catalog=$1/packaging/rtmem.catalog
ids=$(grep -rhoE '"[0-9a-f]{32}"' "$1/daemon/log.c" | tr -d '"' | sort)
told=$(sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$catalog" | sort)
[ -n "$ids" ] || { echo "no message ids were found" && exit 1; }
if ! diff <(echo "$ids") <(echo "$told"); then
	echo "< ids of the daemon without a paragraph, > paragraphs without an id"
	exit 1
fi
[ "$(uniq -d <<<"$ids")" = '' ] || { echo "an id stands for two messages" && exit 1; }

command -v journalctl >/dev/null || { echo "journalctl isn't installed" && exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/usr/lib/systemd/catalog" "$dir/var/lib/systemd/catalog"
cp "$catalog" "$dir/usr/lib/systemd/catalog/"
journalctl --root="$dir" --update-catalog
[ -s "$dir/var/lib/systemd/catalog/database" ] || { echo "journalctl took no catalog" && exit 1; }
