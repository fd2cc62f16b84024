/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_PREFLIGHT_H
#define RTMEM_COMMON_PREFLIGHT_H

/*
 * What a program's file says before anything runs: whether the dynamic loader would take our library
 * into it, and whose heap and runtime it brings. Read from ELF headers, mode bits and extended
 * attributes; any file may be offered, also a hostile one. Used for the plan (host/facts), and again by
 * rtmem-exec just before execve(), when file, user and path are final.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum preflight_obstacle {
	OBSTACLE_NONE, /* a dynamic glibc program: LD_PRELOAD works */
	OBSTACLE_STATIC, /* also static-PIE, and Go without cgo */
	OBSTACLE_MUSL,
	OBSTACLE_SETUID,
	OBSTACLE_SETGID,
	OBSTACLE_FILE_CAPABILITIES,
	OBSTACLE_SANITIZER, /* AddressSanitizer turns mlockall() off, and insists on being first */
	OBSTACLE_WORD_SIZE, /* 32 bits */
	OBSTACLE_MAX
};

enum preflight_runtime {
	RUNTIME_NATIVE,
	RUNTIME_GO,
	RUNTIME_JVM,
	RUNTIME_V8, /* Node.js */
	RUNTIME_MAX
};

/* Whose malloc the program is linked with, as far as its own list of libraries tells. */
enum preflight_allocator {
	PREFLIGHT_ALLOCATOR_LIBC,
	PREFLIGHT_ALLOCATOR_JEMALLOC,
	PREFLIGHT_ALLOCATOR_TCMALLOC,
	PREFLIGHT_ALLOCATOR_MIMALLOC,
	PREFLIGHT_ALLOCATOR_MAX
};

struct preflight {
	char program[PATH_MAX]; /* the ELF file: of a script, its interpreter */
	enum preflight_obstacle obstacle;
	enum preflight_runtime runtime;
	enum preflight_allocator allocator;
	bool gains_rights; /* setuid, setgid or file capabilities count, whatever the obstacle is */
	uint64_t
		capabilities; /* with gains_rights: those in effect by the file; ambient ones are lost */
	bool glibc; /* its C library is glibc, static or not: GLIBC_TUNABLES work */
};

/**
 * path: with a slash, already found. uid, gid: who the program will run as, for setuid and setgid; file
 * capabilities count for everybody but root. 0; -ENOENT, -EACCES, -ENAMETOOLONG, -ENOEXEC (not an ELF
 * file or script that can be judged: execve() will say).
 */
int preflight_read(const char *path, uid_t uid, gid_t gid, struct preflight *ret);
/** "it is linked statically": a sentence without a full stop; "" for OBSTACLE_NONE. */
const char *preflight_obstacle_text(enum preflight_obstacle o);
const char *preflight_runtime_to_string(enum preflight_runtime r); /* "Go" ... */
const char *preflight_allocator_to_string(enum preflight_allocator a); /* "jemalloc" ... */

#endif
