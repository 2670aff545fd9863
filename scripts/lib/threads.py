"""The green threads of a process, read from outside: from /proc/PID/mem, a core file, or what gdb reads (memory.py).

All that is known of the library's layout is its exported table, green_debug_layout (shim/src/reports/layout.rs). No code
runs in the process and no lock of it is taken: a roster that changes meanwhile is noticed by its links.

    memory = LiveMemory(pid)            read(address, length), symbol(name), waits for descriptors by describe(fd)
    process = Process(memory)           raises NotGreen
    for thread in process.threads():    print(thread.title(), process.wait_of(thread))

For a million threads there are process.roster(), the addresses of their records, and process.rows(), which reads many.
Follows pthread_mutex_lock(3), gettid(2).
"""

import itertools
import struct
from array import array
from collections import namedtuple

from memory import CoreMemory, Descriptors, LiveMemory, Memory, NotGreen, Unreadable    # (for those who import this)

TABLE = "green_debug_layout"
VERSION = 1
ENTRY = struct.Struct("<24sQ")
WORD = struct.Struct("<Q")
LINKS = struct.Struct("<QQ")        # next, previous: scheduler/src/list.rs
RUNNING, PARKED = 0, 1              # scheduler/src/thread.rs; what is above is woken, and runs when its turn comes
FRAME = struct.Struct("<8Q")        # at a suspended thread's sp, scheduler/src/context.rs
FRAME_REGISTERS = ("control", "r15", "r14", "r13", "r12", "rbx", "rbp", "rip")
OWNER_AT = {"mutex": 8, "rwlock": 24}       # the owner's tid in pthread_mutex_t, the writer's in pthread_rwlock_t
MOST_LOST = 1000                    # so often is a roster that changes looked at again
MOST_AHEAD = 256                    # links that are read before it is known that they are the next ones
NEAR = 4096                         # bytes by which steps from one to the next differ
PERIOD = 8                          # stacks lie side by side, with tops that are shifted in turns (shim/src/pthread/green.rs)

# What is read of a record, by the names of the table; the last two are not in every library's.
FIELDS = {"id": "I", "state": "I", "sp": "Q", "fs": "Q", "start": "Q", "reason": "I", "reason.fd": "i",
          "reason.address": "Q", "name": "16s", "stack.base": "Q", "stack.length": "Q", "links.next": "Q", "links.prev": "Q",
          "parks": "I", "since": "Q"}


class Thread:
    """One green thread, as its record was when it was read."""

    def __init__(self, process, record, row):
        self.record, self.row = record, row
        self.id, self.sp, self.fs, self.start = row.id, row.sp, row.fs, row.start
        self.state, self.fd, self.address = row.state, row.fd, row.address
        self.reason = process.reason_of(row)
        self.name = row.name.partition(b"\0")[0].decode(errors="backslashreplace")
        self.base, self.length, self.next, self.previous = row.base, row.length, row.next, row.prev
        # When it began to wait, on the clock of time.monotonic(); None in a library that does not say.
        self.since = row.since / 1e9 if hasattr(row, "since") else None
        self.is_main = self.id == 1 or self.start == 0
        self.is_current = False
        self.owner = None               # the tid in the lock that it waits for, once that was looked at

    def title(self):
        """As in the library's own reports."""
        return f"thread {self.id}{' (main)' if self.is_main else ''}" + (f' "{self.name}"' if self.name else "")

    def registers(self, stack):
        return registers_of(self, stack)


def registers_of(thread, stack):
    """Of a suspended thread, as they are when it has left the switch; by the bytes from `sp` on."""
    if len(stack) < FRAME.size:
        raise Unreadable(f"{thread.sp:#x}")
    found = dict(zip(FRAME_REGISTERS, FRAME.unpack_from(stack)))
    return found | {"rsp": thread.sp + FRAME.size, "fs_base": thread.fs}


class Layout:
    """Reads records: what is known of them, as named tuples, whose names are those behind the point: fd, base, prev."""

    def __init__(self, at):
        names = sorted((name for name in FIELDS if name in at), key=at.get)
        form, end = "<", 0
        for name in names:
            form += f"{at[name] - end}x{FIELDS[name]}"
            end = at[name] + struct.calcsize(FIELDS[name])
        self.struct = struct.Struct(form)
        self.size = self.struct.size
        self.row = namedtuple("Row", [name.rpartition(".")[2] for name in names])

    def unpack(self, data):
        """Of records that lie one behind the other."""
        return map(self.row._make, self.struct.iter_unpack(data))


