/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_NAMES_H
#define RTMEM_COMMON_NAMES_H

/* Names that more than one room must spell the same. */

#define RTMEM_RUNTIME_DIR "/run/rtmem"
#define RTMEM_STATE_DIR	  "/var/lib/rtmem"
/* searched in this order; the same file name: the earlier wins */
#define RTMEM_CONFIG_DIRS "/etc/rtmem.d", "/run/rtmem.d", "/usr/lib/rtmem.d"

/* below the runtime directory */
#define RTMEM_BUS_SOCKET    "bus" /* sd-bus, peer to peer */
#define RTMEM_NOTIFY_SOCKET "notify" /* sd_notify of managed processes */

#define RTMEM_BUS_NAME		    "org.rtmem1"
#define RTMEM_BUS_PATH		    "/org/rtmem1"
#define RTMEM_BUS_INTERFACE	    "org.rtmem1.Manager"
#define RTMEM_BUS_PROCESS_INTERFACE "org.rtmem1.Process"

/* environment of a launched program; libinit takes all of it out again */
#define RTMEM_ENV_INIT	   "RTMEM_INIT" /* what the injected library shall do (common/handoff.h) */
#define RTMEM_ENV_TUNABLES "GLIBC_TUNABLES" /* merged by rtmem-exec, the user's value restored */
#define RTMEM_ENV_PRELOAD  "LD_PRELOAD"
#define RTMEM_ENV_ORIGINAL "RTMEM_TUNABLES" /* GLIBC_TUNABLES as it was before the merge */
#define RTMEM_ENV_WAS	   "RTMEM_WAS_" /* + KEY: its value before the launch changed it */
#define RTMEM_ENV_ADDED	   "RTMEM_ADDED_" /* + KEY: it wasn't there before the launch set it */
#define RTMEM_ENV_SOCKET   "RTMEM_SOCKET" /* for librtmem: datagrams to rtmemd; stays */
#define RTMEM_ENV_PROCESS \
	"RTMEM_PROCESS" /* the name of the managed process; stays, so that children tell whose they are */
#define RTMEM_INIT_LIBRARY "librtmem-init.so"
#define RTMEM_INIT_THREAD  "rtmem-init" /* the library's own thread in a launched program */

/* of the process that keeps `host.lock_files` in memory */
#define HOLDER_NAME "lock_files"

/* Of `apply --try`: too short to confirm is a mistake, and so is leaving a machine undecided for days. */
#define TRY_MIN_USEC 1000000ull
#define TRY_MAX_USEC (24ull * 3600 * 1000000)

/* exit statuses of the command line tools */
enum exit_status {
	EXIT_GOOD = 0,
	EXIT_NOT_GOOD = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3,
	EXIT_CANT_TELL = 4,
	/* launching a program, as env(1) */
	EXIT_LAUNCH_FAILED = 125,
	EXIT_CANT_INVOKE = 126,
	EXIT_NOT_FOUND = 127,
};

#endif
