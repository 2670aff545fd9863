"""Which lines of `GREEN_TRAP=report` are explained: trapped.txt, beside this file."""

import fnmatch
import re
from pathlib import Path

TABLE = Path(__file__).with_name("trapped.txt")
LINE = re.compile(r"libgreen: trap: (\w+) x \d+ near (.*), called by ")


class Entry:
    """One reason, and what it explains."""

    def __init__(self, text):
        programs, calls, place, self.reason = (part.strip() for part in text.split(" : ", 3))
        self.programs, self.calls, self.place = programs.split(), calls.split(), place

    def explains(self, program, call, place):
        return (any(fnmatch.fnmatch(program, glob) for glob in self.programs)
                and call in self.calls and fnmatch.fnmatch(place, self.place))


def entries():
    """The table: an entry goes on in lines that are indented."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    joined = []
    for line in lines:
        if line.startswith(" "):
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    return [Entry(text) for text in joined]


def unexplained(program, text):
    """The lines of a report in `text`, by this program, for which there is no entry."""
    table = entries()
    return [found.group() for found in map(LINE.search, text.splitlines())
            if found and not any(entry.explains(program, *found.groups()) for entry in table)]
