// SPDX-License-Identifier: LGPL-2.1-or-later

// mapping FIFO: for each line that is read maps and unmaps a page as often as it says, in a thread of its
// own, and lets the runtime give memory back; then prints "done".
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
)

func notify() {
	path := os.Getenv("NOTIFY_SOCKET")
	if c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}); err == nil {
		c.Write([]byte("READY=1"))
		c.Close()
	}
}

func work(n int, done chan bool) {
	runtime.LockOSThread()
	for i := 0; i < n; i++ {
		m, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err == nil {
			syscall.Munmap(m)
		}
	}
	done <- true
}

func main() {
	fifo, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	if err != nil {
		os.Exit(2)
	}
	notify()
	lines := bufio.NewScanner(fifo)
	for lines.Scan() {
		n, _ := strconv.Atoi(lines.Text())
		done := make(chan bool)
		go work(n, done)
		<-done
		block := make([]byte, 32<<20)
		block[0] = 1
		block = nil
		debug.FreeOSMemory()
		fmt.Println("done", n)
	}
}
