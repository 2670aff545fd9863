"""What scripts/bench measures: each case is one program, or a server and its load, in several worlds.

A case's function measures it once in one world and returns {row: (value, unit)}. The rows have the same
names in all worlds. Counts are pairs: the full run's, and that of --quick. Follows wrk(1), taskset(1),
posix_spawn(3).
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from bench_worlds import BUILT, Failed, Late, LeftOut, environment, first_line, parse, run, server

BYTES_A_THREAD = 16 << 10       # with 64 KiB stacks, to be on the safe side
LEFT_FREE = 0.25                # of the memory that is available
SPARE_DESCRIPTORS = 200


class Case:
    """`measure(world, library)`; `command(world, count)` if instructions can be counted, per `count`."""

    def __init__(self, title, worlds, measure, count=0, command=None):
        self.title, self.worlds, self.measure = title, worlds, measure
        self.count, self.command = count, command


# ---- programs --------------------------------------------------------------------------------

ANCHOR_PROGRAMS = {"go": "go_threads", "st": "st_threads", "fiber": "fiber_threads"}


def command_of(world, name, *arguments):
    """The same bench in this world. Anchors have no use for arguments about stacks."""
    if world == "raw":
        return [BUILT / f"raw_{name}", *arguments[:2]]
    if world in ANCHOR_PROGRAMS:
        return [BUILT / ANCHOR_PROGRAMS[world], name, *arguments[:2]]
    return [BUILT / name, *arguments]


def check_memory(threads):
    """Whether so many stacks of 64 KiB can be in use."""
    available = int(re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())[1]) << 10
    most = int(available * (1 - LEFT_FREE)) // BYTES_A_THREAD
    if threads > most:
        raise LeftOut(f"available memory allows {most:,} threads")


def program(title, anchors, name, count, *arguments, threads=0, counted=False, prefix=""):
    def command(world, count):
        return command_of(world, name, count, *arguments)

    def measure(world, library):
        check_memory(threads)
        values = parse(run(command(world, count), library))
        return {prefix + row: value for row, value in values.items()}

    worlds = ["native", "green", *anchors.split()]
    return Case(title, worlds, measure, count, command if counted else None)


def fairness(what, *arguments):
    """How computing threads share the core with others, with slices of the default length."""
    def measure(world, library):
        return parse(run([BUILT / "fair", *arguments], library))
    return Case(f"fairness {what}", ["native", "green"], measure)


# ---- servers ---------------------------------------------------------------------------------

ECHO = {"go": ["go_servers", "echo"], "st": ["st_echo"], "epoll": ["echo_epoll"]}
HTTP = {"go": ["go_servers", "http"], "epoll": ["http_epoll"]}


def server_command(world, anchors, name, descriptors):
    command = anchors.get(world, [name])
    return [BUILT / command[0], *(command[1:] or [descriptors])]


def echo(active, milliseconds, idle, client_core):
    descriptors = active + idle + SPARE_DESCRIPTORS

    def measure(world, library):
        with server(server_command(world, ECHO, "echo_server", descriptors), library) as peer:
            return parse(run([BUILT / "echo_client", peer.port, active, milliseconds, idle],
                             core=client_core))
    beside = f" and {idle} idle" if idle else ""
    return Case(f"echo {active}{beside}", ["native", "green", "epoll", "go", "st"], measure)


def echo_memory(connections, client_core):
    """What the server takes for a connection; the sockets, which are the same for all, are not counted."""
    def measure(world, library):
        with server(server_command(world, ECHO, "echo_server", connections + SPARE_DESCRIPTORS),
                    library) as peer:
            before = peer.memory()
            client = subprocess.Popen(["taskset", "-c", str(client_core), BUILT / "echo_client", peer.port,
                                       str(connections), "0"], env=environment(), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            with client:
                try:
                    if first_line(client) != "connected":
                        raise Failed("the client did not get all connections")
                    after = peer.memory()
                finally:
                    client.kill()
        grown = {what: (after[what] - before[what]) * 1024 / connections for what in after}
        grown["total"] = sum(grown.values())
        return {f"memory_echo_{what}": (value, "B/thread") for what, value in grown.items()}
    return Case("memory echo", ["native", "green", "epoll", "go", "st"], measure)


SECONDS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}


def parse_wrk(output):
    """wrk's requests per second and 99th percentile, in microseconds."""
    if trouble := re.search(r"(Socket errors|Non-2xx).*", output):
        raise Failed(f"wrk: {trouble[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    slowest = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$", output, re.MULTILINE)
    if rate and float(rate[1]) == 0:
        raise Late("wrk had no answer in its time")
    if not rate or not slowest:
        raise Failed(f"wrk: {output.strip()[-300:]}")
    return float(rate[1]), float(slowest[1]) * SECONDS[slowest[2]]


