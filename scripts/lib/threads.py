"""The green threads of a process, read from outside: from /proc/PID/mem, a core file, or what gdb reads.

All that is known of the library's layout is its exported table, green_debug_layout (shim/src/reports/layout.rs). No code
runs in the process and no lock of it is taken: a roster that changes meanwhile is noticed by its links.

    memory = LiveMemory(pid)            read(address, length), symbol(name), waits for descriptors by describe(fd)
    process = Process(memory)           raises NotGreen
    for thread in process.threads():    print(thread.title(), process.wait_of(thread))

Follows proc(5), elf(5), core(5), pthread_mutex_lock(3).
"""

import bisect
import os
import re
import socket
import struct
from pathlib import Path

TABLE = "green_debug_layout"
VERSION = 1
ENTRY = struct.Struct("<24sQ")
RUNNING, PARKED = 0, 1              # scheduler/src/thread.rs; what is above is woken, and runs when its turn comes
FRAME = struct.Struct("<8Q")        # at a suspended thread's sp, scheduler/src/context.rs
FRAME_REGISTERS = ("control", "r15", "r14", "r13", "r12", "rbx", "rbp", "rip")
NAME_SIZE = 16
OWNER_AT = {"mutex": 8, "rwlock": 24}       # the owner's tid in pthread_mutex_t, the writer's in pthread_rwlock_t
MOST_LOST = 1000                    # so often is a roster that changes looked at again


class NotGreen(Exception):
    """There are no green threads, for the reason given."""


class Unreadable(Exception):
    """There is no such memory."""


# ---- ELF files in memory -------------------------------------------------------------------------

def gnu_hash(name):
    value = 5381
    for byte in name.encode():
        value = (value * 33 + byte) & 0xffffffff
    return value


def exported(read, base, name):
    """The address of a symbol that the ELF file mapped at `base` exports, or None."""
    header = read(base, 64)
    if header[:5] != b"\x7fELF\x02":
        return None
    offset, size, count = *struct.unpack_from("<Q", header, 32), *struct.unpack_from("<HH", header, 54)
    segments = [struct.unpack("<IIQQQQQQ", read(base + offset + i * size, 56)) for i in range(count)]
    loads = [s[3] for s in segments if s[0] == 1]
    dynamic = [s for s in segments if s[0] == 2]
    if not loads or not dynamic:
        return None
    bias = base - (min(loads) & ~0xfff)
    data = read(bias + dynamic[0][3], dynamic[0][6])
    tags = dict(struct.iter_unpack("<qQ", data[:len(data) & ~15]))
    # ld.so has made addresses of them, but not in every file.
    strings, symbols, table = (tags[t] + (bias if tags[t] < bias else 0) if t in tags else 0
                               for t in (5, 6, 0x6ffffef5))
    if not (strings and symbols and table):
        return None
    buckets, first, words, _ = struct.unpack("<IIII", read(table, 16))
    value = gnu_hash(name)
    chains = table + 16 + 8 * words + 4 * buckets
    [index] = struct.unpack("<I", read(table + 16 + 8 * words + 4 * (value % buckets), 4))
    wanted = name.encode() + b"\0"
    while index >= first:
        [found] = struct.unpack("<I", read(chains + 4 * (index - first), 4))
        if found | 1 == value | 1:
            string, _, _, section, at, _ = struct.unpack("<IBBHQQ", read(symbols + 24 * index, 24))
            if section and read(strings + string, len(wanted)) == wanted:
                return bias + at
        if found & 1:
            return None
        index += 1
    return None


class Memory:
    """What the memories below share: files are mapped at `bases`, {path: address}."""

    bases = {}

    def symbol(self, name, like=""):
        """An exported symbol's address, looked for first in files with `like` in their names."""
        for path, base in sorted(self.bases.items(), key=lambda item: like not in os.path.basename(item[0])):
            try:
                address = exported(self.read, base, name)
            except (Unreadable, struct.error):
                continue
            if address is not None:
                return address
        return None

    def describe(self, fd):
        """What a descriptor leads to; nothing if nobody knows."""
        return ""


class LiveMemory(Memory):
    """A running process, by /proc/PID/mem; nothing stops it."""

    def __init__(self, pid):
        self.pid = pid
        self.file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        self.bases = {}
        for line in Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines():
            words = line.split(maxsplit=5)
            if len(words) == 6 and words[5].startswith("/") and int(words[2], 16) == 0:
                self.bases.setdefault(words[5], int(words[0].partition("-")[0], 16))
        self.descriptors = Descriptors(pid)

    def read(self, address, length):
        try:
            data = os.pread(self.file, length, address)
        except (OSError, OverflowError):
            data = b""
        if len(data) != length:
            raise Unreadable(f"{address:#x}")
        return data

    def describe(self, fd):
        return self.descriptors.describe(fd)


