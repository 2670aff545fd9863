"""The memory of another process: /proc/PID/mem, or a core file; and what its descriptors lead to.

    memory.read(address, length)        raises Unreadable
    memory.gather(addresses, lengths)   the bytes of many places, in few system calls where the kernel offers that
    memory.symbol(name)                 where a file that is mapped there exports it
    memory.describe(fd)                 what a descriptor leads to

Nothing stops the process, and no code runs in it. Follows proc(5), process_vm_readv(2), elf(5), core(5).
"""

import bisect
import ctypes
import errno
import os
import re
import socket
import struct
from array import array
from pathlib import Path

MOST_PLACES = 1024          # that one process_vm_readv(2) takes (IOV_MAX)


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

    def gather(self, addresses, lengths, is_guess=False):
        """So many bytes from each address, one after the other, and the numbers of those that cannot be read (zeros). After
        a wrong guess the others are not tried."""
        parts, missing = [], set()
        for i, (address, length) in enumerate(zip(addresses, lengths)):
            try:
                parts.append(self.read(address, length) if not (is_guess and missing) else bytes(length))
            except Unreadable:
                parts.append(bytes(length))
                missing.add(i)
        return b"".join(parts), set(range(min(missing), len(addresses))) if is_guess and missing else missing


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
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.process_vm_readv.restype = ctypes.c_ssize_t

    def read(self, address, length):
        try:
            data = os.pread(self.file, length, address)
        except (OSError, OverflowError):
            data = b""
        if len(data) != length:
            raise Unreadable(f"{address:#x}")
        return data

    def gather(self, addresses, lengths, is_guess=False):
        data, missing = bytearray(sum(lengths)), set()
        if not data:
            return data, missing
        here = ctypes.addressof((ctypes.c_char * len(data)).from_buffer(data))
        first = at = 0
        while first < len(addresses):
            some = lengths[first:first + MOST_PLACES]
            wanted = sum(some)
            got = self.read_places(here + at, addresses[first:first + MOST_PLACES], some, wanted)
            if got < 0:                 # not here: see process_vm_readv(2)
                rest, lost = super().gather(addresses[first:], lengths[first:], is_guess)
                data[at:] = rest
                return data, missing | {first + i for i in lost}
            if got == wanted:
                first, at = first + len(some), at + wanted
                continue
            # It has stopped at the first that it could not read, perhaps in the middle of that.
            for length in some:
                first, at = first + 1, at + length
                if got < length:
                    missing.add(first - 1)
                    data[at - length:at] = bytes(length)
                    break
                got -= length
            if is_guess:
                return data, set(range(first - 1, len(addresses)))
        return data, missing

    def read_places(self, here, addresses, lengths, wanted):
        """Answers how many bytes were read; -1 if that is not possible at all."""
        places = array("Q", bytes(16 * len(addresses)))
        places[::2], places[1::2] = array("Q", addresses), array("Q", lengths)
        local = (ctypes.c_size_t * 2)(here, wanted)
        got = self.libc.process_vm_readv(self.pid, local, ctypes.c_ulong(1), ctypes.c_void_p(places.buffer_info()[0]),
                                         ctypes.c_ulong(len(addresses)), ctypes.c_ulong(0))
        return got if got >= 0 else 0 if ctypes.get_errno() == errno.EFAULT else -1

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
