/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_WRITES_VIEW_H
#define RTMEM_CTL_WRITES_VIEW_H

/* "writes" of a document for people: one line each. */
#include <stdio.h>

#include "ctl/answer.h"

void writes_print(json_object *document, FILE *out);
/** Those that weren't made, or didn't take; with_left: also those that weren't ours to make. */
size_t writes_failed(json_object *document, bool with_left);
size_t writes_made(json_object *document);

#endif
