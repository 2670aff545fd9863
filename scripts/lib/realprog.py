"""What the tests in scripts/tests share: programs that run under libgreen, and all that does not.

GREEN_LIB names the library; empty or unset, everything runs natively. Servers listen on loopback,
on ports that were free a moment ago, and are ended by their own pid. Follows ld.so(8), proc(5).
"""

import http.server
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import trapped

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARY = os.environ.get("GREEN_LIB", "")
DEADLINE = 60           # seconds: an upper bound, nothing is ever expected to take so long


class Failure(Exception):
    """The test fails, for the reason given."""


def run(test):
    """Runs the test; its exit status is the verdict."""
    try:
        test()
    except Failure as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)


def need(program, package=None):
    """The path of a program that the test cannot do without."""
    path = shutil.which(program)
    if not path:
        raise Failure(f"{program} is not installed (Debian package {package or program})")
    return path


def environment(preload):
    """Our environment, with libgreen preloaded or surely not."""
    variables = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if preload and LIBRARY:
        variables["LD_PRELOAD"] = LIBRARY
    return variables


def pattern(size, seed=1):
    """Bytes in which a lost, doubled or exchanged block shows."""
    return random.Random(seed).randbytes(size)


def build(name, *flags):
    """Compiles c-tests/programs/NAME.c into target/programs and returns the program's path."""
    program = ROOT / "target" / "programs" / "-".join([name, *(flag.strip("-") for flag in flags)])
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_name(f"{program.name}.{os.getpid()}")     # tests run side by side
    compiler = subprocess.run(
        [need("gcc"), "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", *flags,
         str(ROOT / "c-tests" / "programs" / f"{name}.c"), "-o", str(unfinished)],
        env=environment(preload=False), capture_output=True, text=True)
    if compiler.returncode != 0:
        raise Failure(f"{name}.c does not compile:\n{compiler.stderr}")
    unfinished.replace(program)
    return program


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- servers under test ----------------------------------------------------------------------

class Server:
    """A program in the foreground, preloaded when GREEN_LIB is set. Use it with `with`."""

    def __init__(self, command, log):
        self.command, self.log = command, Path(log)

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, env=environment(preload=True),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            print(f"--- {self.command[0]}, {self.state()}, its log ends so:")
            print("\n".join(self.log.read_text(errors="replace").splitlines()[-20:]))
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                if error is None:
                    raise Failure(f"{self.command[0]} did not end within 5 s of SIGTERM")
        name = Path(self.command[0]).name
        unexplained = trapped.unexplained(name, self.log.read_text(errors="replace"))
        if error is None and unexplained:
            raise Failure(f"{name}: nothing explains (scripts/lib/trapped.txt)\n" + "\n".join(unexplained))

    def state(self):
        status = self.process.poll()
        return "still running" if status is None else f"ended with {status}"

    def wait_for_port(self, port):
        """Returns once the server accepts connections; and checks that it is preloaded."""
        self.wait_for(lambda: accepts(port), f"nobody listens on port {port}")
        self.check_preloaded()

    def wait_for(self, condition, complaint):
        """Asks until the condition has a true value, and returns that."""
        limit = time.monotonic() + DEADLINE
        while not (value := condition()):
            if self.process.poll() is not None:
                raise Failure(f"{complaint}: the server {self.state()}")
            if time.monotonic() > limit:
                raise Failure(f"{complaint} after {DEADLINE} s")
            time.sleep(0.02)
        return value

    def check_preloaded(self):
        if LIBRARY and "libgreen" not in Path(f"/proc/{self.pid}/maps").read_text():
            raise Failure(f"{LIBRARY} is not mapped in {self.command[0]}")

    def kernel_threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
        return True
    except OSError:
        return False


# ---- what stands behind a proxy, natively ----------------------------------------------------

class FileServer:
    """Serves the same bytes to every GET, once `together` requests have arrived.

    So that many requests really are under way at once, whatever the machine is busy with.
    """

    def __init__(self, content, together):
        barrier = threading.Barrier(together)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    barrier.wait(DEADLINE)
                except threading.BrokenBarrierError:
                    self.send_error(503, f"fewer than {together} requests at once")
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 256

        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.port = self.listener.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.listener.shutdown()
        self.listener.server_close()


def check_downloads(count, content, arguments, directory):
    """`count` curls at the same time; every one must bring the content home."""
    curl = need("curl")
    files = [Path(directory) / f"download-{number}" for number in range(count)]
    curls = [subprocess.Popen([curl, "--silent", "--show-error", "--fail", "--noproxy", "",
                               "--max-time", str(DEADLINE), "--output", str(file), *arguments],
                              env=environment(preload=False), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
             for file in files]
    failures = []
    for process, file in zip(curls, files):
        output, _ = process.communicate(timeout=2 * DEADLINE)
        if process.returncode != 0:
            failures.append(output.strip())
        elif file.read_bytes() != content:
            failures.append(f"{file.name} differs from what was served")
    if failures:
        raise Failure(f"{len(failures)} of {count} downloads: {failures[0]}")
    print(f"{count} concurrent downloads of {len(content)} bytes, all intact")


# ---- clients ---------------------------------------------------------------------------------

def at_once(count, client):
    """Runs client(number, barrier) in `count` threads; the barrier is theirs to meet at."""
    barrier = threading.Barrier(count)
    errors = []

    def body(number):
        try:
            client(number, barrier)
        except Exception as error:
            errors.append(f"client {number}: {error!r}")
            barrier.abort()

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise Failure(f"{len(errors)} of {count} clients failed, first {errors[0]}")
