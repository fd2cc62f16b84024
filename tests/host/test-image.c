/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real programs, and files made to hurt: whatever is in a file, reading it ends, and with an error. */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/elf-file.h"
#include "common/io.h"
#include "host/image.h"
#include "host/library-cache.h"
#include "support/tree.h"

static char *tree;

static int setup(void **state) {
	tree = tree_new();
	return 0;
}

static int teardown(void **state) {
	tree_free(tree);
	return 0;
}

static int read_image(const char *path, struct image *ret) {
	return image_read(path, NULL, NULL, NULL, ret);
}

static void a_program_counts_itself_its_libraries_and_the_loader(void **state) {
	struct image image, own;

	assert_int_equal(read_image("/bin/true", &image), 0);
	assert_true(image.dynamic);
	assert_string_equal(image.missing, "");
	assert_true(image.n_objects >= 3); /* the program, libc, the loader */
	assert_true(image.bytes > (1u << 20) && image.bytes < (64u << 20));
	assert_int_equal(read_image("/proc/self/exe", &own), 0);
	assert_true(own.n_objects > image.n_objects); /* libcmocka too */
	assert_string_equal(own.missing, "");
}

struct mapped {
	uint64_t files; /* from files of programs and libraries */
	uint64_t zeroed; /* without a file, right behind those */
};

static struct mapped read_own_maps(void) {
	char line[PATH_MAX + 128];
	struct mapped sum = { 0 };
	uint64_t end = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		char *p;
		uint64_t start = strtoull(line, &p, 16), before = end;
		uint64_t size = strtoull(p + 1, &p, 16) - start;

		end = 0;
		if (strstr(p, ".so") || strstr(p, "/test-host-image"))
			sum.files += size;
		else if (!strchr(p, '/') && !strchr(p, '[') && start == before)
			sum.zeroed += size;
		else
			continue;
		end = start + size;
	}
	fclose(maps);
	return sum;
}

static void the_sum_is_what_the_loader_has_mapped(void **state) {
	struct mapped mapped = read_own_maps();
	struct image own;

	assert_int_equal(read_image("/proc/self/exe", &own), 0);
	assert_true(own.bytes >= mapped.files);
	assert_true(own.bytes <= mapped.files + mapped.zeroed + (64u << 10));
}

static void an_injected_library_counts(void **state) {
	struct image without, with;

	assert_int_equal(read_image("/bin/true", &without), 0);
	assert_int_equal(image_read("/bin/true", NULL, NULL, "/proc/self/exe", &with), 0);
	assert_true(with.bytes > without.bytes);
}

static void a_name_is_looked_up_in_the_path(void **state) {
	struct image image;

	assert_int_equal(read_image("true", &image), 0);
	assert_int_equal(image_read("true", "/nowhere:/bin", NULL, NULL, &image), 0);
	assert_string_equal(image.program, "/bin/true");
	assert_int_equal(image_read("true", "/nowhere", NULL, NULL, &image), -ENOENT);
}

static void a_script_counts_as_its_interpreter(void **state) {
	_cleanup_free_ char *script = tree_path(tree, "script"), *loop = tree_path(tree, "loop");
	_cleanup_free_ char *line = NULL;
	struct image image;

	tree_write_text(tree, "script", "#!/usr/bin/env -S A=b true --flag\n");
	assert_int_equal(chmod(script, 0755), 0);
	assert_int_equal(read_image(script, &image), 0);
	assert_non_null(strstr(image.program, "/true"));
	tree_write_text(tree, "script", "#!  /bin/true\n");
	assert_int_equal(read_image(script, &image), 0);
	assert_string_equal(image.program, "/bin/true");
	tree_write_text(tree, "script", "#!\n");
	assert_int_equal(read_image(script, &image), -ENOEXEC);
	assert_true(asprintf(&line, "#!%s\n", loop) > 0);
	tree_write_text(tree, "loop", line);
	assert_int_equal(read_image(loop, &image), -ELOOP);
}

static void what_is_no_program_is_refused(void **state) {
	_cleanup_free_ char *file = tree_path(tree, "file"), *fifo = tree_path(tree, "fifo");
	struct image image;

	assert_int_equal(read_image("/nowhere/at/all", &image), -ENOENT);
	assert_int_equal(read_image("/tmp", &image), -EISDIR);
	tree_write_text(tree, "file", "");
	assert_int_equal(read_image(file, &image), -ENOEXEC);
	tree_write_text(tree, "file", "\177ELF");
	assert_int_equal(read_image(file, &image), -ENOEXEC);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(read_image(fifo, &image), -ENOEXEC);
}

