// SPDX-License-Identifier: LGPL-2.1-or-later

// A Go program with a steady cycle: goroutines that allocate all the time, so that the garbage collector
// runs several times a second.
package main

import "time"

type node struct {
	next *node
	data [200]byte
}

func work() {
	kept := make([]*node, 256)
	for i := 0; ; i++ {
		var head *node
		for j := 0; j < 64; j++ {
			head = &node{next: head}
		}
		kept[i%len(kept)] = head
		if i%16 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

func main() {
	for i := 0; i < 3; i++ {
		go work()
	}
	work()
}
