/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/wish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void wish_done(struct host_wish *w) {
	free(w->setting);
	free(w->wanted);
}

int wish_append(struct host_wish **list, size_t *n, const char *setting, const char *wanted,
	const struct place *place) {
	struct host_wish w = { .place = *place };
	struct host_wish *grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	w.setting = strdup(setting);
	w.wanted = strdup(wanted);
	if (!w.setting || !w.wanted) {
		wish_done(&w);
		return -ENOMEM;
	}
	grown[(*n)++] = w;
	return 0;
}

void wishes_free(struct host_wish *list, size_t n) {
	for (size_t i = 0; i < n; i++)
		wish_done(&list[i]);
	free(list);
}

const struct host_wish *wish_find(const struct host_wish *list, size_t n, const char *setting) {
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].setting, setting) == 0)
			return &list[i];
	return NULL;
}
