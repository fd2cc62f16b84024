/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process waits for, says of its end, and has left behind: one sentence, where there's something. */
#include "ctl/status-view.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/status-words.h"

#define NAMED_MAX 4

/* "a, b and 3 others": the array's texts, or the member `key` of its objects with its pid. */
static void list(json_object *p, const char *path, const char *key, char *buf, size_t size) {
	size_t n = answer_length(p, path), shown = n < NAMED_MAX ? n : NAMED_MAX, used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < shown && used < size; i++) {
		json_object *item = answer_item(p, path, i);

		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
			key ? answer_string(item, key) : json_object_get_string(item));
		if (key && used < size)
			used += (size_t)snprintf(buf + used, size - used, " (pid %" PRId64 ")",
				answer_int(item, "pid"));
	}
	if (n > shown && used < size)
		snprintf(buf + used, size - used, " and %zu other%s", n - shown,
			n - shown == 1 ? "" : "s");
}

const char *status_life(json_object *p, char buf[static STATUS_LIFE_MAX]) {
	const char *announced = answer_string(p, "announced");
	char names[STATUS_LIFE_MAX - 64];

	buf[0] = '\0';
	if (answer_length(p, "waiting_for") > 0) {
		list(p, "waiting_for", NULL, names, sizeof(names));
		snprintf(buf, STATUS_LIFE_MAX, "waiting for %s", names);
	} else if (answer_length(p, "left_behind") > 0) {
		list(p, "left_behind", "name", names, sizeof(names));
		snprintf(buf, STATUS_LIFE_MAX, "its main process has ended, but not %s", names);
	} else if (*announced)
		snprintf(buf, STATUS_LIFE_MAX, "says that it's %s", announced);
	return buf;
}
