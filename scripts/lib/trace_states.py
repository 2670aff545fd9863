"""What each green thread was doing when, worked out from the events of a trace.

    threads, first, last = replay(trace, listener)      a listener is an object with the functions of Listener

A thread runs, is runnable (it could go on, and the carrier runs others), or waits; around that lie calls that a helper
executes and handlers of signals, one inside the other. What happened before the oldest event that is left is not known, so that
a thread's first state may begin late.
"""

from signal import Signals

import trace_file as f

RUNNING, RUNNABLE = "running", "runnable"
NO_WAIT = 0             # the reason `none`


class Thread:
    """One green thread, as far as the events have come."""

    __slots__ = ("id", "start", "name", "state", "reason", "value", "since", "runs", "inside", "is_woken", "is_parked", "flow", "seen")

    def __init__(self, number):
        self.id, self.start, self.name = number, None, None
        self.state = None           # RUNNING, RUNNABLE, or what it waits for
        self.reason, self.value = NO_WAIT, 0
        self.since = 0              # the state
        self.runs = 0
        self.inside = ()            # calls and handlers, the innermost last
        self.is_woken = False       # although it runs: it is about to park
        self.is_parked = False      # since it ran last; or it only let others run
        self.flow = 0               # who woke it, until it runs
        self.seen = None            # for the listener

    def title(self, symbols):
        """Its name, or its function's."""
        if self.name and self.name.strip(b"\0"):
            return self.name.partition(b"\0")[0].decode(errors="backslashreplace")
        return "main" if self.id == 1 else symbols.name(self.start) if self.start else f"thread {self.id}"


class Listener:
    """What is told. Times are in nanoseconds."""

    def state(self, thread, now, before):
        """Its state is another one now; before, since `thread.since`."""

    def enter(self, thread, now, what):
        """A call on a helper or a handler begins."""

    def leave(self, thread, now, what):
        """It has ended."""

    def carrier(self, now, before, what):
        """The carrier runs that thread, IDLE if nobody can run, None if it looks for the next."""

    def wake(self, waker, thread, now):
        """One thread makes another one runnable, or creates it; answers a number for `woken`, if that is to be told."""

    def woken(self, thread, now):
        """`thread.flow` is over: it runs, or the trace ends."""


def enter(thread, now, what, listener):
    thread.inside += (what,)
    listener.enter(thread, now, what)


def leave(thread, now, depth, listener):
    while len(thread.inside) > depth:
        what = thread.inside[-1]
        thread.inside = thread.inside[:-1]
        listener.leave(thread, now, what)


def set_state(thread, now, state, listener):
    before, thread.state = thread.state, state
    listener.state(thread, now, before)
    thread.since = now


def signal_name(number):
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def replay(trace, listener):
    """Tells the listener, and answers all threads, {number: Thread}, and the times of the first and the last event."""
    threads, waits = {}, {}
    now = first = carrier = None            # carrier: a thread, or f.IDLE
    nanoseconds = trace.nanoseconds
    for when, what, number, value in trace.events():
        time = nanoseconds(when)
        if now is None:
            now = first = time
        elif time > now:
            now = time
        thread = threads.get(number)
        if thread is None:
            thread = threads[number] = Thread(number)
        kind = what & 0xff
        if carrier == f.IDLE and kind != f.IDLE:
            listener.carrier(now, carrier, None)
            carrier = None
        if kind == f.RUN:
            if carrier is not None and carrier is not thread and carrier.state == RUNNING:
                set_state(carrier, now, None, listener)         # an event is missing
            thread.runs += 1
            thread.is_woken = False
            set_state(thread, now, RUNNING, listener)
            listener.carrier(now, carrier, thread)
            carrier = thread
            if thread.flow:
                listener.woken(thread, now)
                thread.flow = 0
            continue
        if kind == f.UNPARK:
            if thread.state == RUNNING:
                thread.is_woken = True
            elif thread.state != RUNNABLE:
                set_state(thread, now, RUNNABLE, listener)
            if value and value != number:
                waker = threads.get(value)
                if waker is not None and waker.state == RUNNING and not thread.flow:
                    thread.flow = listener.wake(waker, thread, now)
            continue
        if kind == f.CREATE:
            thread.start = value
            thread.inside = ()
            if thread.state is None:
                set_state(thread, now, RUNNABLE, listener)
                if carrier is not None and carrier != f.IDLE and carrier is not thread:
                    thread.flow = listener.wake(carrier, thread, now)
            continue
        if kind == f.NAME:
            eight = value.to_bytes(8, "little")
            name = (thread.name or b"").ljust(16, b"\0")
            thread.name = name[:8] + eight if what >> 8 else eight + name[8:]
            continue
        if kind == f.IDLE:
            if carrier != f.IDLE:
                listener.carrier(now, carrier, f.IDLE)
                carrier = f.IDLE
            continue
        # All others are of the running thread: if nobody said so, that event is missing.
        if thread.state != RUNNING:
            set_state(thread, now, RUNNING, listener)
            listener.carrier(now, carrier, thread)
            carrier = thread
        if kind == f.PARK:
            reason = what >> 8
            thread.reason, thread.value, thread.is_parked = reason, value, True
            if thread.is_woken:
                state = RUNNABLE
            else:
                state = waits.get((reason, value))
                if state is None:
                    if len(waits) > 100_000:
                        waits.clear()
                    state = waits[reason, value] = trace.wait(reason, value)
            set_state(thread, now, state, listener)
        elif kind == f.YIELD:
            thread.is_parked = False
            set_state(thread, now, RUNNABLE, listener)
        elif kind == f.CALL:
            enter(thread, now, (kind, trace.call(value)), listener)
            continue
        elif kind == f.RETURNED:
            depth = max((i for i, (one, _) in enumerate(thread.inside) if one == f.CALL), default=len(thread.inside))
            leave(thread, now, depth, listener)
            continue
        elif kind == f.HANDLER:
            handler = (kind, signal_name(value))
            # One that has not ended was left by a jump, as the signal is blocked meanwhile.
            if handler in thread.inside:
                leave(thread, now, thread.inside.index(handler), listener)
            enter(thread, now, handler, listener)
            continue
        elif kind == f.HANDLER_ENDS:
            handler = (f.HANDLER, signal_name(value))
            if handler in thread.inside:
                leave(thread, now, thread.inside.index(handler), listener)
            continue
        elif kind == f.END:
            leave(thread, now, 0, listener)
            set_state(thread, now, None, listener)
        listener.carrier(now, carrier, None)
        carrier = None
    if now is not None:
        finish(threads, now, carrier, listener)
    return threads, first, now


def finish(threads, now, carrier, listener):
    for thread in threads.values():
        if thread.flow:
            listener.woken(thread, now)
        leave(thread, now, 0, listener)
        if thread.state is not None:
            set_state(thread, now, None, listener)
    if carrier is not None:
        listener.carrier(now, carrier, None)
