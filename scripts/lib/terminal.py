"""A program in a terminal of its own, for tests: what it paints, how it answers, and how it leaves the terminal.

Follows pty(7), termios(3), ioctl_tty(2), console_codes(4).
"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import realprog

LIMIT = 60              # seconds: an upper bound


class Terminal:
    """The program, with a terminal of so many columns and rows. Use it with `with`."""

    def __init__(self, command, columns, rows):
        self.terminal, self.line = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.line)
        self.seen = ""
        control = lambda: fcntl.ioctl(self.line, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(list(map(str, command)), env=realprog.environment(False) | {"TERM": "xterm"},
                                        stdin=self.line, stdout=self.line, stderr=self.line, start_new_session=True,
                                        preexec_fn=control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.line)

    def resize(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, condition, what):
        limit = time.monotonic() + LIMIT
        while not condition(self.seen):
            if not select.select([self.terminal], [], [], max(limit - time.monotonic(), 0))[0]:
                raise realprog.Failure(f"{what}: {self.seen!r}")
            self.seen += os.read(self.terminal, 4096).decode()

    def screens(self):
        """What has been painted: lists of lines."""
        return [re.sub(r"\x1b\[[?\d;]*[A-Za-z]|\r", "", part).split("\n") for part in self.seen.split("\x1b[H")[1:]]

    def press(self, key):
        os.write(self.terminal, key)

    def ends(self, status=0):
        """It has ended, and left the terminal as it was."""
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise realprog.Failure(f"it does not end: {self.seen!r}") from None
        while select.select([self.terminal], [], [], 0)[0]:
            self.seen += os.read(self.terminal, 4096).decode()
        self.check("its end", self.process.returncode == status)
        self.check("the terminal is as it was", termios.tcgetattr(self.line) == self.before)
        last = [self.seen.rfind(f"\x1b[?{mode}") for mode in ("1049h", "1049l", "25l", "25h")]
        self.check("screen and cursor", 0 <= last[0] < last[1] and 0 <= last[2] < last[3])

    def check(self, what, condition):
        if not condition:
            raise realprog.Failure(f"{what}, status {self.process.returncode}: {self.seen!r}")
