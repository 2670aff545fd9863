"""A trace as JSON of the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

    write(trace, symbols, file)

Each green thread is a track with slices: running, runnable, waits: ...; calls on helpers and handlers lie around them. An arrow leads from
who woke a thread to where that runs. The carrier has a track, too. Times are microseconds of CLOCK_MONOTONIC. Written as the events
come, in the order of time; nothing is kept but the threads. (Begin and end are events of their own, as a slice of a begin and a length may, once
both are rounded, reach into the next.) Follows the Trace Event Format by the Chromium project.
"""

import json
import trace_file
import trace_states
from trace_states import RUNNABLE, RUNNING

CARRIER = 2**31 - 1         # the number of its track: no thread's
AT_ONCE = 4096              # lines that are written together


class Writer(trace_states.Listener):
    """Listens, and writes."""

    def __init__(self, trace, symbols, file):
        self.symbols, self.file = symbols, file
        self.process = trace.process
        self.lines, self.flows, self.count = [], 0, 0
        self.names = {}             # of states, as JSON
        self.titles = {}            # of threads on the carrier's track
        self.head = f'{{"pid":{self.process},"tid":'

    def put(self, line):
        self.lines.append(line)
        if len(self.lines) >= AT_ONCE:
            self.flush()

    def flush(self):
        self.file.write(("," if self.count else "") + "\n" + ",\n".join(self.lines))
        self.count += len(self.lines)
        self.lines.clear()

    def begin(self, track, now, name):
        self.put(f'{self.head}{track},"ts":{now // 1000}.{now % 1000:03},"ph":"B","name":{name}}}')

    def end(self, track, now):
        self.put(f'{self.head}{track},"ts":{now // 1000}.{now % 1000:03},"ph":"E"}}')

    def begin_state(self, thread, now):
        state = thread.state
        if state is not None:
            name = self.names.get(state)
            if name is None:
                if len(self.names) > 100_000:
                    self.names.clear()
                name = self.names[state] = json.dumps(state if state in (RUNNING, RUNNABLE) else f"waits: {state}")
            self.begin(thread.id, now, name)

    def state(self, thread, now, before):
        if before is not None:
            self.end(thread.id, now)
        self.begin_state(thread, now)

    # A call or handler begins and ends while the thread runs: that state is cut in two.

    def enter(self, thread, now, what):
        kind, name = what
        if thread.state is not None:
            self.end(thread.id, now)
        self.begin(thread.id, now, json.dumps(f"handler: {name}" if kind == trace_file.HANDLER else f"call: {name}"))
        self.begin_state(thread, now)

    def leave(self, thread, now, what):
        if thread.state is not None:
            self.end(thread.id, now)
        self.end(thread.id, now)
        self.begin_state(thread, now)

    def carrier(self, now, before, what):
        if before is not None:
            self.end(CARRIER, now)
        if what is not None:
            self.begin(CARRIER, now, '"idle"' if what == trace_file.IDLE else self.title(what))

    def title(self, thread):
        key = thread.id
        known = self.titles.get(key)
        if known is None or known[0] != thread.name:
            title = thread.title(self.symbols)
            if title != f"thread {key}":
                title = f"{key} {title}"
            known = self.titles[key] = (thread.name, json.dumps(title))
        return known[1]

    def wake(self, waker, thread, now):
        self.flows += 1
        self.arrow(waker.id, now, f'"ph":"s","id":{self.flows}')
        return self.flows

    def woken(self, thread, now):
        self.arrow(thread.id, now, f'"ph":"f","bp":"e","id":{thread.flow}')

    def arrow(self, track, now, what):
        self.put(f'{self.head}{track},"ts":{now // 1000}.{now % 1000:03},{what},"cat":"wake","name":"wakes"}}')

    def about(self, track, what, value):
        self.put(json.dumps({"ph": "M", "pid": self.process, "tid": track, "name": what, "args": value}, separators=(",", ":")))


def write(trace, symbols, file):
    """Answers (threads, how many events of the format were written)."""
    writer = Writer(trace, symbols, file)
    file.write('{"displayTimeUnit":"ns","traceEvents":[')
    writer.about(CARRIER, "process_name", {"name": "libgreen"})
    writer.about(CARRIER, "thread_name", {"name": "carrier"})
    writer.about(CARRIER, "thread_sort_index", {"sort_index": -1})
    threads, _, _ = trace_states.replay(trace, writer)
    for thread in threads.values():
        writer.about(thread.id, "thread_name", {"name": thread.title(symbols)})
        writer.about(thread.id, "thread_sort_index", {"sort_index": thread.id})
    writer.flush()
    file.write("\n]}\n")
    return threads, writer.count
