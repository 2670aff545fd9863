// Anchors in Go, for the programs of the same names in c-tests/bench: goroutines, with
// what a Go program would use for the same job. Follows the documentation of the
// packages runtime, sync, os and time.
//
//	threads switch COUNT THREADS | cond_handoff COUNT | sem_handoff COUNT | pipe_handoff COUNT
//	      | create_join COUNT | create_many THREADS | memory THREADS read|sleep | sleepers THREADS
//	      | mutex_free COUNT | mutex_many COUNT THREADS | broadcast COUNT WAITERS | timed_wait COUNT
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

const faster = 50 // as in mutex_many.c

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func report(name string, value float64, unit string) {
	fmt.Printf("%s %.3f %s\n", name, value, unit)
}

func reportEach(name string, begin time.Time, count int) {
	report(name, float64(time.Since(begin).Nanoseconds())/float64(count), "ns")
}

func benchSwitch(count, threads int) {
	var ready, done sync.WaitGroup
	var begin time.Time
	open, leave := make(chan struct{}), make(chan struct{})
	turns, begun := count/threads, false
	ready.Add(threads)
	done.Add(threads)
	for index := 0; index < threads; index++ {
		go func() {
			ready.Done()
			<-open
			runtime.Gosched() // the first turn wakes the others
			if !begun {
				begun, begin = true, time.Now()
			}
			for turn := 0; turn < turns; turn++ {
				runtime.Gosched()
			}
			done.Done()
			<-leave
		}()
	}
	ready.Wait()
	close(open)
	done.Wait()
	reportEach(fmt.Sprintf("switch_%d", threads), begin, turns*threads)
	close(leave)
}

func condHandoff(turns int) {
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	turn := 0
	takeTurns := func(parity int) {
		lock.Lock()
		for turn < turns {
			if turn%2 == parity {
				turn++
				changed.Signal()
			} else {
				changed.Wait()
			}
		}
		lock.Unlock()
	}
	begin := time.Now()
	done := make(chan struct{})
	go func() { takeTurns(1); close(done) }()
	takeTurns(0)
	<-done
	reportEach("cond_handoff", begin, turns)
}

// Two channels without buffers.
func semHandoff(count int) {
	there, back := make(chan struct{}), make(chan struct{})
	rounds := count / 2
	begin := time.Now()
	go func() {
		for round := 0; round < rounds; round++ {
			<-there
			back <- struct{}{}
		}
	}()
	for round := 0; round < rounds; round++ {
		there <- struct{}{}
		<-back
	}
	reportEach("sem_handoff", begin, rounds*2)
}

// With a limit, each read sets a deadline first.
func pipeHandoff(name string, count int, limit time.Duration) {
	fromThere, there, err := os.Pipe()
	check(err)
	fromBack, back, err := os.Pipe()
	check(err)
	rounds := count / 2
	give := func(file *os.File, bytes []byte) {
		_, err := file.Write(bytes)
		check(err)
	}
	take := func(file *os.File, bytes []byte) {
		if limit > 0 {
			check(file.SetReadDeadline(time.Now().Add(limit)))
		}
		_, err := file.Read(bytes)
		check(err)
	}
	begin := time.Now()
	go func() {
		bytes := make([]byte, 1)
		for round := 0; round < rounds; round++ {
			take(fromThere, bytes)
			give(back, bytes)
		}
	}()
	bytes := make([]byte, 1)
	for round := 0; round < rounds; round++ {
		give(there, bytes)
		take(fromBack, bytes)
	}
	reportEach(name, begin, rounds*2)
}

func createJoin(count int) {
	done := make(chan struct{})
	begin := time.Now()
	for index := 0; index < count; index++ {
		go func() { done <- struct{}{} }()
		<-done
	}
	reportEach("create_join", begin, count)
}

func createAndRelease(threads int, which string) {
	var ready, done sync.WaitGroup
	open := make(chan struct{})
	ready.Add(threads)
	done.Add(threads)
	begin := time.Now()
	for index := 0; index < threads; index++ {
		go func() {
			ready.Done()
			<-open
			done.Done()
		}()
	}
	ready.Wait()
	reportEach(fmt.Sprintf("create_%d%s", threads, which), begin, threads)

	begin = time.Now()
	close(open)
	done.Wait()
	reportEach(fmt.Sprintf("release_%d%s", threads, which), begin, threads)
}

