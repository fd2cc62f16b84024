#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What shells offer behind rtmemctl: each verb of --help, its options, in every shell that is here.
# test-completions.sh PRINT-COMPLETIONS RTMEMCTL
set -euo pipefail

print=$1 rtmemctl=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for shell in bash zsh fish; do "$print" $shell >"$dir/$shell"; done
if "$print" csh 2>/dev/null; then echo "csh is accepted" && exit 1; fi

mapfile -t verbs < <("$rtmemctl" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p')
[ ${#verbs[@]} -ge 10 ] || { echo "only ${#verbs[@]} verbs in --help" && exit 1; }

# offer WORD...: what bash offers for the last word
offer() {
	COMP_WORDS=(rtmemctl "$@") COMP_CWORD=$#
	COMPREPLY=()
	_rtmemctl
	printf '%s\n' "${COMPREPLY[@]}"
}

# offers WANTED WORD...: is it among them?
offers() {
	local wanted=$1
	shift
	offer "$@" >"$dir/offered"
	grep -qx -- "$wanted" "$dir/offered"
}

# shellcheck disable=SC1091
. "$dir/bash"
for verb in "${verbs[@]}"; do
	offers "$verb" "$verb" || { echo "bash doesn't offer $verb" && exit 1; }
	grep -q "^[[:space:]]$verb)" "$dir/zsh" || { echo "zsh doesn't know $verb" && exit 1; }
	grep -q " -a $verb " "$dir/fish" || { echo "fish doesn't know $verb" && exit 1; }
done
offers --dry-run apply --d || { echo "bash doesn't offer apply --dry-run" && exit 1; }
[ -z "$(offer schema --d)" ] || { echo "bash offers schema an option that it doesn't take" && exit 1; }
offers /proc --root / || { echo "bash doesn't offer directories behind --root" && exit 1; }

if command -v zsh >/dev/null; then zsh -n "$dir/zsh"; fi
if command -v fish >/dev/null; then
	fish --no-config -c "source $dir/fish; complete -C 'rtmemctl apply --dr'" >"$dir/offered"
	grep -q -- '^--dry-run' "$dir/offered" ||
		{ echo "fish doesn't offer apply --dry-run" && exit 1; }
fi
