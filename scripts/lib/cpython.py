"""CPython's own tests, run natively and under libgreen, and compared test by test.

What the tests cpython, cpython_futures, cpython_io and cpython_io_long share. Debian's interpreter
runs the modules of its own version, so that a difference is the library's. CPython writes one XML
entry per test.
"""

import os
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree
from collections import Counter
from pathlib import Path

import realprog

PYTHON = "/usr/bin/python3"
PACKAGE = "libpython3.11-testsuite"
RUN = ["-m", "test"]
# The library starts with a program's first thread. Here there was one before the first test.
RUN_AFTER_THREAD = ["-c", """
import _thread
done = _thread.allocate_lock()
done.acquire()
_thread.start_new_thread(done.release, ())
done.acquire()
from test.libregrtest import main
main()
"""]
ABSENT = "no result"
RESULTS = {"failure": "FAIL", "error": "ERROR", "skipped": "skipped", "output": "expected failure",
           "outcome": "unexpected success"}
SHOWN = 25              # lines of output, for each complaint


class Run:
    """The tests of one module in one world, under way in a process group of their own."""

    def __init__(self, module, preload, directory, start, options):
        self.world = "under libgreen" if preload else "natively"
        directory.mkdir()
        self.log, self.xml = directory / "log", directory / "xml"
        command = [PYTHON, *start, "-v", "--fail-env-changed", "--tempdir", str(directory),
                   "--junit-xml", str(self.xml), *options]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*command, module], cwd=directory, process_group=0,
                                            env=environment(preload, directory),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.started = time.monotonic()
        self.hung = False

    def wait(self, seconds):
        try:
            self.process.wait(max(0, self.started + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.hung = True
            self.kill()

    def kill(self):
        """All of the group. The leader is not reaped yet, so the number is still its own."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ending(self):
        return "hung" if self.hung else f"exit status {self.process.returncode}"

    def output(self):
        return self.log.read_text(errors="backslashreplace")

    def results(self):
        """Test -> (result, what it had to say). CPython writes the file when all have ended."""
        if not self.xml.exists() or not self.xml.stat().st_size:
            return {}
        found = {}
        for case in xml.etree.ElementTree.parse(self.xml).iter("testcase"):
            result = next((RESULTS[part.tag] for part in case if part.tag in RESULTS), "ok")
            said = "\n".join(part.text or "" for part in case)
            name = case.get("name", "")         # none: a subtest failed, and the exit status shows it
            while name in found:                # doctests share one
                name += "'"
            if name:
                found[name] = result, said
        return found


def environment(preload, directory):
    variables = {name: value for name, value in realprog.environment(preload).items()
                 if not name.startswith("PYTHON")}
    return dict(variables, PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(directory))


def last_lines(text):
    return "".join(f"    {line}\n" for line in text.splitlines()[-SHOWN:])


def check_module(module, options):
    """The interpreter has the module."""
    done = subprocess.run([PYTHON, *RUN, "--list-cases", *options, module], text=True,
                          env=realprog.environment(preload=False), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=realprog.DEADLINE)
    if done.returncode != 0 or not done.stdout.split():
        raise realprog.Failure(f"{PYTHON} does not find {module} (Debian package {PACKAGE})")


def run_both(module, seconds, directory, start, options, at_once):
    runs = []
    try:
        for preload in (False, True):
            runs.append(Run(module, preload, directory / f"{module}-{len(runs)}", start, options))
            if not at_once:
                runs[-1].wait(seconds)
        for run in runs:
            run.wait(seconds)
    finally:
        for run in runs:
            run.kill()
    return runs


def compare(module, native, green):
    """Yields (what differs, the output that may explain it)."""
    if any(line.startswith("libgreen:") or "cannot be preloaded" in line
           for line in green.output().splitlines()):
        yield "the library was not loaded, or complained", green.output()
    for run in (native, green):
        if run.hung or not run.results():
            yield f"{module} {run.world}: {run.ending()}, no results", run.output()
            return
    before, after = native.results(), green.results()
    differing = 0
    for test in sorted(before.keys() | after.keys()):
        (expected, said), (seen, answer) = before.get(test, (ABSENT, "")), after.get(test, (ABSENT, ""))
        if expected != seen:
            differing += 1
            yield f"{test}: {seen}, natively {expected}", answer or said or green.output()
    if not differing and native.ending() != green.ending():
        yield f"{module}: {green.ending()}, natively {native.ending()}", green.output()


def check(modules, seconds, start=RUN, options=(), at_once=True):
    """The test. `seconds`: an upper bound for each module. `options`: for CPython's test runner.

    `at_once`: both worlds run side by side, which is quicker, or one after the other.
    """
    complaints = 0
    with tempfile.TemporaryDirectory() as directory:
        for module in modules:
            check_module(module, options)
            started = time.monotonic()
            native, green = run_both(module, seconds, Path(directory), start, options, at_once)
            differing = 0
            for what, output in compare(module, native, green):
                differing += 1
                print(f"{what}\n{last_lines(output)}", end="", flush=True)
            complaints += differing
            if not differing:
                counts = Counter(result for result, _ in green.results().values())
                print(f"{module}: the same natively: "
                      + ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
                      + f" ({time.monotonic() - started:.0f} s)", flush=True)
    if complaints:
        raise realprog.Failure(f"differences: {complaints}")