class CoreMemory(Memory):
    """A core file. What is in it no more, because a file has it, is read from that file."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        header = os.pread(self.file, 64, 0)
        if header[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", header, 16) != (4,):
            raise NotGreen(f"{path} is not a core file")
        [offset], [sections] = struct.unpack_from("<Q", header, 32), struct.unpack_from("<Q", header, 40)
        [count] = struct.unpack_from("<H", header, 56)
        if count == 0xffff:             # more than fit: a section says how many
            [count] = struct.unpack_from("<I", os.pread(self.file, 64, sections), 44)
        table = os.pread(self.file, 56 * count, offset)
        segments = list(struct.iter_unpack("<IIQQQQQQ", table))
        # (address, length in the core file, offset, file)
        self.parts = sorted((s[3], s[5], s[2], self.file) for s in segments if s[0] == 1 and s[5])
        self.starts = [part[0] for part in self.parts]
        self.bases, self.mapped = {}, []
        for segment in segments:
            if segment[0] == 4:
                self.read_notes(os.pread(self.file, segment[5], segment[2]))

    def read_notes(self, notes):
        at = 0
        while at + 12 <= len(notes):
            names, length, kind = struct.unpack_from("<III", notes, at)
            at += 12 + (names + 3 & ~3)
            if kind == 0x46494c45:      # NT_FILE
                count, page = struct.unpack_from("<QQ", notes, at)
                paths = notes[at + 16 + 24 * count:at + length].split(b"\0")
                for i in range(count):
                    start, end, offset = struct.unpack_from("<QQQ", notes, at + 16 + 24 * i)
                    path = os.fsdecode(paths[i])
                    self.mapped.append((start, end - start, offset * page, path))
                    if offset == 0:
                        self.bases.setdefault(path, start)
            at += length + 3 & ~3

    def read(self, address, length):
        i = bisect.bisect_right(self.starts, address) - 1
        if i >= 0:
            start, size, offset, file = self.parts[i]
            if address + length <= start + size:
                return os.pread(file, length, offset + address - start)
        for start, size, offset, path in self.mapped:
            if start <= address and address + length <= start + size:
                try:
                    with open(path, "rb") as file:
                        return os.pread(file.fileno(), length, offset + address - start)
                except OSError:
                    break
        raise Unreadable(f"{address:#x}")


# ---- descriptors ---------------------------------------------------------------------------------

class Descriptors:
    """What the descriptors of a process lead to: files by name, sockets by their addresses."""

    def __init__(self, pid):
        self.pid = pid
        self.sockets = None
        self.known = {}

    def describe(self, fd):
        if fd not in self.known:
            self.known[fd] = self.look_up(fd)
        return self.known[fd]

    def look_up(self, fd):
        try:
            target = os.readlink(f"/proc/{self.pid}/fd/{fd}")
        except OSError:
            return ""
        inode = re.fullmatch(r"socket:\[(\d+)\]", target)
        return self.of_socket(inode[1]) or target if inode else target

    def of_socket(self, inode):
        if self.sockets is None:
            self.sockets = {}
            for kind in ("tcp", "tcp6", "udp", "udp6"):
                for words in self.lines(kind):
                    self.sockets[words[9]] = self.connection(kind, words)
            for words in self.lines("unix"):
                self.sockets[words[6]] = f"unix {words[7]}" if len(words) > 7 else "unix socket"
        return self.sockets.get(inode)

    def lines(self, kind):
        try:
            lines = Path(f"/proc/{self.pid}/net/{kind}").read_text(errors="replace").splitlines()[1:]
        except OSError:
            return []
        return [line.split() for line in lines]

    def connection(self, kind, words):
        local, remote = (self.address(word) for word in words[1:3])
        if words[3] == "0A":
            return f"{local} (listens)"
        if int(words[2].rpartition(":")[2], 16) == 0:
            return f"{local} ({kind.rstrip('6')})"
        return f"{local} <- {remote}"

    @staticmethod
    def address(word):
        """Each 32 bits of an address are written as a number of this machine."""
        number, port = word.split(":")
        raw = b"".join(struct.pack("=I", int(number[i:i + 8], 16)) for i in range(0, len(number), 8))
        if len(raw) == 4:
            return f"{socket.inet_ntop(socket.AF_INET, raw)}:{int(port, 16)}"
        text = socket.inet_ntop(socket.AF_INET6, raw)
        return f"[{text.removeprefix('::ffff:') if '.' in text else text}]:{int(port, 16)}"


# ---- threads -------------------------------------------------------------------------------------

class Thread:
    """One green thread, as its record was when it was read."""

    def __init__(self, process, record, data):
        field = process.at
        word = lambda name: struct.unpack_from("<Q", data, field[name])[0]
        half = lambda name: struct.unpack_from("<I", data, field[name])[0]
        self.record, self.data = record, data
        self.id, self.sp, self.fs, self.start = half("id"), word("sp"), word("fs"), word("start")
        self.state, self.fd, self.address = half("state"), half("reason.fd"), word("reason.address")
        kind = half("reason")
        self.reason = process.waits[kind] if kind < len(process.waits) else f"wait number {kind}"
        name = data[field["name"]:field["name"] + NAME_SIZE]
        self.name = name.partition(b"\0")[0].decode(errors="backslashreplace")
        self.base, self.length = word("stack.base"), word("stack.length")
        self.next, self.previous = word("links.next"), word("links.prev")
        # When it began to wait, on the clock of time.monotonic(); None in a library that does not say.
        self.since = word("since") / 1e9 if "since" in field else None
        self.is_main = self.id == 1 or self.start == 0
        self.is_current = False
        self.owner = None               # the tid in the lock that it waits for, once that was looked at

    def title(self):
        """As in the library's own reports."""
        return f"thread {self.id}{' (main)' if self.is_main else ''}" + (f' "{self.name}"' if self.name else "")

    def registers(self, stack):
        """Of a suspended thread, as they are when it has left the switch; by the bytes from `sp` on."""
        if len(stack) < FRAME.size:
            raise Unreadable(f"{self.sp:#x}")
        found = dict(zip(FRAME_REGISTERS, FRAME.unpack_from(stack)))
        return found | {"rsp": self.sp + FRAME.size, "fs_base": self.fs}


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
            # Links are two words (scheduler/src/list.rs).
            self.at.setdefault("links.prev", self.at["links.next"] + 8)
            self.runtime = self.word(self.at["runtime"])
            if not self.runtime:
                raise NotGreen("libgreen is loaded, but the program has not made a thread yet, or runs natively")
            self.waits = self.read_names(self.at["waits"])
        except Unreadable as error:
            raise NotGreen(f"the table of libgreen cannot be read ({error})") from None
        fields = [at for name, at in self.at.items() if name not in ("version", "roster", "runtime", "waits")
                  and not name.startswith("runtime.")]
        self.size = max(fields) + NAME_SIZE
        self.tids = self.tid_offset = None

    def word(self, address):
        return struct.unpack("<Q", self.memory.read(address, 8))[0]

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

    def thread(self, record):
        return Thread(self, record, self.memory.read(record, self.size))

    def threads(self):
        """All that have not ended. Whoever is taken off the list while it is read, or whose record becomes another's, no
        longer has the neighbours by which it was reached: then its predecessor is asked again."""
        found, lost = [], 0
        while True:
            try:
                record = found[-1].next if found else self.word(self.at["roster"])
                if not record:
                    break
                thread = self.thread(record)
                good = thread.previous == (found[-1].record if found else 0)
            except Unreadable:
                good = False
            if good:
                found.append(thread)
                continue
            lost += 1
            if lost > MOST_LOST:
                raise NotGreen("the list of threads cannot be read: it changes all the time, or is damaged")
            if found:
                found.pop()
            if found:
                try:
                    found[-1] = self.thread(found[-1].record)
                except Unreadable:
                    found.pop()
        current = self.current()
        for thread in found:
            thread.is_current = thread.record == current
        self.tids = None
        self.listed = found
        return found

    # ---- what they wait for ----------------------------------------------------------------------

    def tid_of(self, fs):
        """What gettid(2) answers on the TLS block: where it is, glibc says to debuggers."""
        if self.tid_offset is None:
            about = self.memory.symbol("_thread_db_pthread_tid", like="libc")
            self.tid_offset = struct.unpack("<3I", self.memory.read(about, 12))[2] if about else 0
        if not self.tid_offset:
            raise Unreadable("tid")
        return struct.unpack("<i", self.memory.read(fs + self.tid_offset, 4))[0]

    def by_tid(self, tid):
        """Among the threads that were listed last."""
        if self.tids is None:
            self.tids = {}
            for thread in self.listed:
                try:
                    self.tids[self.tid_of(thread.fs)] = thread
                except Unreadable:
                    pass
        return self.tids.get(tid)

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
            whom = [other for other in self.listed if other.fs == thread.address]
            return f"the end of {whom[0].title() if whom else 'a thread that is ending'}"
        if reason == "condition":
            return f"condition variable {thread.address:#x}"
        if reason in ("semaphore", "barrier", "once", "futex", "libc lock"):
            return f"{reason} {thread.address:#x}"
        if reason == "offload":
            return f"{call or 'a call'} on a helper"
        return f"{reason} ({call})" if call and call != reason else reason