/* ---- hostile files ----------------------------------------------------------------------------- */

#define EVIL_LOAD    0
#define EVIL_DYNAMIC 1
#define EVIL_INTERP  2

struct evil {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[3];
	ElfW(Dyn) dynamic[5];
	char strings[32];
	char interpreter[32];
};

/* Class, byte order and machine of this very program. */
static void header_from_self(ElfW(Ehdr) * h) {
	_cleanup_elf_file_ struct elf_file self = { .fd = -1 };

	assert_int_equal(elf_file_open("/proc/self/exe", &self), 0);
	*h = self.header;
}

static struct evil good_file(void) {
	struct evil e = {
		.strings = "\0libc.so.6",
		.interpreter = "/bin/true",
	};
	ElfW(Ehdr) *h = &e.header;

	header_from_self(h);
	h->e_type = ET_DYN;
	h->e_phoff = offsetof(struct evil, segments);
	h->e_phentsize = sizeof(ElfW(Phdr));
	h->e_phnum = 3;
	e.segments[EVIL_LOAD] = (ElfW(
		Phdr)){ .p_type = PT_LOAD, .p_filesz = sizeof(e), .p_memsz = sizeof(e) };
	e.segments[EVIL_DYNAMIC] = (ElfW(Phdr)){ .p_type = PT_DYNAMIC,
		.p_offset = offsetof(struct evil, dynamic),
		.p_filesz = sizeof(e.dynamic) };
	e.segments[EVIL_INTERP] = (ElfW(Phdr)){ .p_type = PT_INTERP,
		.p_offset = offsetof(struct evil, interpreter),
		.p_filesz = sizeof("/bin/true") };
	e.dynamic[0] = (ElfW(Dyn)){ .d_tag = DT_STRTAB,
		.d_un.d_ptr = offsetof(struct evil, strings) };
	e.dynamic[1] = (ElfW(Dyn)){ .d_tag = DT_STRSZ, .d_un.d_val = sizeof(e.strings) };
	e.dynamic[2] = (ElfW(Dyn)){ .d_tag = DT_NEEDED, .d_un.d_val = 1 };
	return e;
}

static int read_evil(const struct evil *e, struct image *ret) {
	_cleanup_free_ char *path = tree_path(tree, "evil");

	tree_write(tree, "evil", e, sizeof(*e));
	return read_image(path, ret);
}

static void the_hand_made_file_is_good_unless_spoilt(void **state) {
	struct evil e = good_file();
	struct image image;

	assert_int_equal(read_evil(&e, &image), 0);
	assert_true(image.dynamic);
	assert_true(image.n_objects >= 3);
}

static void a_loop_of_needed_libraries_ends(void **state) {
	_cleanup_free_ char *path = tree_path(tree, "evil");
	struct evil e = good_file();
	struct image image;

	strcpy(e.strings + 1, "evil");
	tree_write(tree, "evil", &e, sizeof(e));
	assert_int_equal(image_read(path, NULL, tree, NULL, &image), 0);
	assert_string_equal(image.missing, "");
}

static void a_library_that_is_not_there_is_named(void **state) {
	struct evil e = good_file();
	struct image image;

	strcpy(e.strings + 1, "libnowhere.so");
	assert_int_equal(read_evil(&e, &image), 0);
	assert_string_equal(image.missing, "libnowhere.so");
}

static void spoil_table_offset(struct evil *e) {
	e->header.e_phoff = UINT64_MAX - 8;
}
static void spoil_segment_count(struct evil *e) {
	e->header.e_phnum = UINT16_MAX;
}
static void spoil_no_segments(struct evil *e) {
	e->header.e_phnum = 0;
}
static void spoil_segment_size(struct evil *e) {
	e->header.e_phentsize = 1;
}
static void spoil_class(struct evil *e) {
	e->header.e_ident[EI_CLASS] = 9;
}
static void spoil_type(struct evil *e) {
	e->header.e_type = ET_CORE;
}
static void spoil_dynamic_offset(struct evil *e) {
	e->segments[EVIL_DYNAMIC].p_offset = UINT64_MAX - 16;
}
static void spoil_dynamic_size(struct evil *e) {
	e->segments[EVIL_DYNAMIC].p_filesz = UINT64_MAX;
}
static void spoil_strings_address(struct evil *e) {
	e->dynamic[0].d_un.d_ptr = UINT64_MAX;
}
static void spoil_string_offset(struct evil *e) {
	e->dynamic[2].d_un.d_val = UINT64_MAX;
}
static void spoil_load_offset(struct evil *e) {
	e->segments[EVIL_LOAD].p_offset = UINT64_MAX - 100;
}

