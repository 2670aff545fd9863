"""So many threads alive at once in one process under libgreen, each parked, then woken and joined.

What the tests many_threads and million_threads share: programs/million.c, how many threads this
machine can hold, and what must be true of them: when they are woken, and when the process is
dumped, gets a signal and exits with all of them alive. Follows proc(5), madvise(2), signal(7),
exit(3).
"""

import platform
import re
import signal
import subprocess
import time
from pathlib import Path

import realprog
import snapshot

FEW = 10_000                    # so many tell what one costs
NATIVE = 2_000
MOST_BYTES = 12 << 10           # per thread: RSS and page tables
MOST_KERNEL_THREADS = 4
LEFT_FREE = 0.25                # of the memory that is available
SAMPLE = 1_000                  # million.c tries the guard of every so manieth thread
STACK = 64 << 10
DUMP = realprog.ROOT / "scripts" / "green-dump"


def available_memory():
    text = Path("/proc/meminfo").read_text()
    return int(re.search(r"MemAvailable:\s+(\d+) kB", text).group(1)) * 1024


def has_guard_regions():
    """Since Linux 6.13 a stack's guard is no mapping of its own (MADV_GUARD_INSTALL)."""
    return tuple(map(int, re.findall(r"\d+", platform.release())[:2])) >= (6, 13)


def possible(wanted, cost):
    """So many threads, or as many as this machine can hold."""
    limits = {"available memory": int(available_memory() * (1 - LEFT_FREE) / cost)}
    if not has_guard_regions():
        maps = int(Path("/proc/sys/vm/max_map_count").read_text())
        limits["vm.max_map_count"] = (maps - 1000) // 2
    reason = min(limits, key=limits.get)
    if limits[reason] >= wanted:
        return wanted
    if limits[reason] < 1:
        raise realprog.Failure(f"{reason} allows no threads at all")
    print(f"NOTE: {reason} allows {limits[reason]:,} threads, not {wanted:,}")
    return limits[reason]


def run(threads, preload, seconds):
    world = "green" if preload else "native"
    done = subprocess.run([realprog.build("million"), str(threads)], text=True, timeout=seconds,
                          env=realprog.environment(preload), stdin=subprocess.DEVNULL,
                          capture_output=True)
    if done.returncode != 0 or done.stderr:
        raise realprog.Failure(f"{threads:,} threads, {world}: ended with {done.returncode}: "
                               f"{done.stderr.strip()}")
    seen = {name: float(value) for name, value, _ in map(str.split, done.stdout.splitlines())}
    print(f"{world}: {seen['threads']:,.0f} threads, {seen['kernel_threads']:,.0f} kernel threads, "
          f"{seen['bytes_per_thread']:,.0f} bytes each, {seen['guards']:,.0f} guards tried, "
          f"created and parked in {seen['create']:.2f} s, woken and joined in "
          f"{seen['wake_and_join']:.2f} s", flush=True)
    if seen["threads"] != threads or seen["guards"] != -(-threads // SAMPLE):
        raise realprog.Failure("not all threads ran, or not all guards were tried")
    return seen


def check_dump(pid, threads, seconds):
    """All are told, in two groups (and main); each has the calls of its wait."""
    begin = time.monotonic()
    try:
        done = subprocess.run([DUMP, str(pid)], env=realprog.environment(preload=False), text=True, timeout=seconds,
                              stdin=subprocess.DEVNULL, capture_output=True)
    except subprocess.TimeoutExpired:
        raise realprog.Failure(f"no dump of {threads:,} threads within {seconds} s") from None
    took = time.monotonic() - begin
    head, *parts = done.stdout.rstrip("\n").split("\n\n")
    counts = re.fullmatch(r"million \(\d+\): ([\d,]+) green threads, (\d+) kernel threads; stopped for ([\d.]+) ms", head)
    if done.returncode != 0 or done.stderr or not counts or counts[1] != f"{1 + threads:,}":
        raise realprog.Failure(f"the dump of {threads:,} threads: {done}")
    groups = {}
    for part in parts:
        if found := re.match(r"threads [\d, .-]+  x ([\d,]+): ([a-z ]+) 0x[0-9a-f]+; entry stay\n"
                             r"    #0 (\w+) \(libgreen\S*\)\n    #1 stay \(million.c:\d+\)$", part):
            groups[found[2], found[3]] = int(found[1].replace(",", ""))
        elif not re.match(r"thread 1 \(main\): read fd 0 .*; entry main\n    #0 read .*\n    #1 hold .*\n    #2 main ", part):
            raise realprog.Failure(f"what is this?\n{part}\n--- in\n{done.stdout}")
    wanted = {("semaphore", "sem_wait"): (threads + 1) // 2, ("condition variable", "pthread_cond_wait"): threads // 2}
    if groups != wanted:
        raise realprog.Failure(f"the groups of {threads:,} threads:\n{done.stdout}")
    return took, float(counts[3])


def hold(threads, preload, seconds):
    """With all of them alive: a dump, a signal, and the end of the process."""
    world = "green" if preload else "native"
    limit = time.monotonic() + seconds
    with subprocess.Popen([realprog.build("million"), str(threads), str(STACK), "held"], env=realprog.environment(preload),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            expect_line(process, "parked")
            if preload:
                # (All have said that they wait, the last of them a moment before.)
                while not snapshot.Stops(process.pid).is_asleep():
                    if time.monotonic() > limit:
                        raise realprog.Failure("the threads do not all wait")
                dump, stopped = check_dump(process.pid, threads, limit - time.monotonic())
                print(f"{world}: {threads:,} threads told in {dump:.1f} s, stopped for {stopped} ms", flush=True)
            begin = time.monotonic()
            process.send_signal(signal.SIGUSR1)
            expect_line(process, "signal")
            signalled = time.monotonic()
            said, _ = process.communicate("", timeout=limit - time.monotonic())
            ended = time.monotonic()
        except subprocess.TimeoutExpired:
            raise realprog.Failure(f"{threads:,} threads, {world}: no end within {seconds} s") from None
        finally:
            process.kill()
    if process.returncode != 0 or said:
        raise realprog.Failure(f"{threads:,} threads, {world}: ended with {process.returncode}, {said!r}")
    print(f"{world}: {threads:,} threads, a signal answered in {signalled - begin:.4f} s, "
          f"exit in {ended - signalled:.2f} s", flush=True)


def expect_line(process, wanted):
    """(A hang here ends with the time limit of the test.)"""
    if (line := process.stdout.readline()) != f"{wanted}\n":
        raise realprog.Failure(f"{line!r}, not {wanted!r}")


def check(wanted, seconds, held):
    """The test. `seconds` is an upper bound; no time below it is an error. `held` threads are dumped, and end with exit(3)."""
    run(NATIVE, preload=False, seconds=seconds)
    hold(NATIVE, preload=False, seconds=seconds)
    if not realprog.LIBRARY:
        return
    cost = run(FEW, preload=True, seconds=seconds)["bytes_per_thread"]
    seen = run(possible(wanted, cost), preload=True, seconds=seconds)
    if seen["kernel_threads"] > MOST_KERNEL_THREADS:
        raise realprog.Failure(f"more than {MOST_KERNEL_THREADS} kernel threads")
    if seen["bytes_per_thread"] > MOST_BYTES:
        raise realprog.Failure(f"more than {MOST_BYTES:,} bytes per thread")
    hold(possible(held, cost), preload=True, seconds=seconds)
