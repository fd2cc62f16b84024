/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of daemon/confine/privileges.c as docs/security.md shows them. */
#include <ctype.h>
#include <stdio.h>

#include "common/capability.h"
#include "daemon/confine/privileges.h"

static void print(const char *title, const struct privilege *rows, size_t n) {
	printf("<!-- %s -->\n| capability | why |\n|---|---|\n", title);
	for (size_t i = 0; i < n; i++) {
		const char *name = capability_to_string(rows[i].capability);

		fputs("| `CAP_", stdout);
		while (*name)
			(void)putchar(toupper((unsigned char)*name++));
		printf("` | %s |\n", rows[i].why);
	}
	puts("<!-- end -->");
}

int main(void) {
	print("kept", privileges_kept, n_privileges_kept);
	print("hands", privileges_of_hands, n_privileges_of_hands);
	return 0;
}
