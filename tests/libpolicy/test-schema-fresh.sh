#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-schema-fresh.sh PRINT_SCHEMA FILE: the checked-in schema is what the table of keys says today.
set -eu
"$1" | diff -u "$2" - || {
	echo "the schema is stale: run 'meson compile schema' and review the difference"
	exit 1
}
