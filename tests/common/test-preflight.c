/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program's file says: made files, each with one property, and real ones where there are any. */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/preflight.h"

#define LOADED_AT 0x1000

static char path[] = "/tmp/rtmem-preflight-XXXXXX";

struct note {
	Elf64_Nhdr head;
	char owner[4];
	char text[16];
};

/* A program of headers alone: segments, an interpreter, a note, a dynamic section, one symbol. */
struct program {
	Elf64_Ehdr elf;
	Elf64_Phdr header[4];
	char interpreter[64];
	struct note note;
	Elf64_Dyn dynamic[8];
	char strings[128];
	Elf64_Sym symbols[2];
	struct {
		uint32_t n_buckets, first, n_bloom, shift;
		uint64_t bloom;
		uint32_t bucket, chain;
	} hash;
};

enum string {
	STRING_LIBC = 1,
	STRING_LIBRARY = 16, /* the library under test */
	STRING_SYMBOL = 64, /* the symbol under test */
};

#define ADDRESS(member) (LOADED_AT + offsetof(struct program, member))

static uint32_t hash_of(const char *name) {
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static void make_headers(struct program *p) {
	p->header[0] = (Elf64_Phdr){ .p_type = PT_INTERP,
		.p_offset = offsetof(struct program, interpreter),
		.p_filesz = strlen(p->interpreter) + 1 };
	p->header[1] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_vaddr = LOADED_AT, .p_filesz = sizeof(*p)
	};
	p->header[2] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
		.p_offset = offsetof(struct program, dynamic),
		.p_filesz = sizeof(p->dynamic) };
	p->header[3] = (Elf64_Phdr){ .p_type = PT_NOTE,
		.p_offset = offsetof(struct program, note),
		.p_filesz = sizeof(p->note) };
}

static struct program make_program(void) {
	struct program p = {
		.elf = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB },
			.e_type = ET_DYN,
			.e_phoff = offsetof(struct program, header),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 4,
		},
		.interpreter = "/lib64/ld-linux-x86-64.so.2",
		.note = { { 4, 16, NT_GNU_ABI_TAG }, "GNU", "" },
		.dynamic = {
			{ DT_STRTAB, { ADDRESS(strings) } },
			{ DT_STRSZ, { sizeof(p.strings) } },
			{ DT_SYMTAB, { ADDRESS(symbols) } },
			{ DT_GNU_HASH, { ADDRESS(hash) } },
			{ DT_NEEDED, { STRING_LIBC } },
		},
		.hash = { .n_buckets = 1, .first = 1, .n_bloom = 1, .shift = 6, .bloom = UINT64_MAX },
	};

	make_headers(&p);
	strcpy(p.strings + STRING_LIBC, "libc.so.6");
	return p;
}

static struct program make_static(void) {
	struct program p = make_program();

	p.header[0].p_type = p.header[2].p_type = PT_NULL;
	return p;
}

static struct program make_with_library(const char *name) {
	struct program p = make_program();

	strcpy(p.strings + STRING_LIBRARY, name);
	p.dynamic[5] = (Elf64_Dyn){ DT_NEEDED, { STRING_LIBRARY } };
	return p;
}

static struct program make_with_symbol(const char *name) {
	struct program p = make_program();

	strcpy(p.strings + STRING_SYMBOL, name);
	p.symbols[1] = (Elf64_Sym){ .st_name = STRING_SYMBOL, .st_shndx = 1 };
	p.hash.bucket = 1;
	p.hash.chain = hash_of(name) | 1;
	return p;
}

