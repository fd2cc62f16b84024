/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status-text FILE: what `rtmemctl status` shows of a document, whole and process by process. */
#include <stdio.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "ctl/answer.h"
#include "ctl/status-view.h"

int main(int argc, char *argv[]) {
	_cleanup_free_ char *text = NULL;
	_cleanup_answer_ json_object *d = NULL;

	if (argc != 2 || read_file(argv[1], 1 << 20, &text, NULL) < 0)
		return 2;
	d = answer_parse(text);
	if (!d || status_print(d, stdout) < 0)
		return 1;
	for (size_t i = 0; i < answer_length(d, "processes"); i++) {
		puts("----");
		if (status_print_process(answer_item(d, "processes", i), stdout) < 0)
			return 1;
	}
	printf("---- exit status %d\n", status_of_word(answer_string(d, "daemon.state")));
	return 0;
}
