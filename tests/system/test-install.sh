#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `meson install` puts where, that it carries nothing of the build tree, and that the installed
# programs find each other. Usage: test-install.sh BUILD-DIRECTORY PREFIX
set -uo pipefail

build=$1 prefix=$2
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
bad=0

complain() {
	echo "$*"
	bad=1
}

expect() { # GLOB below the prefix
	compgen -G "$dest$prefix/$1" >/dev/null || complain "not installed: $prefix/$1"
}

meson install -C "$build" --destdir "$dest" --no-rebuild --quiet >"$dest/log" 2>&1 ||
	{ cat "$dest/log" && exit 1; }
rm -f "$dest/log"
for file in '*bin/rtmemd' bin/rtmemctl libexec/rtmem/rtmem-exec \
	share/man/man8/rtmemd.8 share/man/man1/rtmemctl.1 share/man/man1/rtmem-exec.1 \
	share/man/man3/rtmem.3 share/man/man5/rtmem-policy.5 share/man/man5/org.rtmem1.5 share/doc/rtmem/README.md lib/tmpfiles.d/rtmem.conf \
	lib/systemd/system/rtmemd.service lib/systemd/system/rtmem-host.service \
	lib/systemd/system/rtmem-processes.service libexec/rtmem/rtmem-rotate share/dbus-1/system.d/org.rtmem1.conf \
	share/bash-completion/completions/rtmemctl share/zsh/site-functions/_rtmemctl \
	share/fish/vendor_completions.d/rtmemctl.fish include/rtmem.h share/doc/rtmem/examples/rtmem-loop.c; do
	expect "$file"
done

# lib, lib64 or lib/TRIPLET, as meson finds it fit
[ -n "$(find "$dest$prefix" -path '*/lib*/rtmem/librtmem-init.so')" ] || complain "librtmem-init.so isn't installed"

if command -v readelf >/dev/null; then
	while read -r file; do
		readelf -d "$file" 2>/dev/null | grep -E 'RPATH|RUNPATH' && complain "$file: looks for libraries elsewhere"
	done < <(find "$dest" -type f -perm /111)
fi
if command -v groff >/dev/null; then
	while read -r page; do
		warnings=$(groff -man -t -ww -z "$page" 2>&1)
		[ -z "$warnings" ] || complain "$page: $warnings"
	done < <(find "$dest" -path '*/man/*' -type f)
fi

if command -v xmllint >/dev/null; then
	xmllint --noout --nonet "$dest$prefix"/share/dbus-1/system.d/*.conf || complain "the bus policy isn't XML"
fi

# Built by a stranger with nothing but pkg-config, in C and in C++: the example, and that of the man page
if command -v pkg-config >/dev/null; then
	pc=$(find "$dest$prefix" -name rtmem.pc)
	libdir=$(dirname "$(dirname "$pc")")
	mapfile -t flags < <(PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$dest \
		pkg-config --cflags --libs rtmem | tr ' ' '\n' | grep .)
	sed -n '/^\.SH EXAMPLES/,/^\.EE/{/^\.EX/,/^\.EE/{/^\./!p}}' "$dest$prefix/share/man/man3/rtmem.3" |
		sed 's/\\-/-/g' >"$dest/page.c"
	cp "$dest$prefix/share/doc/rtmem/examples/rtmem-loop.c" "$dest/loop.c"
	for compiler in cc c++; do
		command -v $compiler >/dev/null || { echo "librtmem in C++ wasn't looked at: no compiler" && continue; }
		for program in page loop; do
			$compiler -x "${compiler/#cc/c}" -Wall -Wextra -Werror "$dest/$program.c" -o "$dest/$program" \
				-x none "${flags[@]}" -pthread || { complain "$program.c: $compiler fails" && continue; }
			[ $program = loop ] || chrt -f 1 true 2>/dev/null || continue # it asks for a real-time thread
			out=$(LD_LIBRARY_PATH=$libdir "$dest/$program" 2>&1) || complain "$program by $compiler: $out"
		done
	done
else
	echo "librtmem wasn't built against: no pkg-config"
fi

# In a mount namespace of its own the prefix is the real one
if [ "$(id -u)" -eq 0 ] && [ -d "$prefix" ] &&
	unshare -m sh -c "mount --make-rprivate / && mount --bind '$dest$prefix' '$prefix'" 2>/dev/null; then
	cat >"$dest/policy.yaml" <<-END
		version: 1
		processes:
		  test:
		    command: [/bin/true]
		    memory: { heap: { prealloc: 4M } }
	END
	unshare -m sh -ec "
		mount --make-rprivate /
		mount --bind '$dest$prefix' '$prefix'
		'$prefix'/bin/rtmemctl check '$dest/policy.yaml'
		'$prefix'/bin/rtmemctl run --policy test --policy-file '$dest/policy.yaml' -- \
			cat /proc/self/maps | grep -q '$prefix/.*/librtmem-init.so'
	" || complain "the installed programs don't work together"
	if command -v systemd-analyze >/dev/null; then
		warnings=$(unshare -m sh -ec "
			mount --make-rprivate /
			mount --bind '$dest$prefix' '$prefix'
			systemd-analyze verify --man=no '$prefix/lib/systemd/system/rtmemd.service'
		" 2>&1 | grep rtmemd | grep -v FileDescriptorStorePreserve) # of other units nothing is ours; systemd 254 has that key
		[ -z "$warnings" ] || complain "the unit isn't right: $warnings"
	fi
else
	echo "the installed programs weren't run: no mount namespaces for us here"
fi
exit $bad
