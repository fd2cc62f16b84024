// SPDX-License-Identifier: LGPL-2.1-or-later

// The same in Go: its own heap, its own threads, no dynamic loader.
package main

import (
	"os"
	"time"
)

func main() {
	work := make([]byte, 1<<20)
	if len(os.Args) > 1 {
		return
	}
	for {
		for i := 0; i < len(work); i += 512 {
			work[i]++
		}
		time.Sleep(5 * time.Millisecond)
	}
}
