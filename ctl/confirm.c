/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl confirm: what is being tried stays. */
#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/local.h"

int verb_confirm(const struct options *o, int argc, char *argv[]) {
	_cleanup_free_ char *text = NULL;
	int r = !*o->root && client_is_there(o) ? client_get(o, "Confirm", NULL, &text)
						: local_confirm(o, &text);

	if (r != 0)
		return r;
	if (o->json)
		answer_print(text);
	else
		puts("confirmed: the settings of the machine stay; `rtmemctl apply` goes on with the "
		     "processes");
	return EXIT_GOOD;
}