static void write_program(const void *data, size_t size, mode_t mode) {
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, data, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static struct preflight judge(const struct program *p) {
	struct preflight said;

	write_program(p, sizeof(*p), 0755);
	assert_int_equal(preflight_read(path, geteuid(), getegid(), &said), 0);
	return said;
}

static void an_ordinary_program_is_fine(void **state) {
	struct program p = make_program();
	struct preflight said = judge(&p);

	assert_int_equal(said.obstacle, OBSTACLE_NONE);
	assert_int_equal(said.runtime, RUNTIME_NATIVE);
	assert_int_equal(said.allocator, PREFLIGHT_ALLOCATOR_LIBC);
	assert_true(said.glibc);
	assert_false(said.gains_rights);
	assert_string_equal(said.program, path);
	assert_string_equal(preflight_obstacle_text(said.obstacle), "");
	assert_int_equal(preflight_read("/bin/sh", 0, 0, &said), 0);
	assert_int_equal(said.obstacle, OBSTACLE_NONE);
}

static void a_static_program_is_glibcs_only_with_its_note(void **state) {
	struct program p = make_static();
	struct preflight said = judge(&p);

	assert_int_equal(said.obstacle, OBSTACLE_STATIC);
	assert_true(said.glibc);
	p.note.head.n_type = NT_GNU_BUILD_ID;
	said = judge(&p);
	assert_int_equal(said.obstacle, OBSTACLE_STATIC);
	assert_false(said.glibc);
}

static void musl_is_known_by_its_loader(void **state) {
	struct program p = make_program();
	struct preflight said;

	strcpy(p.interpreter, "/lib/ld-musl-x86_64.so.1");
	p.dynamic[4].d_tag = DT_DEBUG;
	p.header[0].p_filesz = strlen(p.interpreter) + 1;
	said = judge(&p);
	assert_int_equal(said.obstacle, OBSTACLE_MUSL);
	assert_false(said.glibc);
}

static void another_word_size_is_an_obstacle(void **state) {
	struct program p = make_program();

	p.elf.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64;
	assert_int_equal(judge(&p).obstacle, OBSTACLE_WORD_SIZE);
}

static void a_sanitizer_is_found_linked_in_or_beside(void **state) {
	struct program p = make_with_library("libasan.so.8");

	assert_int_equal(judge(&p).obstacle, OBSTACLE_SANITIZER);
	p = make_with_symbol("__asan_init");
	assert_int_equal(judge(&p).obstacle, OBSTACLE_SANITIZER);
	p.symbols[1].st_shndx = SHN_UNDEF; /* asked for, not brought */
	assert_int_equal(judge(&p).obstacle, OBSTACLE_NONE);
	p = make_with_symbol("__asan_init_v5");
	assert_int_equal(judge(&p).obstacle, OBSTACLE_NONE);
}

static void each_runtime_is_known_by_its_mark(void **state) {
	struct program p = make_static();

	p.note = (struct note){ { 4, 16, 4 }, "Go", "" };
	assert_int_equal(judge(&p).obstacle, OBSTACLE_STATIC);
	assert_int_equal(judge(&p).runtime, RUNTIME_GO);
	assert_false(judge(&p).glibc);
	p = make_with_library("libjli.so");
	assert_int_equal(judge(&p).runtime, RUNTIME_JVM);
	p = make_with_library("libnode.so.108");
	assert_int_equal(judge(&p).runtime, RUNTIME_V8);
	p = make_with_symbol("node_module_register");
	assert_int_equal(judge(&p).runtime, RUNTIME_V8);
}

static void each_allocator_is_known_by_its_mark(void **state) {
	static const struct {
		enum preflight_allocator allocator;
		const char *library, *symbol;
	} cases[] = {
		{ PREFLIGHT_ALLOCATOR_JEMALLOC, "libjemalloc.so.2", "mallctl" },
		{ PREFLIGHT_ALLOCATOR_TCMALLOC, "libtcmalloc_minimal.so.4", "tc_malloc" },
		{ PREFLIGHT_ALLOCATOR_MIMALLOC, "libmimalloc.so.2.0", "mi_malloc" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct program p = make_with_library(cases[i].library);

		assert_int_equal(judge(&p).allocator, cases[i].allocator);
		p = make_with_symbol(cases[i].symbol);
		assert_int_equal(judge(&p).allocator, cases[i].allocator);
		assert_int_equal(judge(&p).obstacle, OBSTACLE_NONE);
	}
}

static enum preflight_obstacle judge_file(uid_t uid, gid_t gid) {
	struct preflight said;

	assert_int_equal(preflight_read(path, uid, gid, &said), 0);
	assert_int_equal(said.gains_rights, said.obstacle != OBSTACLE_NONE);
	return said.obstacle;
}

static void rights_of_the_file_count_for_somebody_else(void **state) {
	struct program p = make_program();
	uid_t uid = geteuid();
	gid_t gid = getegid();

	write_program(&p, sizeof(p), 04755);
	assert_int_equal(judge_file(uid, gid), OBSTACLE_NONE);
	assert_int_equal(judge_file(uid + 1, gid), OBSTACLE_SETUID);
	write_program(&p, sizeof(p), 02755);
	assert_int_equal(judge_file(uid, gid), OBSTACLE_NONE);
	assert_int_equal(judge_file(uid, gid + 1), OBSTACLE_SETGID);
	write_program(
		&p, sizeof(p), 02745); /* no right to execute for the group: another meaning */
	assert_int_equal(judge_file(uid, gid + 1), OBSTACLE_NONE);
}

static uint64_t capabilities_of_file(uint32_t flags, uid_t uid) {
	struct vfs_cap_data data = {
		.magic_etc = htole32(VFS_CAP_REVISION_2 | flags),
		.data = { { .permitted = htole32(1u << CAP_IPC_LOCK) } },
	};
	struct preflight said;

	if (setxattr(path, "security.capability", &data, sizeof(data), 0) < 0)
		skip(); /* only root may */
	assert_int_equal(preflight_read(path, uid, getegid(), &said), 0);
	assert_int_equal(said.gains_rights, uid != 0);
	return said.capabilities;
}

static void capabilities_count_where_the_file_puts_them_into_effect(void **state) {
	struct program p = make_program();

	write_program(&p, sizeof(p), 0755);
	assert_true(capabilities_of_file(VFS_CAP_FLAGS_EFFECTIVE, 1) == 1u << CAP_IPC_LOCK);
	assert_true(capabilities_of_file(0, 1) == 0);
	assert_true(capabilities_of_file(VFS_CAP_FLAGS_EFFECTIVE, 0) == 0);
}

static void a_static_setuid_program_has_both(void **state) {
	struct program p = make_static();
	struct preflight said;

	write_program(&p, sizeof(p), 04755);
	assert_int_equal(preflight_read(path, geteuid() + 1, getegid(), &said), 0);
	assert_int_equal(said.obstacle, OBSTACLE_STATIC);
	assert_true(said.gains_rights);
	assert_true(said.capabilities == (geteuid() == 0 ? UINT64_MAX : 0));
}

static void a_script_is_judged_by_its_interpreter(void **state) {
	const char *const fine[] = { "#!/bin/sh\n", "#! /bin/sh -e\n", "#!/bin/sh" };
	const char *const odd[] = { "#!/no/such/file\n", "#!\n", "#!", "" };
	struct preflight said;
	char self[sizeof(path) + 8];
	int n;

	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		write_program(fine[i], strlen(fine[i]), 0755);
		assert_int_equal(preflight_read(path, 0, 0, &said), 0);
		assert_string_equal(said.program, "/bin/sh");
	}
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		write_program(odd[i], strlen(odd[i]), 0755);
		assert_true(preflight_read(path, 0, 0, &said) < 0);
	}
	n = snprintf(self, sizeof(self), "#!%s\n", path); /* and no loop is endless */
	write_program(self, (size_t)n, 0755);
	assert_int_equal(preflight_read(path, 0, 0, &said), -ENOEXEC);
}

