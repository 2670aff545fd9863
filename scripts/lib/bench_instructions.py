"""Instructions in user space, for one operation: they repeat where times do not.

The same program runs with a count and with three times the count, so that its start does not matter; what
it takes more, divided by twice the count, is an operation's. The processor counts where perf finds
counters. Otherwise valgrind's cachegrind does, one thread at a time: then with small counts, without the
timer of preemption (valgrind stretches CPU time), and with SCHED_BATCH, under which a wake-up preempts
nobody, so that each wait waits and two counts are the same. Follows perf-stat(1), valgrind(1), chrt(1),
sched(7).
"""

import re
import shutil
import subprocess

from bench_worlds import TIMEOUT, Failed, LeftOut, environment, judge

EVENT = "instructions:u"
PERF = ["perf", "stat", "-x", ",", "-e", EVENT, "-o", "/dev/fd/2", "--"]
VALGRIND = ["chrt", "-b", "0", "valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no",
            "--cachegrind-out-file=/dev/null", "--vgdb=no", "--"]
VALGRIND_COUNT = 5_000          # at most; a run takes half a second then
WITHOUT_TICKS = {"GREEN_SLICE_MS": "0"}


def run(command, library, **variables):
    try:
        return subprocess.run([*map(str, command)], env=environment(library) | variables,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise Failed(f"did not end within {TIMEOUT} s") from None


# ---- by the processor --------------------------------------------------------------------------

def count_by_perf(command, library=None):
    """perf itself does not load the library."""
    preload = ["env", f"LD_PRELOAD={library}"] if library else []
    done = run([*PERF, *preload, *command], None)
    line = next((line for line in done.stderr.splitlines() if EVENT in line), "")
    number = line.partition(",")[0]
    if done.returncode != 0 or not re.fullmatch(r"[\d.]+", number):
        raise LeftOut(f"perf stat -e {EVENT}: {number.strip('<>') or done.stderr.strip()[:100]}")
    return float(number)


# ---- by valgrind -------------------------------------------------------------------------------

def count_by_valgrind(command, library=None):
    """The program is valgrind's own process, so the library gets into it as into any."""
    done = run([*VALGRIND, *command], library, **WITHOUT_TICKS)
    judge(done.returncode, done.stderr, library)
    if not (total := re.search(r"\bI\s+refs:\s+([\d,]+)", done.stderr)):
        raise Failed(f"valgrind: {done.stderr.strip()[-200:]}")
    return float(total[1].replace(",", ""))


def valgrind_version():
    return run(["valgrind", "--version"], None).stdout.strip().replace("-", " ")


# ---- whoever can -------------------------------------------------------------------------------

class Counter:
    """`origin` says in a table where the numbers are from."""

    def __init__(self, count, origin, most=None, without=()):
        self.count, self.origin, self.most, self.without = count, origin, most, without

    def worlds_of(self, case):
        return [world for world in case.worlds if world not in self.without] if case.command else []

    def per_operation(self, case, world, library):
        operations = min(case.count, self.most or case.count)
        once = self.count(case.command(world, operations), library)
        thrice = self.count(case.command(world, 3 * operations), library)
        return (thrice - once) / (2 * operations)


def counter(quick):
    """The first that works here; valgrind takes too long for --quick."""
    try:
        if not shutil.which("perf"):
            raise LeftOut("perf is not installed (Debian package linux-perf)")
        count_by_perf(["true"])
        return Counter(count_by_perf, f"Counted by the processor (`perf stat -e {EVENT}`)")
    except LeftOut as reason:
        if not shutil.which("valgrind"):
            raise LeftOut(f"{reason}; valgrind is not installed (Debian package valgrind)") from None
        if quick:
            raise LeftOut(f"{reason}; --quick has no time for valgrind (--instructions counts by it)") from None
        count_by_valgrind(["true"])
        origin = (f"Counted by {valgrind_version()}, cachegrind ({reason}), {VALGRIND_COUNT:,} operations at most; with "
                  "libgreen's switch by system call, three instructions longer than the one by `wrfsbase`; without Go, whose "
                  "runtime has threads of its own")
        return Counter(count_by_valgrind, origin, VALGRIND_COUNT, ["go"])
