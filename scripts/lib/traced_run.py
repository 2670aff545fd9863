"""One run of a program under strace, with libgreen.so preloaded or surely not.

A server is driven: once its output says that it is ready, the driver runs, and when the server has
come to rest it gets SIGTERM. Follows strace(1), ld.so(8) (LD_PRELOAD), proc(5).
"""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import strace

GRACE = 10          # seconds between SIGTERM and SIGKILL
REST = 0.05         # a server that adds nothing to its trace for so long is at rest
RESTLESS = 1        # seconds after which one is not waited for any longer


@dataclass
class Drive:
    """When a server was driven, by the clock of the trace, and how many requests that were."""
    begin: float
    end: float                         # the driver had ended, and the server was at rest
    requests: int | None               # None: nobody said


class Run:
    """Its trace file, its output, and how it ended. `options` are strace-compare's."""

    def __init__(self, command, library, options, trace_path):
        self.command, self.library, self.options = command, library, options
        self.trace_path = trace_path
        self.problem = None
        self.output = []
        self.ready = threading.Event()             # the ready line was seen, or output ended
        self.port = None
        self.drive = None

    def execute(self):
        environment = ["-E", f"LD_PRELOAD={self.preload()}" if self.preload() else "LD_PRELOAD"]
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-ttt", "-T", "-s", "0", "-o", str(self.trace_path), *environment,
             "--", *self.command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace")
        reader = threading.Thread(target=self.read_output, daemon=True)
        reader.start()
        try:
            if self.options.driver:
                self.run_driver()
            self.tracer.wait(self.options.timeout)
        except subprocess.TimeoutExpired:
            self.problem = f"did not end within {self.options.timeout} s"
        finally:
            self.end()
        reader.join(GRACE)
        return strace.parse(self.trace_lines())

    def preload(self):
        """The user's own list; libgreen.so first in it, or surely not in it."""
        others = re.split("[: ]+", os.environ.get("LD_PRELOAD", ""))
        others = [path for path in others if Path(path).name != "libgreen.so"]
        return ":".join(filter(None, [self.library, *others]))

    def read_output(self):
        pattern = re.compile(self.options.ready_regex)
        for line in self.tracer.stdout:
            self.output.append(line.rstrip("\n"))
            match = None if self.port is not None else pattern.search(line)
            if match:
                self.port = match.groupdict().get("port") or ""
                self.ready.set()
        self.ready.set()

    def said_by_library(self):
        return [line for line in self.output if line.startswith("libgreen: ")]

    # ---- a server ----------------------------------------------------------------------------

    def run_driver(self):
        if not self.ready.wait(self.options.timeout):
            raise subprocess.TimeoutExpired(self.command, self.options.timeout)
        if self.port is None:
            self.problem = "ended without the ready line"
            return
        driver = self.options.driver.replace("{port}", self.port)
        begin = time.time()
        with tempfile.TemporaryFile() as said:     # a file, as its end is not waited for
            done = subprocess.run(driver, shell=True, stdin=subprocess.DEVNULL, stdout=said,
                                  timeout=self.options.timeout)
            said.seek(0)
            requests = self.options.requests or self.count(said.read().decode(errors="replace"))
        if done.returncode != 0:
            self.problem = f"the driver failed with status {done.returncode}: {driver}"
        self.await_rest()
        self.drive = Drive(begin, time.time(), requests)
        self.signal(signal.SIGTERM)
        try:
            self.tracer.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.problem = self.problem or f"SIGTERM did not end it within {GRACE} s"
            self.signal(signal.SIGKILL)

    def count(self, said):
        """The requests that the driver says it made: the last group that matched."""
        found = re.search(self.options.requests_regex, said)
        numbers = [group for group in found.groups() if group] if found else []
        return int(numbers[-1]) or None if numbers and numbers[-1].isdecimal() else None

    def await_rest(self):
        """What the last request leaves to do (closing, a thread's end) belongs to the requests."""
        limit = time.monotonic() + RESTLESS
        size, since = -1, time.monotonic()
        while time.monotonic() < min(limit, since + REST) and self.tracer.poll() is None:
            now = self.trace_path.stat().st_size if self.trace_path.exists() else 0
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(REST / 10)

    def end(self):
        if self.tracer.poll() is None:
            self.signal(signal.SIGKILL)
            try:
                self.tracer.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.tracer.kill()
                self.tracer.wait()

    def signal(self, number):
        """To the program, not to strace: the program is the first process of the trace."""
        first = re.match(r"\d+", "".join(self.trace_lines()[:1]))
        if first:
            try:
                os.kill(int(first.group()), number)
            except ProcessLookupError:
                pass

    def trace_lines(self):
        if not self.trace_path.exists():           # strace itself failed
            return []
        return self.trace_path.read_text(errors="replace").splitlines()
