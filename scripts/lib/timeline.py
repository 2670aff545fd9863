"""When each kernel thread of a traced program lived, and when it was blocked in what; and what its
requests cost in system calls.

A thread's life is from its first call to its end. It is blocked in each call that may wait and took
longer than the threshold, as footprint.py counts; the rest of its life it runs, is ready to run,
makes short calls or is held up by strace. Seconds are counted from the program's execve().

Follows strace(1), futex(2), epoll(7).
"""

from collections import Counter
from dataclasses import dataclass, field

import footprint as footprints


@dataclass(frozen=True)
class Kind:
    """What blocked calls have in common: a name, a letter for the text, words for the legend."""
    name: str
    letter: str
    label: str


RUN = Kind("run", "#", "runs, is ready to run, or makes short calls")
MANY = Kind("many", "e", "waits for the first of many events: epoll_wait, poll, select")
IO = Kind("io", "i", "reads, writes, accepts, connects")
LOCK = Kind("lock", "f", "waits for another thread, or for work: futex")
SLEEP = Kind("sleep", "z", "sleeps, or waits for a signal")
DISK = Kind("disk", "d", "waits for a disk: fsync and relatives")
OTHER = Kind("other", "o", "waits for something else")
KINDS = [RUN, MANY, IO, LOCK, SLEEP, DISK, OTHER]
KIND_OF = {name: kind for kind, names in {
    MANY: "epoll_wait poll ppoll select pselect6 io_getevents io_uring_enter",
    IO: " ".join(footprints.RECEIVE | footprints.SEND | footprints.MEET)
        + " pread64 preadv pwrite64 pwritev sendfile splice",
    LOCK: " ".join(footprints.FUTEX),
    SLEEP: "nanosleep clock_nanosleep pause rt_sigtimedwait rt_sigsuspend",
    DISK: "fsync fdatasync sync syncfs msync sync_file_range",
}.items() for name in names.split()}


@dataclass
class Span:
    """A stretch in which a thread was blocked: one call, or several that a picture cannot part."""
    start: float
    end: float
    seconds: dict                      # Kind -> blocked so long
    calls: Counter                     # name -> how often
    example: object                    # the first of the calls

    @property
    def blocked(self):
        return sum(self.seconds.values())

    @property
    def kind(self):
        return max(self.seconds, key=self.seconds.get)


@dataclass
class Life:
    """One kernel thread."""
    tid: int
    name: str
    begin: float
    end: float
    spans: list = field(default_factory=list)
    calls: Counter = field(default_factory=Counter)             # name -> how often it blocked
    seconds: Counter = field(default_factory=Counter)           # name -> for how long

    @property
    def lived(self):
        return self.end - self.begin

    @property
    def blocked(self):
        return sum(self.seconds.values())

    @property
    def ran(self):
        return max(0.0, self.lived - self.blocked)


@dataclass
class Timeline:
    origin: float                      # the time that counts as 0, as the trace has it
    seconds: float = 0.0               # until the last line of the trace
    lives: list = field(default_factory=list)                   # in order of their beginnings


def measure(trace, footprint, verdict, threshold):
    calls = footprint.calls
    line = Timeline(calls[0].start)
    line.seconds = trace.end - line.origin
    by_tid = {}
    for call in calls:
        by_tid.setdefault(call.tid, []).append(call)
    main = next(iter(footprint.threads))
    for tid, own in sorted(by_tid.items(), key=lambda entry: entry[1][0].start):
        end = max(trace.ends.get(tid, trace.end), own[-1].start) - line.origin
        life = Life(tid, _title(tid, main, verdict, len(line.lives)), own[0].start - line.origin, end)
        for call in own:
            if footprints.blocked(call, threshold):
                _block(life, call, line.origin)
        line.lives.append(life)
    return line


def _title(tid, main, verdict, number):
    if tid == verdict.carrier:
        return "carrier"
    if tid == main:
        return "main"
    return f"{'helper' if verdict.model == 'M:1 with helpers' else 'thread'} {number}"


def _block(life, call, origin):
    name = footprints.name_of(call)
    life.calls[name] += 1
    life.seconds[name] += call.seconds
    start = call.start - origin
    life.spans.append(Span(start, start + call.seconds, {kind_of(name): call.seconds},
                           Counter([name]), call))


def kind_of(name):
    return KIND_OF.get(name, OTHER)


# ---- pictures --------------------------------------------------------------------------------

def merged(spans, pixel):
    """The spans, with those joined that lie too close together to be seen one by one."""
    result = []
    for span in spans:
        last = result[-1] if result else None
        alike = last and (last.kind == span.kind
                          or max(last.end - last.start, span.end - span.start) < pixel)
        if alike and span.start - last.end < pixel:
            last.end = max(last.end, span.end)
            last.calls += span.calls
            for kind, seconds in span.seconds.items():
                last.seconds[kind] = last.seconds.get(kind, 0.0) + seconds
        else:
            result.append(Span(span.start, span.end, dict(span.seconds), Counter(span.calls),
                               span.example))
    return result


def letters(life, scale, width):
    """The life as `width` letters for `scale` seconds: in each what took most of its time."""
    column = scale / width
    columns = [Counter() for _ in range(width)]
    _spread(columns, column, life.begin, life.end, RUN)
    for span in life.spans:
        _spread(columns, column, span.start, min(span.end, life.end), span.kind)
        _spread(columns, column, span.start, min(span.end, life.end), RUN, sign=-1)
    return "".join(max(spent, key=spent.get).letter if spent else " " for spent in columns)


def _spread(columns, column, start, end, kind, sign=1):
    last = min(int(end / column), len(columns) - 1)
    for index in range(min(int(start / column), last), last + 1):
        part = min(end, (index + 1) * column) - max(start, index * column)
        columns[index][kind] += sign * max(0.0, part)


# ---- requests --------------------------------------------------------------------------------

@dataclass
class Cost:
    """The calls of all processes while a driver had a number of requests answered."""
    requests: int
    calls: Counter

    def each(self, name):
        return self.calls[name] / self.requests

    @property
    def all(self):
        return sum(self.calls.values()) / self.requests


def cost(trace, requests, begin, end):
    """By what began in that time, as the clock of the trace has it."""
    return Cost(requests, Counter(footprints.name_of(call) for call in trace.calls
                                  if begin <= call.start < end))
