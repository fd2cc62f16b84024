# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the tools share: where the tree is, how they speak, and who owns what they build.
# Sourced, never run. Colour only on a terminal; NO_COLOR is respected.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # used by those who source this
BUILD=${RTMEM_BUILD_DIR:-$ROOT/build}
PYTHON=/usr/bin/python3 # the distribution's own: it has the modules that its packages install
[ -x "$PYTHON" ] || PYTHON=python3

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
	BOLD='' DIM='' RED='' GREEN='' YELLOW='' PLAIN=''
fi
# shellcheck disable=SC2034
export PYTHON BOLD DIM RED GREEN YELLOW PLAIN

say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }
note() { printf '    %s%s%s\n' "$DIM" "$*" "$PLAIN"; }
warn() { printf '%s%s: %s%s\n' "$YELLOW" "${0##*/}" "$*" "$PLAIN" >&2; }
die() {
	printf '%s%s: %s%s\n' "$RED" "${0##*/}" "$*" "$PLAIN" >&2
	exit 1
}

# require_root WHY
require_root() {
	[ "$(id -u)" -eq 0 ] || die "$1 needs root: run with sudo"
}

# A user that the system doesn't list (a container's volume) has no groups of its own.
owner_groups() {
	getent passwd "$SUDO_UID" >/dev/null && echo --init-groups || echo --clear-groups
}

# Under sudo the build belongs to whoever owns the tree, so that their next plain build still works.
as_owner() {
	if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" != 0 ] &&
		[ "$(stat -c %u "$ROOT")" = "$SUDO_UID" ]; then
		setpriv --reuid "$SUDO_UID" --regid "${SUDO_GID:-$SUDO_UID}" "$(owner_groups)" -- "$@"
	else
		"$@"
	fi
}
