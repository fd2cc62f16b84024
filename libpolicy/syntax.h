/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_SYNTAX_H
#define RTMEM_LIBPOLICY_SYNTAX_H

/* libyaml's complaints in words that help. */
#include <yaml.h>

#include "libpolicy/diagnostic.h"
#include "libpolicy/document.h"

/** Adds one diagnostic for the error that the parser stopped at. */
void syntax_explain(const struct document *doc, const yaml_parser_t *parser, struct diagnostics *d);

#endif
