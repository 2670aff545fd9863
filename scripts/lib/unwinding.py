"""The calls of threads whose stacks were copied (snapshot.py), by libdw: functions, lines, and what is libgreen's own.

    unwinder = Unwinder(process, pid)
    calls, missed = unwinder.calls_of(copy)     missed: how many bytes of the stack there should have been, if not 0
    calls.shown, calls.call                     the program's calls, innermost first; the one of libgreen's that it is in

Unwinding takes a fraction of a millisecond, so a thread that is parked just like one before is not unwound: see Shape.
Follows libdwfl.h of elfutils, the DWARF standard (call frame information).
"""

import collections
import ctypes
import os
import re
import struct
from ctypes import CFUNCTYPE, POINTER, byref, c_bool, c_char_p, c_int, c_uint, c_uint64, c_void_p

import threads

MOST_STACK = 1 << 20    # bytes of a stack that are asked for
MOST_FRAMES = 128
MOST_SHAPES = 64        # that are tried, of threads with the same function


class Callbacks(ctypes.Structure):
    _fields_ = [(name, c_void_p) for name in ("find_elf", "find_debuginfo", "section_address", "debuginfo_path")]


NextThread = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(c_void_p))
GetThread = CFUNCTYPE(c_bool, c_void_p, c_int, c_void_p, POINTER(c_void_p))
ReadMemory = CFUNCTYPE(c_bool, c_void_p, c_uint64, POINTER(c_uint64), c_void_p)
SetRegisters = CFUNCTYPE(c_bool, c_void_p, c_void_p)
OnFrame = CFUNCTYPE(c_int, c_void_p, c_void_p)


class ThreadCallbacks(ctypes.Structure):
    _fields_ = [("next_thread", NextThread), ("get_thread", GetThread), ("memory_read", ReadMemory),
                ("set_initial_registers", SetRegisters), ("detach", c_void_p), ("thread_detach", c_void_p)]


# By the numbers that DWARF gives them.
DWARF_REGISTERS = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
FUNCTIONS = {   # name: (result, arguments)
    "dwfl_begin": (c_void_p, [POINTER(Callbacks)]), "dwfl_linux_proc_report": (c_int, [c_void_p, c_int]),
    "dwfl_report_end": (c_int, [c_void_p, c_void_p, c_void_p]), "dwfl_errmsg": (c_char_p, [c_int]),
    "dwfl_attach_state": (c_bool, [c_void_p, c_void_p, c_int, POINTER(ThreadCallbacks), c_void_p]),
    "dwfl_getthread_frames": (c_int, [c_void_p, c_int, OnFrame, c_void_p]),
    "dwfl_thread_state_registers": (c_bool, [c_void_p, c_int, c_uint, POINTER(c_uint64)]),
    "dwfl_thread_state_register_pc": (None, [c_void_p, c_uint64]),
    "dwfl_frame_pc": (c_bool, [c_void_p, POINTER(c_uint64), POINTER(c_bool)]),
    "dwfl_addrmodule": (c_void_p, [c_void_p, c_uint64]), "dwfl_module_addrname": (c_char_p, [c_void_p, c_uint64]),
    "dwfl_module_info": (c_char_p, [c_void_p, c_void_p, POINTER(c_uint64)] + [c_void_p] * 5),
    "dwfl_module_getsrc": (c_void_p, [c_void_p, c_uint64]),
    "dwfl_lineinfo": (c_char_p, [c_void_p, c_void_p, POINTER(c_int), c_void_p, c_void_p, c_void_p]),
}
Place = collections.namedtuple("Place", "name text is_library address")


class Calls:
    """What is shown; the function of libgreen's, if it is in one that the program called; how much of the stack was read."""

    def __init__(self, shown=(), call="", span=0):
        self.shown, self.call, self.span = shown, call, span


NO_CALLS = Calls()


class Shape:
    """What must be on the stack of another suspended thread for its unwinding to be the same, step by step.

    An unwinder goes from frame to frame by what it finds on the stack: where each call returns to, and registers that were
    saved there. A return address says by which rule the next frame is found: that frame lies at a constant distance from
    an address, which is a register or was saved. So two unwindings do the same as long as

        each return address is the same, at the same distance from the stack pointer, and
        each word that was read and that is, in the first one, an address in the stack, is in the other one as far from it.

    Other words that are restored into registers (counters, pointers to the heap) lead to no frame, because frames are on the
    stack. An unwinding that has read anything elsewhere has no shape, nor has one that does not end in libgreen, where the
    first frame of a thread says that it is the last to be unwound."""

    def __init__(self, copy, words, returns, calls):
        self.calls = calls
        fixed = {at: word for at, word in words.items() if word in returns}
        moved = {at: word - copy.low for at, word in words.items()
                 if at not in fixed and 0 <= word - copy.low <= len(copy.stack)}
        self.fixed, self.fixed_words = picker(fixed), tuple(fixed[at] for at in sorted(fixed))
        self.moved, self.moved_words = picker(moved), [moved[at] for at in sorted(moved)]
        self.size = max(self.fixed.size, self.moved.size)

    def fits(self, copy):
        stack, low = copy.stack, copy.low
        return len(stack) >= self.size and self.fixed.unpack_from(stack) == self.fixed_words and \
            [word - low for word in self.moved.unpack_from(stack)] == self.moved_words


