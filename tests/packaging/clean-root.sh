#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debian packages on a clean Debian: install, check, apply, status, upgrade, remove, purge. No systemd
# there, so rtmemd is started by hand; what systemd does with the packages is tested in the virtual machine.
# clean-root.sh DIRECTORY-OF-DEBS
set -euo pipefail

debs=$(cd -- "$1" && pwd)
cache=${RTMEM_ROOT_CACHE:-/var/tmp/rtmem-clean-root}
needed=libyaml-0-2,libjson-c5,libsystemd0,libseccomp2,python3-minimal

skip() { echo "$*" && exit 77; }
die() { echo "clean-root: $*" >&2 && exit 1; }

[ "$(id -u)" -eq 0 ] || skip "needs root"
command -v debootstrap >/dev/null || skip "debootstrap isn't installed"
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# shellcheck disable=SC2016 # apt's own fields
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v s="$suite" '$2 == s { print $1; exit }')
[ -n "$mirror" ] || skip "no archive of $suite is configured"

# Made once; each run gets a copy
if [ ! -e "$cache/done" ]; then
	rm -rf "$cache" && mkdir -p "$cache"
	debootstrap --variant=minbase --include="$needed" "$suite" "$cache/root" "$mirror" >"$cache/log" 2>&1 ||
		skip "debootstrap failed: $(tail -1 "$cache/log")"
	touch "$cache/done"
fi
root=$(mktemp -d /var/tmp/rtmem-root-XXXXXX)
leave() {
	set +e
	[ ! -e "$root/run/rtmemd.pid" ] || kill "$(cat "$root/run/rtmemd.pid")" 2>/dev/null || true
	sed -sn 's/^pid=//p' "$root"/run/rtmem/processes/* 2>/dev/null | while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done
	for name in dev sys proc; do
		umount "$root/$name" 2>/dev/null || umount -l "$root/$name" 2>/dev/null || true
	done
	grep -qF " $root/" /proc/mounts || rm -rf "$root"
}
trap leave EXIT
cp -a "$cache/root/." "$root/"
mkdir "$root/pkg"
cp "$debs"/*.deb "$root/pkg/"
rm -f "$root"/pkg/*dbgsym*
mount -t proc proc "$root/proc"
mount --bind /sys "$root/sys"
mount --bind /dev "$root/dev"

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

echo "== install"
inside sh -c 'dpkg -i /pkg/*.deb' >/dev/null
inside rtmemctl --version
[ "$(stat -c %a "$root/etc/rtmem.d")" = 755 ] || die "/etc/rtmem.d isn't there for root alone to write"

echo "== a policy, and three commands"
cat >"$root/etc/rtmem.d/loop.yaml" <<'END'
version: 1
processes:
  loop:
    command: [/usr/bin/python3, /usr/local/bin/loop]
    environment: { PYTHONMALLOC: malloc }
    memory: { lock: strict, heap: { prealloc: 32M } }
END
printf 'import time\nwhile True:\n  time.sleep(0.01)\n' >"$root/usr/local/bin/loop"
inside rtmemctl check
inside rtmemctl doctor
inside sh -c 'rtmemd 2>/run/rtmemd.log & echo $! >/run/rtmemd.pid'
for _ in $(seq 300); do
	inside rtmemctl status >"$root/run/status" 2>&1 && break
	sleep 0.1
done
cat "$root/run/status"
grep -q ' compliant ' "$root/run/status" || die "the program isn't compliant: $(cat "$root/run/rtmemd.log")"
inside rtmemctl apply
pid=$(sed -n 's/^pid=//p' "$root/run/rtmem/processes/loop")

echo "== upgrade"
inside sh -c 'dpkg -i /pkg/*.deb' >/dev/null
[ "$(sed -n 's/^pid=//p' "$root/run/rtmem/processes/loop")" = "$pid" ] || die "the upgrade restarted a program"
kill -0 "$pid" || die "the upgrade ended a program"
inside rtmemctl status loop | head -4
[ -s "$root/etc/rtmem.d/loop.yaml" ] || die "the upgrade took a policy away"

echo "== remove, purge"
inside rtmemctl stop loop
kill "$(cat "$root/run/rtmemd.pid")"
inside dpkg -r rtmem >/dev/null 2>&1
[ -d "$root/var/lib/rtmem" ] || die "removing took what purging is for"
inside dpkg -P rtmem librtmem0 librtmem-dev rtmem-doc
[ -s "$root/etc/rtmem.d/loop.yaml" ] || die "purging took a policy that isn't the package's"
left=$(find "$root/usr" "$root/var/lib/rtmem" "$root/run/rtmem" "$root/lib/systemd" -name '*rtmem*' \
	-not -path '*/var/lib/dpkg/*' 2>/dev/null || true)
[ -z "$left" ] || die "purging left $left"
echo "clean"
