"""Copies of all green threads of a live process: of each its record, and the innermost part of its stack, of one moment.

    for copy in Snapshot(process, stops).copies(): ...      the running thread first, then as they were created
    snapshot.again(copy, size)                              the same thread, with so much of its stack

The process runs meanwhile: what suspended threads have on their stacks is copied many at a time, in few system calls. Only the
kernel thread that runs green threads (the carrier) is stopped: to copy its registers and the stack of the thread that it
runs, and in the end for those that were never at rest when they were looked at.

How a copy of a suspended thread is known to be of one moment, though nothing keeps the carrier from running it:

    1  its record is read
    2  every switch between threads that had begun by then is over      (`rest`)
    3  its stack is copied, and the lock read that it waits for
    4  who runs now?
    5  every switch that had begun by then is over
    6  its record is read again: the same count of parks, and the rest of it, too

Its count of parks grows in each switch that leaves it. So whoever had been left by 1 stood still by 3; whoever has run since
then is the one of 4, or has been left again, and then the count has grown by 6. Who has ended is no longer on the roster. If
there was no switch at all from before 1 until after 4, that is all: then only the one of 4 has run.

Follows ptrace(2), proc(5), waitpid(2).
"""

import contextlib
import ctypes
import os
import signal
import time
from collections import namedtuple
from ctypes import c_uint64, c_void_p
from pathlib import Path

import threads

FIRST_SIZE = 2 << 10    # bytes of a stack that are copied, where nothing is known of such threads
LEAST_SIZE = 512                    # where something is
RUNNING_SIZE = 64 << 10             # of the running one's
RED_ZONE = 128          # bytes below the stack pointer that a function uses
TRIES = 50              # for a thread that runs again and again; the next time it is stopped
TURN = 0.001            # seconds in which a kernel thread that can run probably does
AT_ONCE = 512           # threads that are copied together,
MOST_BYTES = 16 << 20   # at most so much of their stacks
PATIENCE = 10           # seconds until the carrier must have stopped
LOOKS = 100             # at the count of switches, until the carrier is stopped to see whether it is in one


# ---- a stop --------------------------------------------------------------------------------------

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes, libc.ptrace.restype = [c_uint64, c_uint64, c_void_p, c_void_p], c_uint64
GETREGS, DETACH, SEIZE, INTERRUPT = 12, 17, 0x4206, 0x4207
WALL = 0x40000000
USER_REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
                  "ds es fs gs").split()


class NotStopped(Exception):
    """A kernel thread could not be stopped, for the reason given."""


def ptrace(request, tid, data=None):
    if libc.ptrace(request, tid, None, data) == 2**64 - 1:
        raise NotStopped(os.strerror(ctypes.get_errno()))


