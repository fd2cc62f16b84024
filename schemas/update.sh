#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# update.sh PROGRAM FILE: replaces FILE by the output of PROGRAM, if that succeeds.
set -eu
"$1" >"$2.new" && mv "$2.new" "$2"
