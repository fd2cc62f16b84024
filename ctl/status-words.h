/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_STATUS_WORDS_H
#define RTMEM_CTL_STATUS_WORDS_H

/* What overview and detail share. */
#include <stdint.h>
#include <stdio.h>

#include "common/units.h"
#include "ctl/answer.h"
#include "ctl/terminal.h"

#define STATUS_LIFE_MAX 320
/** What it waits for, says of its end, or has left behind; "" where there's nothing of that. */
const char *status_life(json_object *process, char buf[static STATUS_LIFE_MAX]);
enum colour colour_of_word(const char *word);
const char *format_bytes(int64_t bytes, char buf[static UNITS_TEXT_MAX]);
/** name: put in front of each line, "" = none */
void print_findings(json_object *process, const char *name, FILE *out);
void print_notes(json_object *process, const char *name, FILE *out);

#endif
