/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_DIAGNOSTIC_H
#define RTMEM_LIBPOLICY_DIAGNOSTIC_H

/*
 * What is wrong with a policy, said to the person who wrote it. User mistakes are diagnostics, never
 * error codes: a function of libpolicy that finds one appends it and goes on to find the next.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "libpolicy/policy.h"

enum severity {
	SEVERITY_ERROR,
	SEVERITY_WARNING
};

struct diagnostic {
	char *file;
	unsigned line; /* from 1; 0 = the file as a whole */
	unsigned column; /* from 1, in characters */
	enum severity severity;
	const char *id; /* stable, from the table in diagnostic.c: "unknown-key" */
	char *message; /* what is wrong; what is allowed */
	char *hint; /* remedy, "did you mean ..."; or NULL */
	char *source; /* the offending line, without newline; or NULL */
};

struct diagnostics {
	struct diagnostic *items;
	size_t n_items;
	size_t n_errors;
	bool out_of_memory; /* something couldn't even be recorded */
	bool dropped; /* the latest one wasn't recorded, so that its hint isn't either */
};

void diagnostics_done(struct diagnostics *d);
#define _cleanup_diagnostics_ CLEANUP(diagnostics_done)

/** `FILE:LINE:COLUMN: error: message`, the line, a caret, and `  hint: ...` if there is one. Control
 *  characters of the policy never reach the terminal. colour: ANSI for a terminal. */
void diagnostics_print(const struct diagnostics *d, FILE *out, bool colour);
/** Array of {file, line, column, severity, id, message, hint} */
void diagnostics_print_json(const struct diagnostics *d, FILE *out);

#endif