func sleepers(threads int) {
	var ready, done sync.WaitGroup
	open := make(chan struct{})
	ready.Add(threads)
	done.Add(threads)
	begin := time.Now()
	for index := 0; index < threads; index++ {
		go func() {
			ready.Done()
			<-open
			time.Sleep(100 * time.Millisecond)
			done.Done()
		}()
	}
	ready.Wait()
	close(open)
	done.Wait()
	elapsed := time.Since(begin).Seconds()
	report("sleepers_threads", float64(threads), "threads")
	report("sleepers_seconds", elapsed, "s")
	report("sleepers_each", elapsed*1e9/float64(threads), "ns")
}

func mutexFree(count int) {
	var lock sync.Mutex
	begin := time.Now()
	for turn := 0; turn < count; turn++ {
		lock.Lock()
		lock.Unlock()
	}
	reportEach("mutex_free", begin, count)
}

func mutexMany(count, threads int, yields bool, which string) {
	var lock sync.Mutex
	var ready, done sync.WaitGroup
	open := make(chan struct{})
	turns, counter := count/threads, 0
	ready.Add(threads)
	done.Add(threads)
	for index := 0; index < threads; index++ {
		go func() {
			ready.Done()
			<-open
			for turn := 0; turn < turns; turn++ {
				lock.Lock()
				counter++
				if yields {
					runtime.Gosched()
				}
				lock.Unlock()
			}
			done.Done()
		}()
	}
	ready.Wait()
	begin := time.Now()
	close(open)
	done.Wait()
	report(fmt.Sprintf("mutex_%d%s", threads, which),
		float64(counter)/time.Since(begin).Seconds(), "op/s")
}

func broadcast(awakenings, waiters int) {
	var lock sync.Mutex
	called, allWait := sync.NewCond(&lock), sync.NewCond(&lock)
	waiting, call, calls := 0, 0, awakenings/waiters
	for index := 0; index < waiters; index++ {
		go func() {
			lock.Lock()
			for heard := 0; heard <= calls; heard++ {
				waiting++
				if waiting == waiters {
					allWait.Signal()
				}
				for heard < calls && call == heard {
					called.Wait()
				}
			}
			lock.Unlock()
		}()
	}
	lock.Lock()
	for waiting < waiters {
		allWait.Wait()
	}
	begin := time.Now()
	for turn := 0; turn < calls; turn++ {
		waiting = 0
		call++
		called.Broadcast()
		for waiting < waiters {
			allWait.Wait()
		}
	}
	reportEach("broadcast", begin, calls*waiters)
	lock.Unlock()
}

// Go's conditions have no time-out: two channels and a timer for each wait.
func timedHandoff(count int) {
	there, back := make(chan struct{}), make(chan struct{})
	rounds := count / 2
	take := func(from chan struct{}) {
		timer := time.NewTimer(100 * time.Second)
		select {
		case <-from:
		case <-timer.C:
			check(fmt.Errorf("the time-out came"))
		}
		timer.Stop()
	}
	begin := time.Now()
	go func() {
		for round := 0; round < rounds; round++ {
			take(there)
			back <- struct{}{}
		}
	}()
	for round := 0; round < rounds; round++ {
		there <- struct{}{}
		take(back)
	}
	reportEach("timed_cond", begin, rounds*2)
}

func argument(index, otherwise int) int {
	if index >= len(os.Args) {
		return otherwise
	}
	number, err := strconv.Atoi(os.Args[index])
	check(err)
	return number
}

func main() {
	count := argument(2, 100000)
	switch which := os.Args[1]; which {
	case "switch":
		benchSwitch(count, argument(3, 8))
	case "cond_handoff":
		condHandoff(count)
	case "sem_handoff":
		semHandoff(count)
	case "pipe_handoff":
		pipeHandoff("pipe_handoff", count, 0)
	case "create_join":
		createJoin(count)
	case "create_many":
		createAndRelease(count, "")
		createAndRelease(count, "_again")
	case "memory":
		memory(count, os.Args[3])
	case "sleepers":
		sleepers(count)
	case "mutex_free":
		mutexFree(count)
	case "mutex_many":
		mutexMany(faster*count, argument(3, 1000), false, "")
		mutexMany(count, argument(3, 1000), true, "_held")
	case "broadcast":
		broadcast(count, argument(3, 1000))
	case "timed_wait":
		timedHandoff(count)
		pipeHandoff("timed_poll", count, 100*time.Second)
	default:
		fmt.Fprint(os.Stderr, "no such bench: ", which)
		os.Exit(3)
	}
}
