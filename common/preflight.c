/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dynamic loader skips LD_PRELOAD in silence for static, setuid and capability-carrying programs, and
 * mallopt() says yes to programs whose heap isn't glibc's; asking the file beforehand gives the silence
 * a name. Tables say what is looked for; the first obstacle in their order is the one that is told.
 */
#include "common/preflight.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/elf-file.h"

#define SCRIPT_DEPTH  4 /* interpreters of interpreters, as the kernel allows */
#define SCRIPT_LINE   256 /* bytes of a script's first line that the kernel reads */
#define GO_BUILD_ID   4u /* note type */
#define FOREIGN_CLASS (sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64)

static const char *const obstacle_texts[OBSTACLE_MAX] = {
	[OBSTACLE_NONE] = "",
	[OBSTACLE_STATIC] = "it is linked statically",
	[OBSTACLE_MUSL] = "it uses musl, not glibc",
	[OBSTACLE_SETUID] = "it is setuid",
	[OBSTACLE_SETGID] = "it is setgid",
	[OBSTACLE_FILE_CAPABILITIES] =
		"it carries file capabilities (remove them with setcap -r and name them under "
		"capabilities in the policy, which keeps injection possible)",
	[OBSTACLE_SANITIZER] = "it is built with AddressSanitizer or a relative of it, which turns "
			       "mlockall() off and wants no library before its own",
	[OBSTACLE_WORD_SIZE] = "it has another word size than the injected library",
};

static const char *const runtime_names[RUNTIME_MAX] = {
	[RUNTIME_NATIVE] = "native",
	[RUNTIME_GO] = "Go",
	[RUNTIME_JVM] = "JVM",
	[RUNTIME_V8] = "V8",
};

static const char *const allocator_names[PREFLIGHT_ALLOCATOR_MAX] = {
	[PREFLIGHT_ALLOCATOR_LIBC] = "libc",
	[PREFLIGHT_ALLOCATOR_JEMALLOC] = "jemalloc",
	[PREFLIGHT_ALLOCATOR_TCMALLOC] = "tcmalloc",
	[PREFLIGHT_ALLOCATOR_MIMALLOC] = "mimalloc",
};

const char *preflight_obstacle_text(enum preflight_obstacle o) {
	return (unsigned)o < OBSTACLE_MAX ? obstacle_texts[o] : "";
}

const char *preflight_runtime_to_string(enum preflight_runtime r) {
	return (unsigned)r < RUNTIME_MAX ? runtime_names[r] : NULL;
}

const char *preflight_allocator_to_string(enum preflight_allocator a) {
	return (unsigned)a < PREFLIGHT_ALLOCATOR_MAX ? allocator_names[a] : NULL;
}

/* ---- whose code it is ---------------------------------------------------------------------------- */

/* A library in the file's own list, or a symbol that it defines: linked in, it's still exported. */
struct mark {
	int what;
	const char *library; /* prefix, or NULL */
	const char *symbol; /* or NULL */
};

/* 0 = none of them. */
static int find_mark(const struct elf_file *e, const struct mark *marks, size_t n) {
	for (size_t i = 0; i < n; i++)
		if ((marks[i].library && elf_file_needs(e, marks[i].library)) ||
			(marks[i].symbol && elf_file_defines(e, marks[i].symbol)))
			return marks[i].what;
	return 0;
}

static bool is_sanitized(const struct elf_file *e) {
	static const struct mark marks[] = {
		{ 1, "libasan.so", "__asan_init" },
		{ 1, "libclang_rt.asan", "__hwasan_init" },
		{ 1, "libhwasan.so", "__msan_init" },
		{ 1, "libtsan.so", "__tsan_init" },
	};

	return find_mark(e, marks, ARRAY_LEN(marks)) != 0;
}

static enum preflight_runtime runtime_of(const struct elf_file *e) {
	static const struct mark marks[] = {
		{ RUNTIME_JVM, "libjli.so", NULL },
		{ RUNTIME_JVM, "libjvm.so", NULL },
		{ RUNTIME_V8, "libnode.so", "node_module_register" },
		{ RUNTIME_V8, "libv8.so", NULL },
	};

	if (elf_file_has_note(e, "Go", GO_BUILD_ID) || elf_file_has_section(e, ".go.buildinfo"))
		return RUNTIME_GO;
	return (enum preflight_runtime)find_mark(e, marks, ARRAY_LEN(marks));
}

static enum preflight_allocator allocator_of(const struct elf_file *e) {
	static const struct mark marks[] = {
		{ PREFLIGHT_ALLOCATOR_JEMALLOC, "libjemalloc", "mallctl" },
		{ PREFLIGHT_ALLOCATOR_TCMALLOC, "libtcmalloc", "tc_malloc" },
		{ PREFLIGHT_ALLOCATOR_MIMALLOC, "libmimalloc", "mi_malloc" },
	};

	return (enum preflight_allocator)find_mark(e, marks, ARRAY_LEN(marks));
}