def wait_for_stop(tid):
    def too_long(*_):
        raise NotStopped(f"it does not stop within {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(PATIENCE)
    try:
        _, status = os.waitpid(tid, WALL)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    if not os.WIFSTOPPED(status):
        raise NotStopped("it has ended")
    return status


class Stops:
    """Stops of one kernel thread; `longest` is how many seconds it did not run."""

    def __init__(self, tid):
        self.tid, self.longest = tid, 0.0

    @contextlib.contextmanager
    def stop(self):
        """Its registers, while it is stopped."""
        ptrace(SEIZE, self.tid)
        os.sched_yield()                # rather now than in the middle
        begin = time.monotonic()
        ptrace(INTERRUPT, self.tid)
        status = wait_for_stop(self.tid)
        try:
            values = (c_uint64 * len(USER_REGISTERS))()
            ptrace(GETREGS, self.tid, ctypes.addressof(values))
            yield dict(zip(USER_REGISTERS, values))
        finally:
            # A signal that was about to arrive goes on its way.
            ptrace(DETACH, self.tid, 0 if status >> 16 else os.WSTOPSIG(status))
            self.longest = max(self.longest, time.monotonic() - begin)

    def is_asleep(self):
        """It waits in a system call. (Between two green threads there is none.)"""
        try:
            return Path(f"/proc/{self.tid}/task/{self.tid}/syscall").read_text().partition(" ")[0].isdigit()
        except OSError:
            return False


# ---- copies of the threads -----------------------------------------------------------------------

# A record, and the bytes of the stack from `low` on, none if they are not known. `owner` is the tid in the lock that it waits
# for. Only the running thread has `registers`; others have theirs on the stack.
Copy = namedtuple("Copy", "record row low stack owner is_current registers", defaults=(None, False, None))


class Snapshot:
    """Copies of all green threads of a process."""

    def __init__(self, process, stops):
        if "parks" not in process.at:
            raise threads.NotGreen("this libgreen is of another version (its threads do not count how often they wait)")
        self.process, self.stops = process, stops
        self.obstacle, self.settled_at = "", None
        self.sizes = {}         # of stacks: the most that threads that wait for such a thing in such a function needed
        self.owner_at = {i: threads.OWNER_AT[name] for i, name in enumerate(process.waits) if name in threads.OWNER_AT}

    def copies(self):
        records, restless = self.process.roster(), []
        running = self.copy_running()
        if running:
            yield running
        for first in range(0, len(records), AT_ONCE):
            some = records[first:first + AT_ONCE].tolist()
            if running and running.record in some:
                some.remove(running.record)
            yield from self.copy_resting(some, restless)
        yield from self.copy_restless(restless)

    def again(self, copy, size):
        """Another one of the same thread, with so much of its stack; None if the thread has ended."""
        restless = [copy.record] if copy.is_current else []
        found = [] if restless else [*self.copy_resting([copy.record], restless, size)]
        found += self.copy_restless(restless, size)
        return found[0] if found and found[0].row.id == copy.row.id else None

    def needs(self, copy, size):
        """So much of a stack like this one is copied from now on."""
        kind = copy.row.start, copy.row.reason
        self.sizes[kind] = max(size, self.sizes.get(kind, LEAST_SIZE))

    # ---- the running thread ----------------------------------------------------------------------

    def copy_running(self):
        """None, if it has ended, or if the carrier cannot be stopped."""
        try:
            with self.at_rest() as (current, registers):
                row = self.process.thread(current).row
                return self.copy_of_running(current, row, registers) if self.process.is_listed(current, row) else None
        except (NotStopped, threads.Unreadable) as reason:
            self.obstacle = str(reason)
        return None

    def copy_of_running(self, record, row, registers, size=RUNNING_SIZE):
        low = registers["rsp"] - RED_ZONE
        return Copy(record, row, low, self.read_stack(row, low, size), None, True, registers)

    @contextlib.contextmanager
    def at_rest(self):
        """A stop, and not in the middle of a switch: the current thread is on its own TLS block. (If it never is, it
        acts on another's.)"""
        for tries_left in reversed(range(TRIES)):
            with self.stops.stop() as registers:
                current = self.process.current()
                is_at_rest = self.process.thread(current).fs == registers["fs_base"]
                if is_at_rest:
                    self.settled_at = self.process.switches()
                if is_at_rest or not tries_left:
                    yield current, registers
                    return
            time.sleep(TURN)            # (stopped again at once, it would be where it was)

    # ---- those that wait -------------------------------------------------------------------------

    def copy_resting(self, records, restless, size=0):
        """Without a stop: see above. Those that never are at rest are left over."""
        process = self.process
        for _ in range(TRIES):
            is_still = process.switches() == self.settled_at
            rows = first = process.rows(records)
            if not is_still:
                self.rest()
            stacks, owners = self.stacks(rows, size), self.owners(rows)
            current = process.current()
            if not is_still or process.switches() != self.settled_at:
                self.rest()
                rows = process.rows(records)
            left, before, after = [], 0, 0
            for record, one, row, stack, owner in zip(records, first, rows, stacks, owners):
                if not row:
                    continue
                # (Most follow each other.)
                is_listed = row.prev == before and after == record or process.is_listed(record, row)
                before, after = record, row.next
                if is_listed and stack and record != current and (one is row or one == row or is_same(one, row)):
                    yield Copy(record, row, row.sp, stack, owner)
                elif is_listed:
                    left.append(record)
            records = left
            if not records:
                return
            os.sched_yield()
        restless += records

    def rest(self):
        """Every switch that has begun is over when this comes back: another one has begun since, or the carrier waits in a
        system call, or it was stopped, and not in one. If it cannot be stopped, there was time for it."""
        switches = self.process.switches()
        if switches == self.settled_at:
            return
        for _ in range(LOOKS):
            is_asleep = self.stops.is_asleep()
            if self.process.switches() != switches:
                return
            if is_asleep:
                self.settled_at = switches
                return
            os.sched_yield()
        with contextlib.suppress(NotStopped, threads.Unreadable), self.at_rest():
            pass

    def stacks(self, rows, size=0):
        """What each has on its stack, from its sp on; nothing if it cannot be read."""
        lengths, found, first = [], [], 0
        for row in rows:
            length = (size or self.sizes.get((row.start, row.reason), FIRST_SIZE)) if row else 0
            is_inside = row and row.base <= row.sp < row.base + row.length
            lengths.append(min(length, row.base + row.length - row.sp) if is_inside else length)
        while first < len(rows):
            last, together = first, 0
            while last < len(rows) and (last == first or together + lengths[last] <= MOST_BYTES):
                last, together = last + 1, together + lengths[last]
            data, missing = self.process.memory.gather([row.sp if row else 0 for row in rows[first:last]], lengths[first:last])
            view, at = memoryview(data), 0
            for length in lengths[first:last]:
                found.append(view[at:at + length])
                at += length
            for i in missing:
                row = rows[first + i]
                found[first + i] = self.read_stack(row, row.sp, lengths[first + i]) if row else b""
            first = last
        return found

    def read_stack(self, row, low, size):
        """Not what is behind the stack; of main's nobody knows where it ends."""
        top = row.base + row.length
        end = min(low + size, top) if row.base <= low < top else low + size
        while low < end:
            try:
                return self.process.memory.read(low, end - low)
            except threads.Unreadable:
                first_page = (low | 4095) + 1
                # Half as many pages, the first one at least.
                end = max((low + (end - low) // 2) & ~4095, first_page) if end > first_page else low
        return b""

    def owners(self, rows):
        """The tid in the lock that each waits for; None where that has none, 0 where it cannot be read."""
        found = [None] * len(rows)
        who = [i for i, row in enumerate(rows) if row and row.state == threads.PARKED and row.reason in self.owner_at]
        if who:
            places = [rows[i].address + self.owner_at[rows[i].reason] for i in who]
            data, _ = self.process.memory.gather(places, [4] * len(who))
            for i, at in zip(who, range(0, len(data), 4)):
                found[i] = int.from_bytes(data[at:at + 4], "little")
        return found

    def copy_restless(self, records, size=0):
        """With a stop; without what is on their stacks, if that is not possible."""
        def listed():
            return [(record, row) for record, row in zip(records, self.process.rows(records))
                    if row and self.process.is_listed(record, row)]

        if records and not self.obstacle:
            with contextlib.suppress(NotStopped, threads.Unreadable), self.at_rest() as (current, registers):
                found = listed()
                rows = [row for _, row in found]
                return [self.copy_of_running(record, row, registers, size or RUNNING_SIZE) if record == current else
                        Copy(record, row, row.sp, stack, owner)
                        for (record, row), stack, owner in zip(found, self.stacks(rows, size), self.owners(rows))]
        current = self.process.current() if records else 0
        return [Copy(record, row, row.sp, b"", is_current=record == current) for record, row in listed()]


def is_same(one, row):
    """But for the links, which change when a neighbour ends."""
    return one is not None and one.id == row.id and one == row._replace(next=one.next, prev=one.prev)