static int outcome(const void *data, size_t size) {
	struct preflight said;

	write_program(data, size, 0755);
	return preflight_read(path, 0, 0, &said);
}

static void odd_headers_are_left_to_the_kernel(void **state) {
	struct program p = make_program();

	for (size_t n = 0; n < sizeof(p.elf); n++)
		assert_int_equal(outcome(&p, n), -ENOEXEC);
	p.elf.e_phoff = UINT64_MAX;
	assert_int_equal(outcome(&p, sizeof(p)), -ENOEXEC);
	p = make_program();
	p.elf.e_phnum = UINT16_MAX;
	assert_int_equal(outcome(&p, sizeof(p)), -ENOEXEC);
	p = make_program();
	p.header[0].p_offset = p.header[0].p_filesz = UINT64_MAX;
	assert_int_equal(outcome(&p, sizeof(p)), -ENOEXEC);
}

static void odd_tables_have_nothing_in_them(void **state) {
	struct program p = make_with_symbol("mallctl");

	p.dynamic[3].d_un.d_ptr = UINT64_MAX;
	assert_int_equal(judge(&p).allocator, PREFLIGHT_ALLOCATOR_LIBC);
	p = make_with_symbol("mallctl");
	p.hash.n_bloom = p.hash.n_buckets = UINT32_MAX;
	assert_int_equal(judge(&p).allocator, PREFLIGHT_ALLOCATOR_LIBC);
	p = make_with_symbol("mallctl");
	p.hash.n_buckets = 0;
	assert_int_equal(judge(&p).allocator, PREFLIGHT_ALLOCATOR_LIBC);
	p = make_with_symbol("mallctl");
	p.symbols[1].st_name = UINT32_MAX;
	assert_int_equal(judge(&p).allocator, PREFLIGHT_ALLOCATOR_LIBC);
	p = make_static();
	p.note.head.n_namesz = p.note.head.n_descsz = UINT32_MAX;
	assert_false(judge(&p).glibc);
	p.header[3].p_filesz = UINT64_MAX;
	assert_false(judge(&p).glibc);
}

static void what_isnt_a_file_to_read_is_an_error(void **state) {
	struct preflight said;

	assert_int_equal(preflight_read("/no/such/file", 0, 0, &said), -ENOENT);
	assert_int_equal(preflight_read("/tmp", 0, 0, &said), -EACCES);
	assert_int_equal(preflight_read("/dev/null", 0, 0, &said), -EACCES);
}

static int make_file(void **state) {
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
	return unlink(path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_program_is_fine),
		cmocka_unit_test(a_static_program_is_glibcs_only_with_its_note),
		cmocka_unit_test(musl_is_known_by_its_loader),
		cmocka_unit_test(another_word_size_is_an_obstacle),
		cmocka_unit_test(a_sanitizer_is_found_linked_in_or_beside),
		cmocka_unit_test(each_runtime_is_known_by_its_mark),
		cmocka_unit_test(each_allocator_is_known_by_its_mark),
		cmocka_unit_test(rights_of_the_file_count_for_somebody_else),
		cmocka_unit_test(capabilities_count_where_the_file_puts_them_into_effect),
		cmocka_unit_test(a_static_setuid_program_has_both),
		cmocka_unit_test(a_script_is_judged_by_its_interpreter),
		cmocka_unit_test(odd_headers_are_left_to_the_kernel),
		cmocka_unit_test(odd_tables_have_nothing_in_them),
		cmocka_unit_test(what_isnt_a_file_to_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
