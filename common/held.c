/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "-mlaro"; /* of the causes, in their order */

void held_format(const struct held_files *h, char *text, size_t size) {
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%u,%u,%c", used ? " " : "", h->n_files, h->n_failed,
		letters[h->cause]);
}

size_t held_parse(const char *text, struct held_files ret[static HELD_PATTERNS_MAX]) {
	size_t n = 0;

	while (n < HELD_PATTERNS_MAX) {
		char files[10], failed[10], cause;
		const char *letter;
		int used = 0;

		if (sscanf(text, "%9[0-9],%9[0-9],%c%n", files, failed, &cause, &used) != 3)
			break;
		letter = strchr(letters, cause);
		if (!letter || !*letter || (text[used] != ' ' && text[used] != '\0'))
			break;
		ret[n++] = (struct held_files){ (unsigned)strtoul(files, NULL, 10),
			(unsigned)strtoul(failed, NULL, 10), (enum held_cause)(letter - letters) };
		text += used + (text[used] == ' ');
	}
	return n;
}
