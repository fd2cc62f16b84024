// SPDX-License-Identifier: LGPL-2.1-or-later

// With this file the Go program is linked with libc, and takes memory from its malloc too.
package main

// #include <stdlib.h>
// #include <string.h>
// static void churn(void) { char *volatile p = malloc(100000); if (p) memset(p, 1, 100000); free(p); }
import "C"

import "time"

func init() {
	go func() {
		for {
			C.churn()
			time.Sleep(time.Millisecond)
		}
	}()
}
