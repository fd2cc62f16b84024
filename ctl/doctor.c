/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl doctor: why memory can't be locked here, or isn't there, and what changes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/units.h"
#include "ctl/checkup.h"
#include "ctl/ctl.h"
#include "ctl/terminal.h"

static const enum colour colours[REMARK_KIND_MAX] = {
	[REMARK_OK] = COLOUR_GREEN,
	[REMARK_ADVICE] = COLOUR_YELLOW,
	[REMARK_PROBLEM] = COLOUR_RED,
};

static void print_people(const struct checkup_facts *f, const struct remarks *r) {
	bool colour = terminal_has_colour(stdout);
	char name[PROCESS_NAME_TEXT_MAX];

	if (f->pid) {
		snprintf(name, sizeof(name), "%s", f->memory.name);
		text_clean(name);
		printf("%s (pid %d), %u thread%s\n", name, (int)f->pid, f->memory.n_threads,
			f->memory.n_threads == 1 ? "" : "s");
	}
	for (size_t i = 0; i < r->n_items; i++) {
		const struct remark *item = &r->items[i];

		printf("%s%-8s%s %-10s  %s\n", terminal_colour(colours[item->kind], colour),
			remark_kind_to_string(item->kind), terminal_colour(COLOUR_NONE, colour),
			item->subject, item->text);
	}
}

static void print_json(const struct checkup_facts *f, const struct remarks *r) {
	struct json j;

	json_init(&j, stdout, 2);
	json_object_begin(&j, NULL);
	json_int(&j, "version", 1);
	json_int(&j, "pid", f->pid);
	json_string(&j, "result", remark_kind_to_string(remarks_worst(r)));
	json_array_begin(&j, "remarks");
	for (size_t i = 0; i < r->n_items; i++) {
		json_object_begin(&j, NULL);
		json_string(&j, "subject", r->items[i].subject);
		json_string(&j, "result", remark_kind_to_string(r->items[i].kind));
		json_string(&j, "text", r->items[i].text);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
}

int verb_doctor(const struct options *o, int argc, char *argv[]) {
	struct checkup_facts facts;
	struct remarks remarks;
	uint64_t pid = 0;
	int r;

	if (argc && (parse_u64(argv[0], &pid) < 0 || pid == 0 || pid > INT32_MAX))
		return fail(EXIT_USAGE, "`%s` isn't a pid", argv[0]);
	r = checkup_read((pid_t)pid, &facts);
	if (r == -ESRCH)
		return fail(EXIT_CANT_TELL, "there is no process with pid %s", argv[0]);
	if (r == -EBADMSG)
		return fail(EXIT_CANT_TELL,
			"pid %s has no memory of its own: a zombie, or a thread of the kernel",
			argv[0]);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "can't look at it");
	checkup(&facts, &remarks);
	if (o->json)
		print_json(&facts, &remarks);
	else
		print_people(&facts, &remarks);
	return remarks_worst(&remarks) == REMARK_PROBLEM ? EXIT_NOT_GOOD : EXIT_GOOD;
}
