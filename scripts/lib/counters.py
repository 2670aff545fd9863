"""What libgreen counts in a process with GREEN_STATS=live: the file /dev/shm/green.PID, a snapshot of it, and two compared.

The format is that of scheduler/src/counters.rs; numbers are those of the machine, little-endian:

    magic "greenst2", u32 number of counts, u32 offset of calls, u32 number of calls, u32 offset of sites, u32 number of sites,
            u32 0, u64 process, u64 start time (field 22 of /proc/PID/stat)
    counts  { name[24], u64 value }
    calls   { name[32], u64 many, u64 nanoseconds, u64 longest, u64 histogram[24] }
    sites   { what[24], u64 many, u64 nanoseconds, u64 longest, u64 frames[12] }

The counts of parks are named "parks REASON". Bucket i of a histogram is for calls of less than 2^i microseconds, the last one
for all that take longer. Sites say what held the carrier, and where: "computing", "page fault" or what was called, and, of the
longest time, addresses within the instructions, the site's first and then its callers'; 0: no more. A site keeps its place in
the table. For "computing" and "page fault" a site is a function, else a call; the last one, "elsewhere", is for all the others.
The process is only read. Follows shm_open(3), proc(5), clock_gettime(2).
"""

import errno
import os
import re
import stat
import struct
import time
from pathlib import Path

SHM = Path("/dev/shm")
MAGIC = b"greenst2"
HEAD = struct.Struct("<8s6IQQ")
COUNT = struct.Struct("<24sQ")
BUCKETS = 24
CALLS = struct.Struct(f"<32s3Q{BUCKETS}Q")
SITE = struct.Struct("<24s3Q12Q")
MOST_BYTES = 1 << 20        # more is none of ours
PARKS = "parks "
TICKS = os.sysconf("SC_CLK_TCK")


class NoStatistics(Exception):
    """They cannot be shown, for the reason given."""


class Stale(NoStatistics):
    """The file is that of a process that is no more."""


# ---- the process ---------------------------------------------------------------------------------

class Process:
    """What /proc says of a process now. NoStatistics if there is none, or if it has ended."""

    def __init__(self, pid):
        self.pid = pid
        try:
            place = Path(f"/proc/{pid}")
            name, _, rest = (place / "stat").read_bytes().partition(b"(")[2].rpartition(b")")
            status = (place / "status").read_text(errors="replace")
            self.kernel_threads = len(os.listdir(place / "task"))
        except (FileNotFoundError, ProcessLookupError, ValueError):
            raise NoStatistics("no such process") from None
        # The second field, a name in brackets, may hold anything; the third is the first behind it.
        fields = [b"", b"", b"", *rest.split()]
        self.name = name.decode(errors="replace")
        self.state = fields[3].decode()
        if self.state in "ZX":
            raise NoStatistics("the process has ended")
        self.cpu = (int(fields[14]) + int(fields[15])) / TICKS
        self.start = int(fields[22])
        self.age = max(time.clock_gettime(time.CLOCK_BOOTTIME) - self.start / TICKS, 1 / TICKS)
        self.users = {int(user) for user in re.search(r"^Uid:(.*)", status, re.MULTILINE)[1].split()}
        resident = re.search(r"^VmRSS:\s*(\d+) kB", status, re.MULTILINE)
        self.resident = int(resident[1]) << 10 if resident else 0


# ---- the file ------------------------------------------------------------------------------------

def path_of(pid):
    return SHM / f"green.{pid}"


