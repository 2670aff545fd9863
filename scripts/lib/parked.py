"""So many threads alive at once in one process under libgreen, each parked, then woken and joined.

What the tests many_threads and million_threads share: programs/million.c, how many threads this
machine can hold, and what must be true of them. Follows proc(5), madvise(2).
"""

import platform
import re
import subprocess
from pathlib import Path

import realprog

FEW = 10_000                    # so many tell what one costs
NATIVE = 2_000
MOST_BYTES = 12 << 10           # per thread: RSS and page tables
MOST_KERNEL_THREADS = 4
LEFT_FREE = 0.25                # of the memory that is available
SAMPLE = 1_000                  # million.c tries the guard of every so manieth thread


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


def check(wanted, seconds):
    """The test. `seconds` is an upper bound; no time below it is an error."""
    run(NATIVE, preload=False, seconds=seconds)
    if not realprog.LIBRARY:
        return
    cost = run(FEW, preload=True, seconds=seconds)["bytes_per_thread"]
    seen = run(possible(wanted, cost), preload=True, seconds=seconds)
    if seen["kernel_threads"] > MOST_KERNEL_THREADS:
        raise realprog.Failure(f"more than {MOST_KERNEL_THREADS} kernel threads")
    if seen["bytes_per_thread"] > MOST_BYTES:
        raise realprog.Failure(f"more than {MOST_BYTES:,} bytes per thread")
