"""The file that GREEN_TRACE names: its head, and the scheduler's events in the order in which they happened.

    trace = Trace(path)                     raises NotATrace
    for when, what, thread, value in trace.events(): ...        `what` with its detail above the lowest eight bits
    trace.nanoseconds(when)                 on CLOCK_MONOTONIC

scheduler/src/trace.rs draws the ring and says what each event means. A process that still runs may write over events while
they are read: those are counted in `lost`, too. Follows clock_gettime(2).
"""

import mmap
import os
import stat
import struct

HEAD = 4096
EVENT = struct.Struct("<QIIQ")
MAGIC = b"greentr1"
FIXED = struct.Struct("<8sQQQ4Q2Q256s")     # and then the names of calls
NAME_BYTES, NAMES = 32, 48
AT_ONCE = 1 << 15                           # events that are copied together
WRITTEN_AT = 24
COPIED_MOST = 256 << 20                     # bytes: of a larger file the events are read in place
TRIES = 20

(CREATE, RUN, PARK, UNPARK, YIELD, END, CALL, RETURNED, HANDLER, HANDLER_ENDS, IDLE, NAME) = range(1, 13)
KINDS = ("create", "run", "park", "unpark", "yield", "end", "call", "returned", "handler", "handler_ends", "idle", "name")


class NotATrace(Exception):
    """It cannot be read, for the reason given."""


class Trace:
    """One file."""

    def __init__(self, path):
        self.path = path
        try:
            # Without O_NONBLOCK a FIFO would wait for a writer.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise NotATrace(f"{path}: {getattr(error, 'strerror', None) or error}") from None
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise NotATrace(f"{path}: not a regular file")
            if found.st_size < HEAD:
                raise NotATrace(f"{path}: not a trace of libgreen: only {found.st_size} bytes")
            self.file = self.data = mmap.mmap(fd, found.st_size, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        self.read_head()
        if len(self.file) <= COPIED_MOST:
            self.copy()

    def copy(self):
        """At once, for a process that runs may go round the ring while its events are looked at one by one."""
        for _ in range(TRIES):
            self.data = self.file[:]
            self.read_head()
            if self.written_now() - self.written < self.capacity // 2:
                break
        self.written_then = self.written_now()

    def written_now(self):
        return struct.unpack_from("<Q", self.file, WRITTEN_AT)[0]

    def read_head(self):
        magic, self.process, self.capacity, self.written, *clocks, maps_at, maps_length, reasons = FIXED.unpack_from(self.data)
        if magic != MAGIC:
            raise NotATrace(f"{self.path}: not a trace of libgreen" +
                            (": of another version" if magic.startswith(MAGIC[:-1]) else ""))
        end = HEAD + min(self.written, self.capacity) * EVENT.size
        if not self.capacity or end > len(self.data):
            raise NotATrace(f"{self.path}: truncated: {len(self.data):,} bytes, and {end:,} of events" if self.capacity else
                            f"{self.path}: has no room for events")
        self.reasons = [name.decode() for name in reasons.partition(b"\0\0")[0].split(b"\0")]
        names = self.data[FIXED.size:FIXED.size + NAMES * NAME_BYTES]
        self.calls = [names[at:at + NAME_BYTES].partition(b"\0")[0].decode(errors="replace")
                      for at in range(0, len(names), NAME_BYTES)]
        self.maps = self.data[maps_at:maps_at + maps_length].decode(errors="surrogateescape") if maps_at >= end else ""
        self.first = max(self.written - self.capacity, 0)
        self.lost = self.first
        (self.counter, self.clock, counter, clock) = clocks
        self.has_clock = counter > self.counter and clock > self.clock
        self.scale = (clock - self.clock) / (counter - self.counter) if self.has_clock else 1.0

    def nanoseconds(self, when):
        return self.clock + int((when - self.counter) * self.scale)

    def events(self):
        """(when, what, thread, value), the oldest first."""
        at = self.first
        while at < self.written:
            place = at % self.capacity
            count = min(AT_ONCE, self.written - at, self.capacity - place)
            begin = HEAD + place * EVENT.size
            chunk = self.data[begin:begin + count * EVENT.size]
            # One more than fit may be half written.
            written = self.written_now() if self.data is self.file else self.written_then
            gone = min(max(written + 1 - self.capacity - at, 0), count) if written != self.written else 0
            self.lost += gone
            for event in EVENT.iter_unpack(chunk[gone * EVENT.size:]):
                if CREATE <= event[1] & 0xff <= NAME:
                    yield event
            at += count

    def call(self, number):
        """The name of a call on a helper."""
        return self.calls[number] if number < len(self.calls) and self.calls[number] else "another call"

    def reason(self, number):
        return self.reasons[number] if number < len(self.reasons) else f"wait number {number}"

    def wait(self, number, value):
        """`mutex 0x1230`: what a thread waits for."""
        reason = self.reason(number)
        if reason in ("readable", "writable"):
            return f"{reason} fd {value}"
        if reason == "poll":
            return f"poll of {value} descriptor{'s' * (value != 1)}"
        if reason in ("none", "signal", "sleep", "offload"):
            return {"none": "its turn", "offload": "a helper", "signal": "a signal"}.get(reason, reason)
        return f"{'end of thread' if reason == 'join' else reason} {value:#x}"