static void spoilt_files_are_refused(void **state) {
	static void (*const spoilers[])(struct evil *) = {
		spoil_table_offset,
		spoil_segment_count,
		spoil_no_segments,
		spoil_segment_size,
		spoil_class,
		spoil_type,
		spoil_dynamic_offset,
		spoil_dynamic_size,
		spoil_strings_address,
		spoil_string_offset,
		spoil_load_offset,
	};

	for (size_t i = 0; i < ARRAY_LEN(spoilers); i++) {
		struct evil e = good_file();
		struct image image;

		spoilers[i](&e);
		assert_int_equal(read_evil(&e, &image), -ENOEXEC);
	}
}

static void an_endless_string_is_refused(void **state) {
	_cleanup_free_ char *path = tree_path(tree, "evil");
	_cleanup_elf_file_ struct elf_file file = { .fd = -1 };
	char text[ELF_STRING_MAX], loader[PATH_MAX];
	struct evil e = good_file();

	memset(e.strings, 'a', sizeof(e.strings));
	memset(e.interpreter, 'b', sizeof(e.interpreter));
	e.dynamic[1].d_un.d_val = UINT64_MAX;
	tree_write(tree, "evil", &e, sizeof(e));
	assert_int_equal(elf_file_open(path, &file), 0);
	assert_int_equal(elf_file_string(&file, DT_NEEDED, 0, text), -ENOEXEC);
	assert_int_equal(elf_file_string(&file, DT_NEEDED, 1, text), -ENOENT);
	assert_int_equal(elf_file_interpreter(&file, loader), -ENOEXEC);
}

static void absurd_sizes_do_not_overflow_the_sum(void **state) {
	struct evil e = good_file();
	struct image image;

	e.segments[EVIL_LOAD].p_memsz = UINT64_MAX;
	assert_int_equal(read_evil(&e, &image), 0);
	assert_true(image.bytes < (UINT64_C(1) << 40));
}

static void every_shortened_file_ends_without_harm(void **state) {
	_cleanup_free_ char *path = tree_path(tree, "evil");
	struct evil e = good_file();

	for (size_t len = 0; len < sizeof(e); len += 7) {
		struct image image;

		tree_write(tree, "evil", &e, len);
		(void)read_image(path, &image);
	}
}

static void a_foreign_or_damaged_cache_is_an_empty_cache(void **state) {
	_cleanup_free_ char *path = tree_path(tree, "cache");
	char data[48] = "glibc-ld.so.cache1.1";
	struct library_cache cache;

	library_cache_load(path, &cache);
	assert_null(library_cache_find(&cache, "libc.so.6", 0));
	tree_write_text(tree, "cache", "ld.so-1.7.0");
	library_cache_load(path, &cache);
	assert_null(library_cache_find(&cache, "libc.so.6", 0));
	memset(data + 20, 0xff, 4); /* four thousand million entries */
	tree_write(tree, "cache", data, sizeof(data));
	library_cache_load(path, &cache);
	assert_null(library_cache_find(&cache, "libc.so.6", 0));
	library_cache_done(&cache);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(a_program_counts_itself_its_libraries_and_the_loader),
		CASE(the_sum_is_what_the_loader_has_mapped),
		CASE(an_injected_library_counts),
		CASE(a_name_is_looked_up_in_the_path),
		CASE(a_script_counts_as_its_interpreter),
		CASE(what_is_no_program_is_refused),
		CASE(the_hand_made_file_is_good_unless_spoilt),
		CASE(a_loop_of_needed_libraries_ends),
		CASE(a_library_that_is_not_there_is_named),
		CASE(spoilt_files_are_refused),
		CASE(an_endless_string_is_refused),
		CASE(absurd_sizes_do_not_overflow_the_sum),
		CASE(every_shortened_file_ends_without_harm),
		CASE(a_foreign_or_damaged_cache_is_an_empty_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
