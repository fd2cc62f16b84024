/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a library can be injected, from the file alone: made files, each with one property. */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io.h"
#include "exec/launch.h"

static char path[] = "/tmp/rtmem-target-XXXXXX";

/* A program of headers alone: ELF header, two segments, an interpreter, a dynamic section. */
struct program {
	Elf64_Ehdr elf;
	Elf64_Phdr header[3];
	char interpreter[64];
	Elf64_Dyn dynamic[4];
	char strings[64];
};

static struct program make_program(void) {
	struct program p = {
		.elf = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
			.e_phoff = offsetof(struct program, header),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.interpreter = "/lib64/ld-linux-x86-64.so.2",
		.strings = "\0libc.so.6\0libasan.so.8",
	};

	p.header[0] = (Elf64_Phdr){ .p_type = PT_INTERP,
		.p_offset = offsetof(struct program, interpreter),
		.p_filesz = sizeof(p.interpreter) };
	p.header[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof(p) };
	p.header[2] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
		.p_offset = offsetof(struct program, dynamic),
		.p_filesz = sizeof(p.dynamic) };
	p.dynamic[0] = (Elf64_Dyn){ .d_tag = DT_STRTAB,
		.d_un.d_ptr = 0x1000 + offsetof(struct program, strings) };
	p.dynamic[1] = (Elf64_Dyn){ .d_tag = DT_NEEDED, .d_un.d_val = 1 };
	return p;
}

static const char *judge(const void *data, size_t size, mode_t mode) {
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, data, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	return target_refuses_preload(path);
}

static void assert_refused(const struct program *p, const char *reason) {
	const char *said = judge(p, sizeof(*p), 0755);

	assert_non_null(said);
	if (!strstr(said, reason))
		fail_msg("'%s' isn't in: %s", reason, said);
}

static void an_ordinary_program_is_fine(void **state) {
	struct program p = make_program();

	assert_null(judge(&p, sizeof(p), 0755));
	assert_null(target_refuses_preload("/bin/sh"));
}

static void each_obstacle_is_named(void **state) {
	struct program p = make_program();

	p.header[0].p_type = PT_NOTE;
	assert_refused(&p, "linked statically");
	p = make_program();
	strcpy(p.interpreter, "/lib/ld-musl-x86_64.so.1");
	assert_refused(&p, "musl");
	p = make_program();
	p.elf.e_ident[EI_CLASS] = ELFCLASS32;
	assert_refused(&p, "word size");
	p = make_program();
	p.dynamic[1].d_un.d_val = 11;
	assert_refused(&p, "AddressSanitizer");
}

static void setuid_to_somebody_else_is_named(void **state) {
	struct program p = make_program();
	const char *said;

	if (geteuid() != 0)
		skip();
	assert_null(judge(&p, sizeof(p), 04755)); /* to oneself: no secure execution */
	assert_int_equal(chown(path, 65534, 65534), 0);
	said = judge(&p, sizeof(p), 04755);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_non_null(said);
	assert_non_null(strstr(said, "setuid"));
}

static void a_script_is_judged_by_its_interpreter(void **state) {
	const char *const fine[] = { "#!/bin/sh\n", "#! /bin/sh -e\n", "#!/no/such/file\n", "#!\n",
		"#!", "" };
	char self[sizeof(path) + 8];
	int n;

	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_null(judge(fine[i], strlen(fine[i]), 0755));
	n = snprintf(self, sizeof(self), "#!%s\n", path); /* and no loop is endless */
	assert_null(judge(self, (size_t)n, 0755));
}

static void odd_headers_are_left_to_the_kernel(void **state) {
	struct program p = make_program();

	for (size_t n = 0; n < sizeof(p.elf); n++)
		(void)judge(&p, n, 0755);
	p.elf.e_phoff = UINT64_MAX;
	assert_null(judge(&p, sizeof(p), 0755));
	p = make_program();
	p.elf.e_phnum = UINT16_MAX;
	assert_null(judge(&p, sizeof(p), 0755));
	p = make_program();
	p.header[0].p_offset = p.header[0].p_filesz = UINT64_MAX;
	p.header[2].p_filesz = UINT64_MAX;
	assert_null(judge(&p, sizeof(p), 0755));
	p = make_program();
	p.dynamic[1].d_un.d_val = UINT64_MAX;
	assert_null(judge(&p, sizeof(p), 0755));
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
		cmocka_unit_test(each_obstacle_is_named),
		cmocka_unit_test(setuid_to_somebody_else_is_named),
		cmocka_unit_test(a_script_is_judged_by_its_interpreter),
		cmocka_unit_test(odd_headers_are_left_to_the_kernel),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
