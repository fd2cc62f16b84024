/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_STATUS_VIEW_H
#define RTMEM_CTL_STATUS_VIEW_H

/* The daemon's status document for people. */
#include <stdbool.h>
#include <stdio.h>

#include "ctl/answer.h"

/** All processes in a table, then findings, notes and settings. 0 or -ENOMEM. */
int status_print(json_object *document, FILE *out);
/** One process in detail. */
int status_print_process(json_object *process, FILE *out);
/** Settings of the machine that aren't as wanted. */
void status_print_host(json_object *document, FILE *out);
/** Exit status for a word of the contract: "compliant", "violating", "pending" ... */
int status_of_word(const char *word);

#endif