class Process:
    """The green threads behind a memory."""

    def __init__(self, memory):
        self.memory = memory
        table = memory.symbol(TABLE, like="libgreen")
        if table is None:
            raise NotGreen("libgreen is not loaded")
        try:
            self.at = self.read_table(table)
            if self.at["version"] != VERSION:
                raise NotGreen(f"this libgreen is of another version (its layout is {self.at['version']})")
            self.at["links.prev"] = self.at["links.next"] + 8
            self.runtime = self.word(self.at["runtime"])
            if not self.runtime:
                raise NotGreen("libgreen is loaded, but the program has not made a thread yet, or runs natively")
            self.waits = self.read_names(self.at["waits"])
        except Unreadable as error:
            raise NotGreen(f"the table of libgreen cannot be read ({error})") from None
        self.records = array("Q")
        self.layout = Layout(self.at)
        self.tids = self.tid_offset = None

    def word(self, address):
        return WORD.unpack(self.memory.read(address, 8))[0]

    def read_table(self, at):
        found = {}
        while True:
            name, value = ENTRY.unpack(self.memory.read(at, ENTRY.size))
            name = name.partition(b"\0")[0].decode()
            if not name:
                return found
            found[name] = value
            at += ENTRY.size

    def read_names(self, at):
        names = b""
        while b"\0\0" not in names:
            names += self.memory.read(at + len(names), 1)
        return names[:-2].decode().split("\0")

    def current(self):
        """The record of the thread that runs, or on whose stack the carrier waits."""
        return self.word(self.runtime + self.at["runtime.current"])

    def switches(self):
        return self.word(self.runtime + self.at["runtime.switches"])

    # ---- the roster ------------------------------------------------------------------------------

    def thread(self, record):
        [row] = self.layout.unpack(self.memory.read(record, self.layout.size))
        return Thread(self, record, row)

    def roster(self):
        """The records of all threads that have not ended, in the order of their creation. Whoever is taken off the list
        while it is read, or whose record becomes another's, no longer has the neighbours by which it was reached: then the
        one before its predecessor is asked again."""
        found, lost, links = array("Q"), 0, Links(self)
        record, previous = self.word(self.at["roster"]), 0
        while record:
            try:
                after, before = links.of(record, found)
                good = before == previous
            except Unreadable:
                good = False
            if good:
                found.append(record)
                record, previous = after, record
                continue
            lost += 1
            if lost > MOST_LOST:
                raise NotGreen("the list of threads cannot be read: it changes all the time, or is damaged")
            links.forget()
            record, previous = self.word(self.at["roster"]), 0
            while found:
                found.pop()
                try:
                    if found:
                        record, previous = links.of(found[-1], found)[0], found[-1]
                        break
                except Unreadable:
                    continue
        if len(set(found)) < len(found):        # one has ended, and another one that is on the list, too, has its record
            found = array("Q", dict.fromkeys(found))
        self.records, self.tids = found, None
        return found

    def rows(self, records):
        """Of each record its Row, or None if it cannot be read."""
        size = self.layout.size
        data, missing = self.memory.gather(records, [size] * len(records))
        rows = list(self.layout.unpack(data))
        for i in missing:
            rows[i] = None
        return rows

    def is_listed(self, record, row):
        """The record, read a moment ago, is on the roster, so the thread has not ended: its predecessor says so."""
        try:
            return self.word(row.prev + self.at["links.next"] if row.prev else self.at["roster"]) == record
        except Unreadable:
            return False

    def threads(self):
        """All that have not ended."""
        records = self.roster()
        rows, current = self.rows(records), self.current()
        found = [Thread(self, record, row) for record, row in zip(records, rows) if row and self.is_listed(record, row)]
        for thread in found:
            thread.is_current = thread.record == current
        return found

    # ---- what they wait for ----------------------------------------------------------------------

    def reason_of(self, row):
        return self.waits[row.reason] if row.reason < len(self.waits) else f"wait number {row.reason}"

    def tid_address(self, fs):
        """Where what gettid(2) answers is on a TLS block: glibc says that to debuggers."""
        if self.tid_offset is None:
            about = self.memory.symbol("_thread_db_pthread_tid", like="libc")
            self.tid_offset = struct.unpack("<3I", self.memory.read(about, 12))[2] if about else 0
        if not self.tid_offset:
            raise Unreadable("tid")
        return fs + self.tid_offset

    def tid_of(self, fs):
        return struct.unpack("<i", self.memory.read(self.tid_address(fs), 4))[0]

    def by_tid(self, tid):
        """Among the threads that were listed last."""
        try:
            if self.tids is None:
                count = len(self.records)
                blocks, _ = self.memory.gather([record + self.at["fs"] for record in self.records], [8] * count)
                tids, _ = self.memory.gather([self.tid_address(fs) for [fs] in WORD.iter_unpack(blocks)], [4] * count)
                self.tids = array("i", bytes(tids))
            return self.thread(self.records[self.tids.index(tid)])
        except (Unreadable, ValueError):
            return None

    def by_block(self, fs):
        """The thread with this TLS block: all records but main's are as far from theirs."""
        for record in self.records[:2]:
            try:
                model = self.thread(record)
                thread = self.thread(fs + record - model.fs)
                if thread.fs == fs and self.is_listed(thread.record, thread.row):
                    return thread
            except Unreadable:
                continue
        return None

    def look_at(self, thread):
        """At what will be told later: the lock or descriptor that it waits for."""
        if thread.state == PARKED and thread.reason in OWNER_AT:
            try:
                at = thread.address + OWNER_AT[thread.reason]
                [thread.owner] = struct.unpack("<i", self.memory.read(at, 4))
            except Unreadable:
                thread.owner = 0
        elif thread.state == PARKED and thread.reason in ("readable", "writable"):
            self.memory.describe(thread.fd)

    def owner_of(self, thread):
        """`, owned by thread 3 "name"`, from the tid that is noted in a lock."""
        if thread.owner is None:
            self.look_at(thread)
        if not thread.owner:
            return ""
        owner = self.by_tid(thread.owner)
        if owner is None:
            return f", owned by a thread that is not green, or has ended (tid {thread.owner})"
        return ", owned by itself" if owner.record == thread.record else f", owned by {owner.title()}"

    def state_of(self, thread):
        """running, runnable, or waits."""
        if thread.state == PARKED and not (thread.is_current and thread.reason == "none"):
            return "waits"
        return "running" if thread.is_current else "runnable"

    def wait_of(self, thread, call=""):
        """`mutex 0x1230, owned by thread 3 "worker"`: what it waits for; or running, runnable. With a `call`, in which
        the program is, that says what it does with a descriptor."""
        state = self.state_of(thread)
        reason = thread.reason
        if state != "waits":
            return state
        if reason in ("readable", "writable"):
            target = self.memory.describe(thread.fd)
            if reason == "writable":
                target = target.replace(" <- ", " -> ")
            return f"{call or reason} fd {thread.fd}{' ' if target else ''}{target}"
        if reason == "poll":
            return f"{call or reason} of {thread.address} descriptor{'s' * (thread.address != 1)}"
        if reason == "mutex":
            return f"mutex {thread.address:#x}{self.owner_of(thread)}"
        if reason == "rwlock":
            return f"read-write lock {thread.address:#x}{self.owner_of(thread)}"
        if reason == "join":
            whom = self.by_block(thread.address)
            return f"the end of {whom.title() if whom else 'a thread that is ending'}"
        if reason == "condition":
            return f"condition variable {thread.address:#x}"
        if reason in ("semaphore", "barrier", "once", "futex", "libc lock"):
            return f"{reason} {thread.address:#x}"
        if reason == "offload":
            return f"{call or 'a call'} on a helper"
        return f"{reason} ({call})" if call and call != reason else reason


