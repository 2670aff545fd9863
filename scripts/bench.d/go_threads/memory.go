// What memory a waiting goroutine takes: the same measures as c-tests/bench/footprint.h.
// Follows proc(5), socketpair(2).
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const kernelStackKiB = 16

type footprint struct{ rss, pageTables, kernelStacks, slabs int }

func numberIn(path, key string) int {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), key) {
			number, err := strconv.Atoi(strings.Fields(lines.Text())[1])
			check(err)
			return number
		}
	}
	check(fmt.Errorf("no %s in %s", key, path))
	return 0
}

func footprintNow() footprint {
	return footprint{numberIn("/proc/self/status", "VmRSS:"),
		numberIn("/proc/self/status", "VmPTE:"),
		numberIn("/proc/self/status", "Threads:") * kernelStackKiB,
		numberIn("/proc/meminfo", "SUnreclaim:")}
}

// As in footprint.h.
func letSlabsSettle() {
	after := numberIn("/proc/meminfo", "SUnreclaim:")
	for tries, quiet := 0, 0; tries < 50 && quiet < 3; tries++ {
		before := after
		time.Sleep(20 * time.Millisecond)
		after = numberIn("/proc/meminfo", "SUnreclaim:")
		if before-after < 64 {
			quiet++
		} else {
			quiet = 0
		}
	}
}

func memory(threads int, mode string) {
	var ready sync.WaitGroup
	files := make([]*os.File, threads)
	if mode == "read" {
		limit := syscall.Rlimit{}
		check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
		limit.Cur = limit.Max
		check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		for index := range files {
			ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			check(err)
			check(syscall.SetNonblock(ends[0], true))
			files[index] = os.NewFile(uintptr(ends[0]), "end")
		}
	}
	letSlabsSettle()
	before := footprintNow()
	ready.Add(threads)
	for index := 0; index < threads; index++ {
		file := files[index]
		go func() {
			ready.Done()
			if mode == "read" {
				file.Read(make([]byte, 1))
			} else {
				time.Sleep(1000 * time.Second)
			}
		}()
	}
	ready.Wait()
	after := footprintNow()
	each := func(what string, kib int) {
		report(fmt.Sprintf("memory_%s_%s", mode, what), float64(kib)*1024/float64(threads), "B/thread")
	}
	rss, pageTables := after.rss-before.rss, after.pageTables-before.pageTables
	stacks, slabs := after.kernelStacks-before.kernelStacks, after.slabs-before.slabs
	each("rss", rss)
	each("page_tables", pageTables)
	each("kernel_stacks", stacks)
	each("kernel_slabs", slabs)
	each("total", rss+pageTables+stacks+slabs)
}
