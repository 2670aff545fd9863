"""Where in its program the carrier was held: names and lines for the addresses of a counters.Site.

    places = Places(pid)
    places.text(site)       "store_put+0x31 (store.c:88)", "libfoo.so+0x1230", or "?"
    places.label(site)      what of this is the same for all times that the site stands for

A number behind a function is, for a call, where it returns to, as in what libgreen says at exit. Functions come from
/proc/PID/maps and the symbol tables of the files in it (trace_symbols.py), lines from addr2line (source_lines.py). If the first
address has no line and one of its callers has, that one follows: "lookup+0x20 (libx.so) from load+0x7 (load.c:3)". What was
looked up is kept. Follows proc_pid_maps(5), elf(5).
"""

import bisect
import os
from pathlib import Path

import source_lines
import trace_symbols


class Places:
    def __init__(self, pid):
        self.pid = pid
        self.lines = source_lines.SourceLines()
        self.forget()

    def forget(self):
        """What is mapped may be something else."""
        self.symbols, self.known = None, {}

    def text(self, site):
        return self.known_of(site)[0]

    def label(self, site):
        return self.known_of(site)[1]

    def known_of(self, site):
        key = site.what, site.frames
        if key not in self.known:
            self.read_maps(site.frames)
            self.known[key] = self.look_up(site) if site.frames else ("?", "?")
        return self.known[key]

    def look_up(self, site):
        places = [Place(self, address, site.is_call() or i > 0) for i, address in enumerate(site.frames)]
        first = places[0]
        caller = next((place for place in places if place.line), first)
        text = first.text() if caller is first else f"{first.text()} from {caller.text()}"
        return text, first.text() if site.is_call() else first.label()

    def read_maps(self, addresses):
        """Again, if there is an address that is not in those that are known: of a library that has come since."""
        if self.symbols is None or not all(map(self.mapping, addresses)):
            try:
                maps = Path(f"/proc/{self.pid}/maps").read_text(errors="surrogateescape")
            except OSError:
                maps = ""           # of another user, or ended: addresses stay numbers
            self.symbols, before = trace_symbols.Symbols(maps), self.symbols
            if before:
                self.symbols.files = before.files

    def mapping(self, address):
        i = bisect.bisect_right(self.symbols.mappings, (address, 1 << 64)) - 1
        return self.symbols.mappings[i] if i >= 0 and address < self.symbols.mappings[i][1] else None

    def close(self):
        self.lines.close()


class Place:
    """What is known of one address: `object`, the last part of its file's path, `linked`, where it is in that file's address
    space, `function` and how far in it, and its line, or None."""

    def __init__(self, places, address, is_call):
        self.address, self.more = address, int(is_call)
        self.object = self.function = self.line = None
        mapping = places.mapping(address)
        if mapping:
            start, _, offset, path = mapping
            self.object = os.path.basename(path)
            self.linked = offset + address - start
            file = places.symbols.file(path)
            load = file and next((each for each in file.loads if each[2] <= self.linked < each[2] + each[5]), None)
            if load:
                self.linked += load[3] - load[2]
                self.name(file)
                frames = places.lines.frames(path, self.linked)
                self.line = source_lines.text(frames) if frames else None

    def name(self, file):
        i = bisect.bisect_right(file.starts, self.linked) - 1
        if i >= 0:
            begin, (length, name) = file.functions[i]
            if self.linked - begin < max(length, 1):
                self.function, self.within = name, self.linked - begin

    def text(self):
        if not self.object:
            return f"{self.address + self.more:#x}"
        if self.function:
            return f"{self.function}+{self.within + self.more:#x} ({self.line or self.object})"
        return f"{self.object}+{self.linked + self.more:#x}{f' ({self.line})' if self.line else ''}"

    def label(self):
        return f"{self.function} ({self.object})" if self.function else self.object or "?"
