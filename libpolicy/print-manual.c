/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-manual TEMPLATE: the manual page of the policy language. The template is troff; a line @PROCESSES@
 * or @HOST@ stands for the keys of that table, so that page, parser and `explain` can't disagree.
 */
#include <stdio.h>
#include <string.h>

#include "libpolicy/fields.h"

#define LINE_LENGTH_MAX 1024
#define PREFIX_MAX	128

/* In troff a hyphen that is typed is \-, a line must not begin with a dot, a backslash is escaped. */
static void print_text(const char *text) {
	for (const char *c = text; *c; c++)
		if (*c == '-')
			fputs("\\-", stdout);
		else if (*c == '\\')
			fputs("\\e", stdout);
		else
			putchar(*c);
}

static void print_key(const char *path, const struct field *f) {
	char allowed[FIELD_ALLOWED_MAX];

	printf(".TP\n\\fB");
	print_text(path);
	printf("\\fR\n");
	print_text(f->doc);
	putchar('\n');
	if (f->kind == KIND_MAPPING)
		return;
	printf(".br\nAllowed: ");
	print_text(field_allowed(f, allowed, sizeof(allowed)));
	if (f->fallback) {
		printf(". Default: ");
		print_text(f->fallback);
	}
	printf(".\n");
}

static void print_table(const struct field *table, const char *prefix) {
	for (const struct field *f = table; f->name; f++) {
		char path[PREFIX_MAX];

		snprintf(path, sizeof(path), "%s%s", prefix, f->name);
		print_key(path, f);
		if (!f->keys)
			continue;
		strncat(path, f->kind == KIND_MAPPING ? "." : ".*.",
			sizeof(path) - strlen(path) - 1);
		print_table(f->keys, path);
	}
}

static const struct {
	const char *line;
	const struct field *table;
} marks[] = {
	{ "@PROCESSES@\n", process_fields },
	{ "@HOST@\n", host_fields },
};

static void print_line(const char *line) {
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(line, marks[i].line) == 0) {
			print_table(marks[i].table, "");
			return;
		}
	fputs(line, stdout);
}

int main(int argc, char *argv[]) {
	char line[LINE_LENGTH_MAX];
	FILE *template = argc == 2 ? fopen(argv[1], "re") : NULL;

	if (!template) {
		fprintf(stderr, "usage: print-manual TEMPLATE\n");
		return 2;
	}
	while (fgets(line, sizeof(line), template))
		print_line(line);
	(void)fclose(template);
	return fflush(stdout) != 0;
}
