"""Functions and source lines by addresses in ELF files, from addr2line(1) or llvm-symbolizer(1).

    lines = SourceLines()
    lines.frames("/srv/server", 0x2f40)     [Frame("put", "store.c", 88)], the innermost of inlined ones first

An address is one of the file's own address space, as `addr2line -e` takes it; of a call that returns there, the byte before is
wanted. There is one process for each file that is asked about, which goes on until `close`. Nothing is known ([]) of a file
that is none or has no debugging information. Without both tools SourceLines.tool is None, and nothing is known at all.
"""

import os
import shutil
import signal
import subprocess
from collections import namedtuple
from pathlib import PurePath

Frame = namedtuple("Frame", "function file line")       # texts as they are in the file; only the last part of its path
NOWHERE = 0xFFFF_FFFF_FFFF_FFFF                         # no code is there: the answer to it ends the one before
MOST_PROCESSES = 16                                     # at once; the one that began first gives way


def frame(function, place):
    """None if the line is not known. A place is file:line, file:line:column, or file:line (discriminator 3)."""
    words = place.split(" (discriminator")[0].split(":")
    if len(words) > 2 and words[-2].isdigit() and words[-1].isdigit():
        words.pop()
    name, number = ":".join(words[:-1]), words[-1]
    known = number.isdigit() and int(number) > 0 and name not in ("", "??")
    return Frame(function, PurePath(name).name, int(number)) if known else None


class Tool:
    """A process that answers for one file."""

    def __init__(self, command):
        # The file may come from a path that is no text; so the answer is read as it is, too.
        variables = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        self.process = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, encoding="utf-8", errors="surrogateescape",
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))

    def ask(self, *addresses):
        self.process.stdin.write("".join(f"{address:#x}\n" for address in addresses))
        self.process.stdin.flush()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")

    def close(self):
        # It ends at the end of its input; nothing that it could still say is wanted.
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                pass
        self.process.kill()
        self.process.wait()


class Addr2line(Tool):
    def __init__(self, program, path):
        super().__init__([program, "-a", "-f", "-i", "-C", "-e", path])

    def pairs(self, address):
        """[(function, place)]"""
        self.ask(address, NOWHERE)
        lines = [self.line()]
        while lines[-1] != f"{NOWHERE:#018x}":
            lines.append(self.line())
        self.line(), self.line()
        return list(zip(lines[1:-1:2], lines[2:-1:2]))


class LlvmSymbolizer(Tool):
    def __init__(self, program, path):
        super().__init__([program, f"--obj={os.fsdecode(path)}", "--functions=linkage", "--inlines", "--demangle"])

    def pairs(self, address):
        self.ask(address)
        lines = []
        while line := self.line():
            lines.append(line)
        return list(zip(lines[::2], lines[1::2]))


class SourceLines:
    """What is known by one of the tools, the first that is there."""

    TOOLS = (("addr2line", Addr2line), ("llvm-symbolizer", LlvmSymbolizer))

    def __init__(self):
        found = ((shutil.which(name), kind) for name, kind in self.TOOLS)
        self.tool = next(((program, kind) for program, kind in found if program), None)
        self.processes, self.known = {}, {}

    def frames(self, path, address):
        if (path, address) not in self.known:
            self.known[path, address] = self.look_up(path, address) if self.tool and address > 0 else []
        return self.known[path, address]

    def look_up(self, path, address):
        # (A FIFO, for example, would be waited for.)
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            return []
        try:
            tool = self.processes.get(path) or self.start(path)
            pairs = tool.pairs(address)
        except (EOFError, OSError):     # the tool has ended; another one next time
            if path in self.processes:
                self.processes.pop(path).close()
            return []
        frames = [frame(function, place) for function, place in pairs]
        # A caller without a line: what is said of an inlined one without it would mislead.
        return frames if all(frames) else []

    def start(self, path):
        if len(self.processes) >= MOST_PROCESSES:
            self.processes.pop(next(iter(self.processes))).close()
        program, kind = self.tool
        tool = self.processes[path] = kind(program, path)
        return tool

    def close(self):
        while self.processes:
            self.processes.popitem()[1].close()


def text(frames):
    """"store.c:88"; of an inlined function with those that called it, "swap in store.c:12, inlined at store.c:88"."""
    place = lambda each: f"{each.file}:{each.line}"
    first = f"{frames[0].function} in " if len(frames) > 1 else ""
    return first + ", inlined at ".join(place(each) for each in frames)
