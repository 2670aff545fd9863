"""Names of functions by their addresses, from a copy of /proc/PID/maps and the symbol tables of the files in it.

    symbols = Symbols(maps)
    symbols.name(address)       "main", "libfoo.so+0x1230", or "0x7f0012345678"

Names of static functions are found if the file is not stripped. A file that has been replaced since then gives wrong names.
Follows proc_pid_maps(5), elf(5).
"""

import bisect
import mmap
import os
import struct

SECTION = struct.Struct("<IIQQQQIIQQ")      # name, type, flags, address, offset, size, link, info, alignment, entry size
SEGMENT = struct.Struct("<IIQQQQQQ")        # type, flags, offset, address, physical, in the file, in memory, alignment
SYMBOL = struct.Struct("<IBBHQQ")           # name, type, other, section, address, size
SYMBOL_TABLES = (2, 11)                     # SHT_SYMTAB, SHT_DYNSYM
FUNCTIONS = (2, 10)                         # STT_FUNC, STT_GNU_IFUNC
PT_LOAD = 1


class ElfFile:
    """The functions of one file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(path)
        segments, sections = struct.unpack_from("<QQ", self.data, 32)
        count, size, section_count = struct.unpack_from("<HHH", self.data, 56)
        self.loads = [s for s in (SEGMENT.unpack_from(self.data, segments + 56 * i) for i in range(count)) if s[0] == PT_LOAD]
        headers = [SECTION.unpack_from(self.data, sections + size * i) for i in range(section_count)] if sections else []
        found = {}
        for header in headers:
            if header[1] in SYMBOL_TABLES and header[6] < len(headers):
                self.read_symbols(header, headers[header[6]], found)
        self.functions = sorted(found.items())
        self.starts = [start for start, _ in self.functions]

    def read_symbols(self, table, strings, found):
        for name, kind, _, section, address, size in SYMBOL.iter_unpack(self.data[table[4]:table[4] + table[5] // 24 * 24]):
            if kind & 15 in FUNCTIONS and section and address not in found:
                at = strings[4] + name
                found[address] = (size, self.data[at:self.data.find(b"\0", at)].decode(errors="replace"))

    def function(self, offset):
        """Of an offset in the file."""
        for _, _, begin, address, _, size, _, _ in self.loads:
            if begin <= offset < begin + size:
                address += offset - begin
                i = bisect.bisect_right(self.starts, address) - 1
                if i >= 0:
                    start, (length, name) = self.functions[i]
                    if address - start < max(length, 1):
                        return name
        return None


class Symbols:
    """Of one process."""

    def __init__(self, maps):
        self.mappings, self.files, self.names = [], {}, {}
        for line in maps.splitlines():
            words = line.split(maxsplit=5)
            try:
                start, end = (int(word, 16) for word in words[0].split("-"))
                if len(words) == 6 and words[5].startswith("/"):
                    self.mappings.append((start, end, int(words[2], 16), words[5]))
            except (ValueError, IndexError):
                continue        # the last line, cut off
        self.mappings.sort()

    def name(self, address):
        if address not in self.names:
            self.names[address] = self.look_up(address)
        return self.names[address]

    def look_up(self, address):
        i = bisect.bisect_right(self.mappings, (address, 1 << 64)) - 1
        if i < 0 or address >= self.mappings[i][1]:
            return f"{address:#x}"
        start, _, offset, path = self.mappings[i]
        offset += address - start
        file = self.file(path)
        return file and file.function(offset) or f"{os.path.basename(path)}+{offset:#x}"

    def file(self, path):
        if path not in self.files:
            try:
                self.files[path] = ElfFile(path)
            except (OSError, ValueError, struct.error, IndexError):
                self.files[path] = None
        return self.files[path]