def picker(places):
    """Picks the words at these distances."""
    form, end = "<", 0
    for at in sorted(places):
        form += f"{at - end}xQ"
        end = at + 8
    return struct.Struct(form)


class Unwinder:
    """libdw, which asks for memory and registers: it gets the copies'."""

    def __init__(self, process, pid, all_frames=False):
        self.process, self.pid, self.all_frames = process, pid, all_frames
        os.environ.pop("DEBUGINFOD_URLS", None)     # nothing is fetched from anywhere
        try:
            self.dw = ctypes.CDLL("libdw.so.1")
        except OSError:
            raise threads.NotGreen("libdw.so.1 is missing (Debian package libdw1)") from None
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(self.dw, name)
            function.restype, function.argtypes = result, arguments
        self.places, self.called, self.shapes = {}, {}, collections.defaultdict(list)
        self.copy = self.registers = None           # of the thread that is unwound: what is known of it,
        self.found, self.words, self.missed = [], {}, 0     # its frames, {distance: word} on its stack, what is missing there
        self.is_elsewhere = False                   # anything else was read
        address = lambda name: ctypes.cast(getattr(self.dw, name), c_void_p)
        self.callbacks = Callbacks(address("dwfl_linux_proc_find_elf"), address("dwfl_standard_find_debuginfo"), None, None)
        self.on_frame = OnFrame(self.note)
        self.thread_callbacks = ThreadCallbacks(NextThread(lambda *_: 0), GetThread(self.get_thread), ReadMemory(self.read),
                                                SetRegisters(self.set_registers), None, None)
        self.dwfl = self.dw.dwfl_begin(byref(self.callbacks))
        if not self.dwfl or self.dw.dwfl_linux_proc_report(self.dwfl, pid) or \
                self.dw.dwfl_report_end(self.dwfl, None, None) or \
                not self.dw.dwfl_attach_state(self.dwfl, None, pid, byref(self.thread_callbacks), None):
            raise threads.NotGreen(f"libdw: {self.dw.dwfl_errmsg(-1).decode()}")
        self.library = self.module(process.memory.symbol(threads.TABLE, like="libgreen"))[0]

    def get_thread(self, _dwfl, _tid, _data, argument):
        argument[0] = 1
        return True

    def read(self, _dwfl, address, result, _data):
        at = address - self.copy.low
        if 0 <= at <= len(self.copy.stack) - 8:
            result[0] = self.words[at] = threads.WORD.unpack_from(self.copy.stack, at)[0]
            return True
        self.is_elsewhere = True
        if 0 <= at < MOST_STACK:
            self.missed = at + 8
            return False
        try:
            result[0] = self.process.word(address)
        except threads.Unreadable:
            return False
        return True

    def set_registers(self, thread, _data):
        values = (c_uint64 * len(DWARF_REGISTERS))(*(self.registers.get(name, 0) for name in DWARF_REGISTERS))
        self.dw.dwfl_thread_state_register_pc(thread, self.registers["rip"])
        return self.dw.dwfl_thread_state_registers(thread, 0, len(values), values)

    def note(self, state, _data):
        pc, is_exact = c_uint64(), c_bool()
        if not self.dw.dwfl_frame_pc(state, byref(pc), byref(is_exact)) or not pc.value:
            return 1
        self.found.append((pc.value, not is_exact.value))
        return 1 if len(self.found) == MOST_FRAMES else 0

    def calls_of(self, copy):
        """Its calls; and how much of its stack should have been there, if some was missing."""
        shapes = self.shapes[copy.row.start, copy.row.reason]
        for i, shape in enumerate(shapes if not copy.is_current else ()):
            if shape.fits(copy):
                if i:
                    shapes.insert(0, shapes.pop(i))
                return shape.calls, 0
        try:
            calls = self.unwind(copy)
        except threads.Unreadable:
            return NO_CALLS, 0
        returns = {pc for pc, _ in self.found}
        is_whole = self.found and self.place(self.found[-1]).is_library and not self.is_elsewhere
        if is_whole and not copy.is_current and returns <= set(self.words.values()):
            shapes.insert(0, Shape(copy, self.words, returns, calls))
            del shapes[MOST_SHAPES:]
        return calls, self.missed

    def unwind(self, copy):
        self.copy, self.found, self.missed, self.is_elsewhere = copy, [], 0, False
        self.registers = copy.registers or threads.registers_of(copy.row, copy.stack)
        # A suspended thread's registers are words on its stack, too.
        saved = () if copy.is_current else range(8, threads.FRAME.size, 8)
        self.words = {at: threads.WORD.unpack_from(copy.stack, at)[0] for at in saved}
        self.dw.dwfl_getthread_frames(self.dwfl, self.pid, self.on_frame, None)
        frames = [self.place(frame) for frame in self.found]
        shown = frames if self.all_frames else self.without_library(frames)
        return Calls(tuple(place.text for place in shown), self.call_of(frames), max(self.words, default=0) + 8)

    def module(self, address):
        """Its path, where it begins, and libdw's handle."""
        handle, start = self.dw.dwfl_addrmodule(self.dwfl, address), c_uint64()
        if not handle:
            return "", 0, None
        path = self.dw.dwfl_module_info(handle, None, byref(start), None, None, None, None, None)
        return os.fsdecode(path or b""), start.value, handle

    def place(self, frame):
        """The function, what is shown, whether it is libgreen's, and where it returns to."""
        if frame not in self.places:
            self.places[frame] = Place(*self.look_up(*frame), frame[0])
        return self.places[frame]

    def look_up(self, pc, is_return):
        address = pc - is_return        # the call is before the address that it returns to
        path, start, handle = self.module(address)
        name = self.dw.dwfl_module_addrname(handle, address) if handle else None
        name = demangled(name.decode(errors="replace")) if name else ""
        where = f"{os.path.basename(path)}+{pc - start:#x}" if path else f"{pc:#x}"
        number = c_int()
        line = self.dw.dwfl_module_getsrc(handle, address) if handle else None
        source = self.dw.dwfl_lineinfo(line, None, byref(number), None, None, None) if line else None
        if path == self.library and name:
            where = os.path.basename(path)
        elif source:
            where = f"{os.path.basename(os.fsdecode(source))}:{number.value}"
        return name, f"{name} ({where})" if name else where, path == self.library

    def function(self, address):
        place = self.place((address, False))
        return place.name or place.text

    def without_library(self, frames):
        """Of calls within libgreen only those that the program made, and not how a thread begins."""
        kept = []
        for frame, caller in zip(frames, [*frames[1:], None]):
            if not frame.is_library:
                kept.append(frame)
            elif caller and not caller.is_library:
                name = self.called_from(caller.address) or ("" if kept else frame.name)
                if name:
                    kept.append(frame._replace(name=name, text=f"{name} ({os.path.basename(self.library)})"))
        return kept

    def call_of(self, frames):
        """The call in which a thread is, if it is in libgreen."""
        kept = self.without_library(frames) if frames and frames[0].is_library else []
        return kept[0].name if kept and kept[0].is_library and "::" not in kept[0].name else ""

    def called_from(self, address):
        """The function of libgreen that is called just before an address. (The frame's own may be one that it jumped to.)"""
        if address not in self.called:
            try:
                target = self.target_of(address)
                place = self.place((target, False)) if target else None
                name = place.name if place and place.is_library and "::" not in place.name else ""
                self.called[address] = re.sub(r"^__(?=[a-z])", "", name)         # (recv is also __recv)
            except threads.Unreadable:
                self.called[address] = ""
        return self.called[address]

    def target_of(self, address):
        """Where a call leads that ends at an address: by a slot of the linkage table, directly or by way of the table."""
        read, word = self.process.memory.read, self.process.word
        code = read(address - 6, 6)
        offset = struct.unpack_from("<i", code, 2)[0]
        if code[:2] == b"\xff\x15":     # call *slot(%rip)
            return word(address + offset)
        if code[1:2] != b"\xe8":        # call stub
            return None
        found = re.match(rb"(?:\xf3\x0f\x1e\xfa)?\xf2?\xff\x25(....)", read(address + offset, 16), re.DOTALL)
        if not found:
            return address + offset
        return word(address + offset + found.end() + struct.unpack("<i", found[1])[0])     # jmp *slot(%rip)


def demangled(name):
    """Names of Rust, which end in a hash; others stay."""
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    found = re.fullmatch(r"_ZN((?:\d+\D[\w.$]*?)+)17h[0-9a-f]{16}E(?:\.\w+)*", name)
    if not found:
        return name.partition("@")[0]
    parts, rest = [], found[1]
    while number := re.match(r"\d+", rest):
        end = number.end() + int(number[0])
        parts.append(rest[number.end():end])
        rest = rest[end:]
    return "::".join(parts)
