"""Reads what `strace -f -ttt -T -o FILE` writes: one Call per system call.

Follows strace(1). The lines it can meet:

    311  1700000000.000001 read(3, ""..., 9) = 9 <0.000012>
    311  1700000000.000002 read(3,  <unfinished ...>          another thread got a word in
    311  1700000000.000009 <... read resumed>""..., 9) = 9 <0.000007>
    311  1700000000.000010 --- SIGTERM {si_signo=SIGTERM, ...} ---
    311  1700000000.000011 +++ exited with 0 +++               or: killed by, superseded by execve

A call that never came back (its thread was killed in it) lasts until its thread ended.
"""

import re
from dataclasses import dataclass, field

LINE = re.compile(r"(?P<tid>\d+)\s+(?P<time>\d+\.\d+) (?P<text>.*)")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
STARTED = re.compile(r"(?P<name>\w+)\((?P<rest>.*)")
UNFINISHED = re.compile(r" ?<unfinished \.\.\.>(?:\)\s*= \?)?$")
FINISHED = re.compile(r"(?P<args>.*)\)\s+= (?P<result>.*?)(?: <(?P<seconds>\d+\.\d+)>)?$")
NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|\d+)")


@dataclass
class Call:
    tid: int
    start: float
    name: str
    args: str = ""
    result: str = "?"
    seconds: float | None = None        # None while it has not returned
    began: int = 0                      # the lines of the trace where it began and returned:
    ended: int = 0                      # the true order, which time stamps only come close to

    @property
    def value(self):
        """The returned number, or None for `?`."""
        number = NUMBER.match(self.result)
        return int(number.group(), 0) if number else None

    @property
    def fd(self):
        """The first argument, where it is a descriptor."""
        number = re.match(r"\d+", self.args)
        return int(number.group()) if number else None


@dataclass
class Trace:
    calls: list = field(default_factory=list)      # in the order in which they began
    ends: dict = field(default_factory=dict)       # tid -> time of its last breath
    statuses: dict = field(default_factory=dict)   # tid -> "exited with 0", "killed by SIGTERM"
    first_tid: int | None = None
    end: float = 0.0                               # time of the last line


def parse(lines):
    trace = Trace()
    open_calls = {}                                # tid -> the call it has not returned from
    last_time = 0.0
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if not match:
            continue
        tid, time, text = int(match["tid"]), float(match["time"]), match["text"]
        last_time = trace.end = max(last_time, time)
        if trace.first_tid is None:
            trace.first_tid = tid
        if text.startswith("+++"):
            trace.ends[tid] = time
            trace.statuses[tid] = text.strip("+ ")
            _abandon(open_calls.pop(tid, None), time)
        elif not text.startswith("---"):
            _take_call(trace, open_calls, tid, time, text, number)
    for call in open_calls.values():
        _abandon(call, trace.ends.get(call.tid, last_time))
    return trace


def _take_call(trace, open_calls, tid, time, text, number):
    resumed = RESUMED.match(text)
    started = None if resumed else STARTED.match(text)
    if resumed:
        call, rest = open_calls.pop(tid, None), resumed["rest"]
        if call is None:                           # begun before strace looked
            call = Call(tid, time, resumed["name"], began=number)
            trace.calls.append(call)
    elif started:
        call, rest = Call(tid, time, started["name"], began=number), started["rest"]
        trace.calls.append(call)
    else:
        return

    call.ended = number
    unfinished = UNFINISHED.search(rest)
    finished = None if unfinished else FINISHED.match(rest)
    if finished:
        call.args += finished["args"]
        call.result = finished["result"]
        if finished["seconds"]:
            call.seconds = float(finished["seconds"])
        elif call.result != "?":
            call.seconds = 0.0
    else:
        call.args += rest[:unfinished.start()] if unfinished else rest
    if call.seconds is None:
        open_calls[tid] = call                     # ends with its thread, if not before


def _abandon(call, time):
    if call is not None and call.seconds is None:
        call.seconds = max(0.0, time - call.start)