/* glibc marks every program that it starts with the oldest kernel it runs on; others don't. */
static bool is_glibc(const struct elf_file *e, const char *loader) {
	if (!loader[0])
		return elf_file_has_note(e, ELF_NOTE_GNU, NT_GNU_ABI_TAG);
	return elf_file_needs(e, "libc.so.6") || strstr(loader, "/ld-linux") != NULL;
}

/* ---- whether the loader would take a library ------------------------------------------------------ */

/* Those that the file puts into effect; what it only permits the program would have to raise itself. */
static bool read_capabilities(const struct elf_file *e, uint64_t *ret) {
	struct vfs_ns_cap_data data = { 0 };
	ssize_t n = fgetxattr(e->fd, "security.capability", &data, sizeof(data));

	*ret = 0;
	if (n >= (ssize_t)XATTR_CAPS_SZ_1 && (le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE))
		*ret = le32toh(data.data[0].permitted) |
			(uint64_t)le32toh(data.data[1].permitted) << 32;
	return n > 0;
}

/* What makes the kernel set AT_SECURE: rights that come from the file. */
static enum preflight_obstacle rights_obstacle(
	const struct elf_file *e, uid_t uid, gid_t gid, uint64_t *ret_capabilities) {
	struct statvfs fs;
	struct stat st;

	if (fstat(e->fd, &st) < 0 || (fstatvfs(e->fd, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
		return OBSTACLE_NONE;
	if ((st.st_mode & S_ISUID) && st.st_uid != uid) {
		*ret_capabilities = st.st_uid == 0 ? UINT64_MAX : 0;
		return OBSTACLE_SETUID;
	}
	/* without the group's right to execute, the bit means something else */
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != gid) {
		*ret_capabilities = uid == 0 ? UINT64_MAX : 0;
		return OBSTACLE_SETGID;
	}
	if (uid != 0 && read_capabilities(e, ret_capabilities))
		return OBSTACLE_FILE_CAPABILITIES;
	return OBSTACLE_NONE;
}

static enum preflight_obstacle find_obstacle(
	const struct elf_file *e, const char *loader, enum preflight_obstacle rights) {
	if (is_sanitized(e)) /* whoever comes close to it, by whichever way */
		return OBSTACLE_SANITIZER;
	if (!loader[0])
		return OBSTACLE_STATIC;
	if (strstr(loader, "ld-musl"))
		return OBSTACLE_MUSL;
	return rights;
}

static int judge(const char *path, uid_t uid, gid_t gid, struct preflight *ret) {
	_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
	enum preflight_obstacle rights;
	char loader[PATH_MAX] = "";
	int r = elf_file_open(path, &e);

	if (r < 0)
		return r;
	r = elf_file_interpreter(&e, loader);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0)
		loader[0] = '\0';
	rights = rights_obstacle(&e, uid, gid, &ret->capabilities);
	ret->gains_rights = rights != OBSTACLE_NONE;
	ret->obstacle = find_obstacle(&e, loader, rights);
	ret->runtime = runtime_of(&e);
	ret->allocator = allocator_of(&e);
	ret->glibc = is_glibc(&e, loader);
	return 0;
}

/* ---- from a path to an ELF file ------------------------------------------------------------------- */

/* The beginning of a regular file, terminated. Its length, or a negative errno. */
static ssize_t read_head(const char *path, char buf[static SCRIPT_LINE + 1]) {
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t n;

	/* a look before: opening a device can do something */
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	n = pread(fd, buf, SCRIPT_LINE, 0);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

/* "#!/usr/bin/python3 -u" -> the interpreter; false if it is none. */
static bool script_interpreter(char *line, char path[static PATH_MAX]) {
	char *start, *end;

	if (strncmp(line, "#!", 2) != 0)
		return false;
	start = line + 2 + strspn(line + 2, " \t");
	end = start + strcspn(start, " \t\n");
	if (end == start)
		return false;
	*end = '\0';
	strcpy(path, start);
	return true;
}

_Static_assert(SCRIPT_LINE < PATH_MAX, "an interpreter's path fits");

static bool has_other_word_size(const char *head, ssize_t n) {
	return n > EI_CLASS && memcmp(head, ELFMAG, SELFMAG) == 0 &&
		head[EI_CLASS] == FOREIGN_CLASS;
}

int preflight_read(const char *path, uid_t uid, gid_t gid, struct preflight *ret) {
	*ret = (struct preflight){ 0 };
	if (strlen(path) >= sizeof(ret->program))
		return -ENAMETOOLONG;
	strcpy(ret->program, path);
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		char head[SCRIPT_LINE + 1] = "";
		ssize_t n = read_head(ret->program, head);

		if (n < 0)
			return (int)n;
		if (has_other_word_size(head, n)) {
			ret->obstacle = OBSTACLE_WORD_SIZE;
			return 0;
		}
		if (!script_interpreter(head, ret->program))
			return judge(ret->program, uid, gid, ret);
	}
	return -ENOEXEC;
}
