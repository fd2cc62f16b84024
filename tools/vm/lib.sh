# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What building the machine and running it have in common. Sourced, never run.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck disable=SC2034 # used by those who source this
HERE=$ROOT/tools/vm
# shellcheck disable=SC2034
VM=${RTMEM_VM_DIR:-$BUILD/vm}

# Debian's names of the kernels
kernel_package() { # rt | std
	case $1 in
	rt) echo linux-image-rt-amd64 ;;
	std) echo linux-image-cloud-amd64 ;;
	*) die "there is no kernel '$1': rt or std" ;;
	esac
}

need_tools() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || die "$tool is missing: sudo tools/setup vm installs it (Debian, Ubuntu)"
	done
}
