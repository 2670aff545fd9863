"""A summary of a trace in text: of each thread how long it ran, could have run and waited for what; calls on helpers; longest turns.

    print(summary(trace, symbols, most))        the threads that ran longest, at most so many
"""

import heapq

import trace_file
import trace_states
from trace_states import RUNNABLE, RUNNING

LONGEST = 5


def duration(nanos):
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if nanos >= size:
            return f"{nanos / size:.3g} {unit}" if nanos < 1000 * size else f"{nanos / size:,.0f} {unit}"
    return f"{nanos} ns"


class Seen:
    """What has been added up of one thread."""

    __slots__ = ("running", "runnable", "waits", "parks", "longest", "longest_what", "turn", "calls")

    def __init__(self):
        self.running = self.runnable = self.turn = 0
        self.waits, self.parks = {}, {}         # by reason
        self.longest, self.longest_what = 0, ""
        self.calls = []                         # when those it is in began


class Summary(trace_states.Listener):
    """Listens, and adds up."""

    def __init__(self, trace):
        self.trace = trace
        self.calls = {}         # name: [how many, nanoseconds, longest]
        self.turns = []         # the longest: (nanoseconds, begin, thread)
        self.idle = self.busy = 0
        self.since = None       # the carrier does what it does
        self.handlers = {}

    def state(self, thread, now, before):
        seen = thread.seen
        if seen is None:
            seen = thread.seen = Seen()
        spent = now - thread.since
        if before == RUNNING:
            seen.running += spent
            if now - seen.turn > (self.turns[0][0] if len(self.turns) >= LONGEST else -1):
                heapq.heappush(self.turns, (now - seen.turn, seen.turn, thread.id))
                if len(self.turns) > LONGEST:
                    heapq.heappop(self.turns)
        elif before == RUNNABLE:
            seen.runnable += spent
        elif before is not None:
            reason = self.trace.reason(thread.reason)
            seen.waits[reason] = seen.waits.get(reason, 0) + spent
            if spent > seen.longest:
                seen.longest, seen.longest_what = spent, before
        if thread.state == RUNNING:
            seen.turn = now
        elif before == RUNNING and thread.state is not None and thread.is_parked:
            reason = self.trace.reason(thread.reason)
            seen.parks[reason] = seen.parks.get(reason, 0) + 1

    def enter(self, thread, now, what):
        kind, name = what
        if kind == trace_file.HANDLER:
            self.handlers[name] = self.handlers.get(name, 0) + 1
        if thread.seen is None:
            thread.seen = Seen()
        thread.seen.calls.append(now)

    def leave(self, thread, now, what):
        kind, name = what
        spent = now - thread.seen.calls.pop()
        if kind == trace_file.CALL:
            call = self.calls.setdefault(name, [0, 0, 0])
            call[0] += 1
            call[1] += spent
            call[2] = max(call[2], spent)

    def carrier(self, now, before, what):
        if before == trace_file.IDLE:
            self.idle += now - self.since
        elif before is not None:
            self.busy += now - self.since
        self.since = now


def table(head, rows):
    """Columns as wide as they must be; the first and the last are flush left."""
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    last = len(head) - 1
    return ["  ".join(cell.ljust(width) if i in (0, last) else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def waits_of(seen):
    names = sorted(seen.waits.keys() | seen.parks.keys(), key=lambda name: -seen.waits.get(name, 0))
    return ", ".join(f"{name} {duration(seen.waits.get(name, 0))} ({seen.parks.get(name, 0):,})" for name in names)


def row(thread, symbols):
    seen = thread.seen or Seen()
    longest = f"{duration(seen.longest)} {seen.longest_what}" if seen.longest else ""
    return [str(thread.id), thread.title(symbols), f"{thread.runs:,}", duration(seen.running), duration(seen.runnable),
            longest, waits_of(seen)]


def summary(trace, symbols, most):
    listener = Summary(trace)
    threads, first, last = trace_states.replay(trace, listener)
    if first is None:
        return f"{trace.path}: process {trace.process}, no events"
    span = max(last - first, 1)
    lines = [f"{trace.path}: process {trace.process}, {duration(last - first)} from {first / 1e9:.6f} s on",
             f"{trace.written - trace.lost:,} events of {len(threads):,} threads" +
             (f"; {trace.lost:,} before them are lost (GREEN_TRACE_MB says how many are kept)" if trace.lost else ""),
             f"the carrier ran threads for {duration(listener.busy)} ({100 * listener.busy / span:.0f} %), "
             f"was idle for {duration(listener.idle)} ({100 * listener.idle / span:.0f} %)"]
    shown = heapq.nlargest(most, threads.values(), key=lambda thread: (thread.seen.running if thread.seen else 0, -thread.id))
    lines += ["", *table(["thread", "name", "runs", "running", "runnable", "longest wait", "waits (how often)"],
                         [row(thread, symbols) for thread in shown])]
    if len(threads) > len(shown):
        lines.append(f"... and {len(threads) - len(shown):,} more")
    if listener.calls:
        calls = sorted(listener.calls.items(), key=lambda call: -call[1][1])
        lines += ["", *table(["call on a helper", "how often", "together", "mean", "longest", ""],
                             [[name, f"{many:,}", duration(nanos), duration(nanos // many), duration(longest), ""]
                              for name, (many, nanos, longest) in calls])]
    if listener.handlers:
        lines += ["", "handlers: " + ", ".join(f"{name} x {many:,}" for name, many in sorted(listener.handlers.items()))]
    turns = sorted(listener.turns, reverse=True)
    lines += ["", *table(["longest turn", "thread", "at", ""],
                         [[duration(nanos), str(number), f"{duration(begin - first)} from the start",
                           threads[number].title(symbols)] for nanos, begin, number in turns])]
    return "\n".join(lines)