class Links:
    """Whom a record has for neighbours: (next, previous). The links of those that probably follow are read along with it,
    each of them as far from the one before as eight threads ago; whoever follows them finds out where that was wrong."""

    def __init__(self, process):
        self.memory, self.offset = process.memory, process.at["links.next"]
        self.known, self.ahead, self.expected = {}, 1, 0

    def forget(self):
        self.known = {}

    def of(self, record, found):
        links = self.known.get(record)
        if not links:
            self.read_ahead(record, found)
            links = self.known.get(record)
        if not links:
            raise Unreadable(f"{record:#x}")
        return links

    def read_ahead(self, record, found):
        # As many more as were right, and half as many where one was not.
        self.ahead = min(2 * self.ahead, MOST_AHEAD) if record == self.expected else max(self.ahead // 2, 1)
        last = found[-PERIOD:]
        steps = [after - before for before, after in zip(last, [*last[1:], record])]
        usual = sorted(steps)[len(steps) // 2] if steps else 0      # (one may lead from a row of stacks to the next)
        steps = [step if abs(step - usual) < NEAR else usual for step in steps]
        guesses = [record]
        if len(steps) == PERIOD:
            guesses += itertools.islice(itertools.accumulate(itertools.cycle(steps), initial=record), 1, self.ahead + 1)
        self.expected = guesses.pop() if len(guesses) > 1 else record
        places = [(guess + self.offset) % 2**64 for guess in guesses]
        data, missing = self.memory.gather(places, [LINKS.size] * len(places), is_guess=True)
        self.known = dict(zip(guesses, LINKS.iter_unpack(data[:LINKS.size * (len(places) - len(missing))])))
