"""Green threads in gdb, of a live process and of a core file:  (gdb) source scripts/gdb/green.py

    info green                      number, name, what each does or waits for, and its entry function
    green N                         show thread N: bt, up, frame, info locals ... are about it from here on
    green apply all|N N-N ... CMD   CMD for each
    green off                       back to the kernel thread as it is

Nothing of the process changes, nor of its registers: an unwinder (gdb.unwinder) answers that the innermost frame of the
carrier, the kernel thread that runs green threads, was called by the suspended thread, whose registers are on its stack
(scheduler/src/context.rs). Frame 0, with what is inlined there, stays the carrier's and is not shown; the thread's
follow. When the process goes on, nothing is chosen any more. Of the library only its exported table is needed
(scripts/lib/threads.py).

Follows the manual of gdb, "Unwinding Frames in Python", "Frame Filter API".
"""

import os
import re
import sys

import gdb
from gdb.unwinder import Unwinder

for place in ("../lib", "..", "../../lib/green"):
    directory = os.path.join(os.path.dirname(os.path.abspath(os.path.expanduser(__file__))), place)
    if os.path.exists(os.path.join(directory, "threads.py")):
        sys.path.insert(0, directory)
        break
sys.dont_write_bytecode = True
import threads

REGISTERS = ("rbx", "rbp", "r12", "r13", "r14", "r15", "rsp", "rip", "fs_base")
# A thread that has not begun: mov rdi, r12; call rbx; ud2. gdb takes an address for one behind a call.
FIRST_FRAME = bytes.fromhex("4c89e7ffd30f0b")
BEHIND_MOV = 3


class GdbMemory(threads.Memory):
    """The memory of the process, or core file, that gdb is at."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        pid = self.inferior.pid
        # Of a process on this machine, the kernel tells about descriptors.
        is_here = self.inferior.connection is not None and self.inferior.connection.type == "native"
        self.descriptors = threads.Descriptors(pid) if pid and is_here else None

    def read(self, address, length):
        try:
            return bytes(self.inferior.read_memory(address, length))
        except (gdb.MemoryError, gdb.error, OverflowError):
            raise threads.Unreadable(f"{address:#x}") from None

    def symbol(self, name, like=""):
        try:            # (the frame that is selected may be Rust; a warning about that may follow the number)
            said = gdb.execute(f"with language c -- output (unsigned long)&{name}", to_string=True)
        except gdb.error:
            return None
        number = re.match(r"\d+", said)
        return int(number[0]) if number else None

    def describe(self, fd):
        return self.descriptors.describe(fd) if self.descriptors else ""


def look():
    """The process and its threads."""
    if not gdb.selected_inferior().pid:
        raise gdb.GdbError("There is no process and no core file.")
    try:
        process = threads.Process(GdbMemory())
        return process, process.threads()
    except threads.NotGreen as reason:
        raise gdb.GdbError(f"This process is not green: {reason}.") from None


def carrier():
    """The kernel thread that runs green threads: the process's first."""
    inferior = gdb.selected_inferior()
    # The kernel gives the first one the number of the process; gdb may call a core file's process 1.
    found = [t for t in inferior.threads() if t.ptid[1] == inferior.pid] or \
        sorted(inferior.threads(), key=lambda t: t.ptid[1])
    return found[0]


def function_at(address):
    """The function that begins there, or where it is."""
    if not address:
        return "main"
    text = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
    found = re.match(r"(\S+)( \+ \d+)? in section", text)
    return found[1] + (found[2] or "").replace(" ", "") if found else f"{address:#x}"


# ---- a suspended thread's frames -----------------------------------------------------------------

class FrameId:
    """Who unwinds says by it which frame is which. Below the thread's frames: a caller is above."""

    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Suspended(Unwinder):
    """While a thread is chosen, the carrier's innermost frame was called by it."""

    def __init__(self):
        super().__init__("green")
        self.registers = self.title = self.ptid = None
        self.real = ()              # the carrier's own rip and rsp
        self.level = 0              # of the carrier's frame; those before it are inlined in it

    def choose(self, thread=None, registers=None):
        self.registers = None
        gdb.invalidate_cached_frames()
        if thread:
            newest = gdb.newest_frame()
            self.title, self.ptid = thread.title(), carrier().ptid
            self.real = tuple(int(newest.read_register(name)) for name in ("rip", "rsp"))
            self.registers = registers
            gdb.invalidate_cached_frames()

    def is_shown(self):
        here = gdb.selected_thread()
        return self.registers is not None and here is not None and here.ptid == self.ptid

    def __call__(self, pending):
        if not self.is_shown() or tuple(int(pending.read_register(name)) for name in ("rip", "rsp")) != self.real:
            return None
        self.level = pending.level()
        kinds = {name: pending.read_register(name).type for name in REGISTERS}
        size = kinds["rbx"].sizeof

        def value(name, of):
            return gdb.Value(of.to_bytes(size, "little"), kinds[name])

        unwound = pending.create_unwind_info(
            FrameId(value("rsp", self.registers["rsp"] - threads.FRAME.size), pending.read_register("rip")))
        for name in REGISTERS:
            unwound.add_saved_register(name, value(name, self.registers[name]))
        return unwound


