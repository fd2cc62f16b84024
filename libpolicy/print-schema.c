/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program behind the target `schema`, and the test that the checked-in schema isn't stale. */
#include "libpolicy/schema.h"

int main(void) {
	return schema_print(stdout) < 0 || fflush(stdout) != 0;
}
