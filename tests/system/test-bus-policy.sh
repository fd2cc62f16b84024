#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rights of org.rtmem1.conf on a bus daemon of the test's own, in a mount namespace where
# that is the system bus: root owns the name and changes, others look. Usage: test-bus-policy.sh BUILD POLICY
set -uo pipefail

build=$1 policy=$2

skip() {
	echo "skipped: $*"
	exit 77
}

if [ "${3:-}" != inside ]; then
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	for program in dbus-daemon dbus-send setpriv; do
		command -v $program >/dev/null || skip "$program is not installed"
	done
	unshare -m true 2>/dev/null || skip "no mount namespaces for us here"
	exec unshare -m "$0" "$build" "$policy" inside
fi

if ! { mount --make-rprivate / && mkdir -p /run/dbus && mount -t tmpfs tmpfs /run/dbus; }; then
	skip "can't mount a directory for the bus"
fi
dir=$(mktemp -d)
chmod 755 "$dir"
started=()
trap 'kill "${started[@]}" 2>/dev/null; rm -rf "$dir"' EXIT
bad=0

complain() {
	echo "$*"
	bad=1
}

wait_for() { # WHAT COMMAND...
	local what=$1
	shift
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	cat "$dir"/*.log
	echo "$what: not within 10 s"
	exit 1
}

cat >"$dir/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>$dir/org.rtmem1.conf</include>
</busconfig>
END
cp "$policy" "$dir/org.rtmem1.conf" && chmod 644 "$dir"/*.conf
dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile >"$dir/bus.log" 2>&1 &
started+=($!)
wait_for "the bus" test -S /run/dbus/system_bus_socket

mkdir "$dir/policies" "$dir/run"
"$build/daemon/rtmemd" --config-dir "$dir/policies" --runtime-dir "$dir/run" --state-dir "$dir/run" \
	>"$dir/rtmemd.log" 2>&1 &
started+=($!)

call() { # [PREFIX... --] INTERFACE.METHOD [ARGUMENT...]
	local prefix=()
	while [ "$1" != -- ]; do prefix+=("$1") && shift; done
	shift
	"${prefix[@]}" dbus-send --system --print-reply --dest=org.rtmem1 /org/rtmem1 "$@" 2>&1
}
other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
wait_for "rtmemd on the bus" call -- org.rtmem1.Manager.GetStatus

allowed() {
	local out
	out=$(call "$@") || complain "not allowed: $*: $out"
}
refused() { # by the bus daemon already, before rtmemd sees it
	local out
	out=$(call "$@") && complain "allowed: $*"
	grep -q 'AccessDenied: Rejected send message' <<<"$out" || complain "$*: $out"
}

allowed "${other[@]}" -- org.rtmem1.Manager.GetStatus
allowed "${other[@]}" -- org.freedesktop.DBus.Properties.Get string:org.rtmem1.Manager string:State
allowed "${other[@]}" -- org.freedesktop.DBus.Introspectable.Introspect
allowed -- org.rtmem1.Manager.Apply boolean:false
refused "${other[@]}" -- org.rtmem1.Manager.Apply boolean:false
refused "${other[@]}" -- org.rtmem1.Manager.Apply boolean:true
allowed "${other[@]}" -- org.rtmem1.Manager.ListProcesses
allowed "${other[@]}" -- org.freedesktop.DBus.ObjectManager.GetManagedObjects
refused "${other[@]}" -- org.rtmem1.Manager.Reload array:string:
for method in Start Stop Restart; do
	refused "${other[@]}" -- org.rtmem1.Manager.$method string:name
done
out=$("${other[@]}" dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
	org.freedesktop.DBus.RequestName string:org.rtmem1 uint32:0 2>&1) && complain "others may take the name: $out"
grep -q 'AccessDenied' <<<"$out" || complain "$out"
exit $bad