class WithoutCarrier:
    """A frame filter: while a thread is chosen, the carrier's frame is left out of backtraces."""

    def __init__(self):
        self.name, self.priority, self.enabled = "green", 100, True
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        if not suspended.is_shown():
            return frames
        return (frame for frame in frames if frame.inferior_frame().level() > suspended.level)


suspended = Suspended()
gdb.unwinder.register_unwinder(None, suspended, replace=True)
WithoutCarrier()


def registers_of(process, thread):
    try:
        found = thread.registers(process.memory.read(thread.sp, threads.FRAME.size))
    except threads.Unreadable:
        raise gdb.GdbError(f"The stack of {thread.title()} cannot be read.") from None
    try:
        if process.memory.read(found["rip"], len(FIRST_FRAME)) == FIRST_FRAME:
            found["rip"] += BEHIND_MOV
    except threads.Unreadable:
        pass
    return found


def show(process, thread):
    """From here on frames are this thread's; the innermost is selected."""
    carrier().switch()
    if thread.is_current:
        suspended.choose()
        select_innermost()
        return
    suspended.choose(thread, registers_of(process, thread))
    if not select_innermost():
        suspended.choose()
        raise gdb.GdbError(f"gdb cannot show {thread.title()}.")


def select_innermost():
    frame = gdb.newest_frame()
    while frame and suspended.is_shown() and frame.level() <= suspended.level:
        frame = frame.older()           # (which asks the unwinder, and so tells the level)
    if frame:
        frame.select()
    return frame


def forget(*_):
    """The process goes on, or is gone."""
    if suspended.registers is not None:
        suspended.choose()


gdb.events.cont.connect(forget)
gdb.events.exited.connect(forget)


# ---- commands ------------------------------------------------------------------------------------

class InfoGreen(gdb.Command):
    """List the green threads: number, name, what each does or waits for, and its entry function."""

    def __init__(self):
        super().__init__("info green", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        process, listed = look()
        rows = [("Id", "Name", "State", "Entry")]
        entries = {}
        for thread in listed:
            if thread.start not in entries:
                entries[thread.start] = function_at(thread.start)
            name = thread.name or ("(main)" if thread.is_main else "")
            rows.append((str(thread.id), name, process.wait_of(thread), entries[thread.start]))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        here = [False, *(thread.is_current for thread in listed)]
        for row, is_here in zip(rows, here):
            cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths))
            gdb.write(f"{'*' if is_here else ' '} {cells}  {row[3]}\n")


class Green(gdb.Command):
    """Show a green thread: green N. Its frames are what bt, up, frame and info locals are about, until the process goes on,
or until `green off`. `green` alone says which is shown; `green apply` executes a command for several."""

    def __init__(self):
        super().__init__("green", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if not words:
            gdb.write(f"{suspended.title} is shown.\n" if suspended.is_shown() else "No green thread is shown.\n")
        elif words == ["off"]:
            forget()
            if gdb.selected_thread():
                select_innermost()
        elif len(words) == 1 and words[0].isdigit():
            process, listed = look()
            thread = chosen(listed, [words[0]])[0]
            show(process, thread)
            gdb.write(f"[{thread.title()}: {process.wait_of(thread)}]\n")
            gdb.execute("frame")
        else:
            raise gdb.GdbError("green N, green off, or green apply all|N N-N ... COMMAND")


class GreenApply(gdb.Command):
    """Execute a command for several green threads: green apply all bt, green apply 2 5-8 info locals."""

    def __init__(self):
        super().__init__("green apply", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        found = re.fullmatch(r"\s*(all|\d+(?:-\d+)?(?:\s+\d+(?:-\d+)?)*)\s+(\S.*)", argument)
        if not found:
            raise gdb.GdbError("green apply all|N N-N ... COMMAND")
        process, listed = look()
        before = suspended.registers, suspended.title, suspended.ptid, gdb.selected_thread()
        try:
            for thread in listed if found[1] == "all" else chosen(listed, found[1].split()):
                show(process, thread)
                gdb.write(f"\n{thread.title()[0].upper()}{thread.title()[1:]}: {process.wait_of(thread)}\n")
                gdb.execute(found[2], from_tty)
        except gdb.error as error:
            raise gdb.GdbError(str(error)) from None
        finally:
            suspended.registers, suspended.title, suspended.ptid, kernel_thread = before
            if kernel_thread.is_valid():
                kernel_thread.switch()
                gdb.invalidate_cached_frames()
                select_innermost()


def chosen(listed, words):
    """The threads that are meant by `2 5-8`, in that order."""
    by_id = {thread.id: thread for thread in listed}
    found = []
    for word in words:
        first, _, last = word.partition("-")
        ids = [number for number in range(int(first), int(last or first) + 1) if number in by_id]
        if not ids:
            raise gdb.GdbError(f"There is no green thread {word}.")
        found += [by_id[number] for number in ids]
    return found


InfoGreen()
Green()
GreenApply()