def read_file(path):
    """(its bytes, its user); NoStatistics if it cannot be had, or is no ordinary file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoStatistics("it keeps no live statistics (start it with GREEN_STATS=live; they begin with its first thread)"
                           ) from None
    except PermissionError:
        raise NoStatistics("its statistics belong to another user") from None
    except OSError as error:
        what = "is no ordinary file" if error.errno == errno.ELOOP else f"cannot be read ({error.strerror})"
        raise NoStatistics(f"{path} {what}") from None
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise NoStatistics(f"{path} is no ordinary file")
        return os.pread(fd, MOST_BYTES, 0), about.st_uid
    finally:
        os.close(fd)


def text(name):
    """Up to the NUL; what a terminal could take for a command is left out."""
    return "".join(char if char.isprintable() else "?" for char in name.partition(b"\0")[0].decode(errors="replace"))


class Calls:
    """Calls of one name that helpers executed. `longest` is in nanoseconds."""

    def __init__(self, name, many, nanos, longest, histogram):
        self.name, self.many, self.nanos, self.longest, self.histogram = name, many, nanos, longest, histogram

    def percentile(self, percent):
        """So many of a hundred took less than this, in nanoseconds. Of the last bucket only the longest is known."""
        wanted, seen = -(-sum(self.histogram) * percent // 100), 0
        for i, bucket in enumerate(self.histogram[:-1]):
            seen += bucket
            if seen >= wanted:
                return 1000 << i
        return self.longest

    def since(self, before):
        """Those that came after. (Of these the longest is not known better than that of all.)"""
        return Calls(self.name, self.many - before.many, self.nanos - before.nanos, self.longest,
                     [now - then for now, then in zip(self.histogram, before.histogram)])


class Site:
    """What held the carrier, and where: `frames` are addresses of the process, perhaps none."""

    def __init__(self, what, many, nanos, longest, frames):
        self.what, self.many, self.nanos, self.longest, self.frames = what, many, nanos, longest, frames

    def is_call(self):
        """Otherwise an instruction of the program itself took so long."""
        return self.what not in ("computing", "page fault")

    def since(self, before):
        return Site(self.what, self.many - before.many, self.nanos - before.nanos, self.longest, self.frames)


class Counters:
    """The bytes of a file, taken apart: pid and start of the process, counts and calls by name, sites by their place."""

    def __init__(self, data):
        if len(data) < HEAD.size:
            raise NoStatistics("its statistics are truncated, or not yet there")
        magic, many, calls_at, calls, sites_at, sites, _, self.pid, self.start = HEAD.unpack_from(data)
        if magic != MAGIC:
            raise NoStatistics("its statistics have an unknown format (of another version of libgreen?)")
        end, calls_end, sites_end = (at + number * kind.size for at, number, kind in
                                     ((HEAD.size, many, COUNT), (calls_at, calls, CALLS), (sites_at, sites, SITE)))
        if calls_at < end or sites_at < calls_end:
            raise NoStatistics("its statistics have an unknown format: one table lies in another")
        if len(data) < sites_end:
            raise NoStatistics("its statistics are truncated")
        self.counts = {text(name): value for name, value in COUNT.iter_unpack(data[HEAD.size:end])}
        self.calls, self.sites = {}, {}
        for name, many, nanos, longest, *histogram in CALLS.iter_unpack(data[calls_at:calls_end]):
            if many:
                self.calls[text(name)] = Calls(text(name), many, nanos, longest, histogram)
        for i, (what, many, nanos, longest, *frames) in enumerate(SITE.iter_unpack(data[sites_at:sites_end])):
            if many:
                self.sites[i] = Site(text(what), many, nanos, longest, tuple([*frames, 0][:[*frames, 0].index(0)]))

    def get(self, name):
        return self.counts.get(name, 0)

    def parks(self):
        """{reason: how often}"""
        return {name.removeprefix(PARKS): value for name, value in self.counts.items() if name.startswith(PARKS)}


# ---- snapshots -----------------------------------------------------------------------------------

class Snapshot(Counters):
    """Counters of a process, and what /proc says of it, at one moment: `taken`, nanoseconds of CLOCK_MONOTONIC."""

    def __init__(self, pid):
        self.process = Process(pid)
        self.taken = time.monotonic_ns()
        data, user = read_file(path_of(pid))
        if user and user not in self.process.users:
            raise NoStatistics(f"{path_of(pid)} belongs to another user than the process")
        super().__init__(data)
        if self.pid != pid or self.start not in (0, self.process.start):
            raise Stale("it keeps no live statistics (there are some of an earlier process with its number)")

    def since_look(self):
        """Nanoseconds since the carrier looked around."""
        return max(self.taken - self.get("looked_at"), 0) if self.get("looked_at") else 0

    def is_follower_of(self, before):
        """Of the same process, and nothing has begun again, as after an exec."""
        return (self.pid, self.process.start) == (before.pid, before.process.start) and \
            all(self.get(name) >= before.get(name) for name in ("threads_created", "switches", "offloads"))


class Difference:
    """What happened between two snapshots; without a first one, since the process began."""

    def __init__(self, after, before=None):
        self.after = after
        self.before = before if before and after.is_follower_of(before) else None
        seconds = (after.taken - self.before.taken) / 1e9 if self.before else after.process.age
        self.seconds = max(seconds, 1e-6)

    def count(self, name):
        return max(self.after.get(name) - (self.before.get(name) if self.before else 0), 0)

    def rate(self, name):
        return self.count(name) / self.seconds

    def parks(self):
        """[(reason, total, per second)], the most frequent first."""
        rows = [(reason, total, self.rate(PARKS + reason)) for reason, total in self.after.parks().items() if total]
        return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))

    def calls(self):
        """[(calls in all, calls since)], those first that took most time since."""
        old = self.before.calls if self.before else {}
        rows = [(calls, calls.since(old[name]) if name in old else calls) for name, calls in self.after.calls.items()]
        return sorted(rows, key=lambda row: (-row[1].nanos, -row[0].nanos, row[0].name))

    def sites(self):
        """[(site in all, site since)], those first that held the carrier longest since."""
        old = self.before.sites if self.before else {}
        rows = [(site, site.since(old[i]) if i in old else site) for i, site in self.after.sites.items()]
        return sorted(rows, key=lambda row: (-row[1].nanos, -row[0].nanos))

    def cpu(self):
        """The part of a processor that the process used, helpers included."""
        return max(self.after.process.cpu - (self.before.process.cpu if self.before else 0), 0) / self.seconds


def is_stale(path, pid):
    """Nobody writes into this file any more: its process has ended, or is another one."""
    try:
        process = Process(pid)
    except NoStatistics:
        return True
    try:
        counters = Counters(read_file(path)[0])
    except NoStatistics:
        return False            # of a living process, which perhaps is about to make it
    return counters.start not in (0, process.start)


def files():
    """(path, pid) of all that are there."""
    found = ((path, re.fullmatch(r"green\.([1-9]\d{0,9})", path.name)) for path in SHM.glob("green.*"))
    return sorted(((path, int(match[1])) for path, match in found if match), key=lambda item: item[1])


def remove_stale():
    """Removes files of our own that are left over, and answers which."""
    removed = []
    for path, pid in files():
        try:
            about = path.lstat()
            if about.st_uid == os.geteuid() and stat.S_ISREG(about.st_mode) and is_stale(path, pid):
                if path.lstat().st_ino == about.st_ino:      # not one that has just been made
                    path.unlink()
                    removed.append(path)
        except OSError:
            continue
    return removed