def http(connections, seconds, client_core):
    def measure(world, library):
        if not shutil.which("wrk"):
            raise LeftOut("wrk is not installed (Debian package wrk)")
        with server(server_command(world, HTTP, "http_server", connections + SPARE_DESCRIPTORS),
                    library) as peer:
            rate, slowest = parse_wrk(run(
                ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency",
                 f"http://127.0.0.1:{peer.port}/"], core=client_core))
        return {f"http_{connections}_requests": (rate, "req/s"), f"http_{connections}_p99": (slowest, "us")}
    return Case(f"http {connections}", ["native", "green", "epoll", "go"], measure)


# ---- start of a process ----------------------------------------------------------------------

def startup(count, row, command):
    def measure(world, library):
        variables = environment(library)
        path = shutil.which(command[0])
        begin = time.perf_counter()
        for _ in range(count):
            child = os.posix_spawn(path, command, variables)
            if os.waitpid(child, 0)[1] != 0:
                raise Failed(f"{path} failed")
        return {row: ((time.perf_counter() - begin) / count * 1e6, "us")}
    return Case(f"start {command[0]}", ["native", "green"], measure)


# ---- all of them -----------------------------------------------------------------------------

def ordinary(quick, client_core):
    def pick(full, small):
        return small if quick else full

    count = pick(1_000_000, 50_000)
    handoffs = pick(200_000, 20_000)
    yield program("switch 8", "go st fiber raw", "switch", count, 8, counted=True)
    yield program("switch 1000", "go st fiber raw", "switch", count, 1_000)
    crowd = pick(100_000, 10_000)
    yield program(f"switch {crowd}", "go st fiber raw", "switch", pick(2_000_000, 100_000), crowd, 64,
                  threads=crowd)
    yield program("cond_handoff", "go st fiber", "cond_handoff", handoffs, counted=True)
    yield program("sem_handoff", "go", "sem_handoff", handoffs, counted=True)
    yield program("pipe_handoff", "go st", "pipe_handoff", handoffs, counted=True)

    yield program("create_join", "go st fiber", "create_join", pick(20_000, 4_000), counted=True)
    yield program("create_many", "go st fiber", "create_many", pick(10_000, 2_000))
    yield program("sleepers", "go", "sleepers", pick(1_000_000, 5_000), threads=pick(1_000_000, 5_000))

    yield program("mutex_free", "go fiber", "mutex_free", pick(20_000_000, 2_000_000), counted=True)
    yield program("mutex_many", "go", "mutex_many", pick(500_000, 20_000), 1_000)
    yield program("broadcast", "go st fiber", "broadcast", pick(200_000, 10_000), 1_000)

    yield fairness("compute", "compute", pick(1_000, 250))
    yield fairness("ticks", "ticks", 4, 100, pick(2_000, 300))
    for kind in ("malloc", "memcpy", "strlen"):
        yield fairness(kind, "share", kind, pick(2_000, 250))

    for kind in ("pipe", "socketpair", "pread", "poll"):
        yield program(f"ready {kind}", "", "io_ready", pick(200_000, 20_000), kind, counted=True)
    yield program("timed_wait", "go st fiber", "timed_wait", handoffs)

    for connections in pick((10, 100, 1_000, 5_000, 19_000), (100, 1_000)):
        # So that each connection gets an answer or two, with many of them.
        yield echo(connections, pick(1_000 + connections // 10, 150), 0, client_core)
    yield echo(100, pick(1_000, 150), pick(4_000, 400), client_core)
    yield http(pick(1_000, 200), pick(3, 1), client_core)

    waiting = pick(5_000, 1_000)
    yield program("memory read", "go st", "memory", waiting, "read")
    yield program("memory sleep", "go st", "memory", waiting, "sleep")
    yield program("memory read 64k", "", "memory", waiting, "read", 64)
    yield echo_memory(pick(4_000, 500), client_core)

    yield startup(pick(300, 40), "start_true", ["true"])
    yield startup(pick(300, 40), "start_bash", ["bash", "-c", ":"])


def scale(quick):
    """The same four measures with 10 to 1,000,000 threads, with stacks of 64 KiB."""
    threads = 10
    while threads <= (10_000 if quick else 1_000_000):
        more = {"threads": threads, "prefix": "scale_"}
        yield program(f"scale switch {threads}", "go st fiber raw", "switch", max(3 * threads, 300_000),
                      threads, 64, **more)
        yield program(f"scale create {threads}", "go st fiber", "create_many", threads, 64, **more)
        yield program(f"scale mutex {threads}", "go", "mutex_many", max(2 * threads, 200_000), threads, 64,
                      **more)
        yield program(f"scale timed {threads}", "", "timed_ring", max(2 * threads, 100_000), threads, 64,
                      **more)
        threads *= 10
