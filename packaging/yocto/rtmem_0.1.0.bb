# SPDX-License-Identifier: LGPL-2.1-or-later
SUMMARY = "Memory of real-time programs, from policies"
LICENSE = "LGPL-2.1-or-later"
LIC_FILES_CHKSUM = "file://LICENSE;md5=4fbd65380cdd255951079008b364516c"

# A tarball made by `tools/package tarball`, in files/ beside this recipe
SRC_URI = "file://rtmem-${PV}.tar.xz"

DEPENDS = "json-c libseccomp libyaml systemd"

inherit meson pkgconfig systemd

EXTRA_OEMESON = "-Dtests=disabled"

SYSTEMD_SERVICE:${PN} = "rtmem-host.service rtmemd.service"

do_install:append() {
    install -d ${D}${sysconfdir}/rtmem.d
}

PACKAGES =+ "lib${PN}"
FILES:lib${PN} = "${libdir}/librtmem.so.*"
FILES:${PN} += "${libdir}/rtmem ${libexecdir}/rtmem ${datadir}/rtmem ${datadir}/dbus-1 ${nonarch_libdir}/tmpfiles.d ${systemd_system_unitdir}"

# systemd is what rtmemd talks to, and a C library other than glibc lacks what the injected library needs.
inherit features_check
REQUIRED_DISTRO_FEATURES = "systemd"
COMPATIBLE_HOST:libc-musl = "null"
