"""The worlds that scripts/bench compares, their programs, and how one of them is run.

Native and green are the same binaries, made from c-tests/bench. The others are anchors, made from
scripts/bench.d: what is not installed is left out, with the reason. A program prints lines "name value
unit"; with status 3 it says on standard error what this machine cannot hold. Follows ld.so(8)
(LD_PRELOAD), taskset(1), proc(5).
"""

import contextlib
import hashlib
import os
import platform
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "c-tests" / "bench"
ANCHORS = ROOT / "scripts" / "bench.d"
BUILT = ROOT / "target" / "bench"
FLAGS = ["-O2", "-Wall", "-Wextra", "-pthread"]
TITLES = {"native": "native", "green": "libgreen", "go": "Go", "st": "State Threads", "fiber": "boost.fiber",
          "epoll": "epoll C", "raw": "raw switch"}
TIMEOUT = 300                   # seconds for one program; the usual is one
LEFT_OUT = 3                    # exit status: this machine cannot hold so much


class Failed(Exception):
    """A bench gave no numbers, for the reason given."""


class LeftOut(Exception):
    """This cannot be measured here, for the reason given."""


class Late(LeftOut):
    """There was no number in time; another round may give one."""


# ---- where and when --------------------------------------------------------------------------

def the_library():
    return Path(os.environ.get("GREEN_LIB") or ROOT / "target" / "release" / "libgreen.so").absolute()


def described_library(path):
    content = path.read_bytes()
    return {"path": str(path), "size": len(content), "sha256": hashlib.sha256(content).hexdigest()[:12]}


def circumstances(library):
    """What must be known of a machine, and the library if there is one, to judge a result."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    kernel = platform.release().partition("-")[0]
    return {"machine": f"{model}, {os.cpu_count()} CPUs, Linux {kernel}, {os.confstr('CS_GNU_LIBC_VERSION')}",
            "date": time.strftime("%Y-%m-%d"), "load": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
            "library": described_library(library) if library else None}


# ---- build -----------------------------------------------------------------------------------

def is_stale(target, sources):
    return not target.exists() or any(target.stat().st_mtime < file.stat().st_mtime for file in sources)


def make(target, compiler, inputs, sources, **variables):
    """Runs the compiler if a source is newer. What it says when it fails is the reason."""
    if not is_stale(target, sources):
        return
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")       # benches may run side by side
    done = subprocess.run([*map(str, [*compiler, "-o", unfinished, *inputs])], env=environment() | variables,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{target.name} does not compile:\n{done.stderr.strip()}")
    unfinished.replace(target)


def make_c(source, *libraries, compiler="gcc"):
    headers = [*SOURCES.glob("*.h"), *ANCHORS.glob("*.h"), *(ROOT / "c-tests" / "lib").glob("*.h")]
    make(BUILT / source.stem, [compiler, *FLAGS, f"-I{SOURCES}"], [source, *libraries], [source, *headers])


def preprocessed(text, compiler):
    """The last line of what the preprocessor makes of this text; None when it fails."""
    if not shutil.which(compiler):
        return None
    done = subprocess.run([compiler, "-E", "-P", "-x", "c" if compiler == "gcc" else "c++", "-"],
                          input=text, capture_output=True, text=True)
    return done.stdout.strip().rpartition("\n")[2] if done.returncode == 0 else None


def build_go():
    if not shutil.which("go"):
        raise LeftOut("go is not installed (Debian package golang)")
    for name in ("go_threads", "go_servers"):
        sources = sorted((ANCHORS / name).glob("*.go"))
        # The compiler's cache is ours, so that no home directory is needed.
        make(BUILT / name, ["go", "build"], sources, sources, GO111MODULE="off", GOFLAGS="",
             GOCACHE=str(BUILT / "go-cache"))
    return subprocess.run(["go", "version"], capture_output=True, text=True).stdout.split()[2]


def build_st():
    if preprocessed("#if !__has_include(<st.h>)\n#error\n#endif\n", "gcc") is None:
        raise LeftOut("State Threads is not installed (Debian package libst-dev)")
    make_c(ANCHORS / "st_threads.c", "-lst")
    make_c(ANCHORS / "st_echo.c", "-lst")
    if not shutil.which("pkg-config"):
        return "version unknown, with poll"
    version = subprocess.run(["pkg-config", "--modversion", "st"], capture_output=True, text=True).stdout
    return f"{version.strip()}, with poll"


def build_fiber():
    version = preprocessed("#if !__has_include(<boost/fiber/all.hpp>)\n#error\n#endif\n"
                           "#include <boost/version.hpp>\nBOOST_LIB_VERSION\n", "g++")
    if version is None:
        raise LeftOut("boost.fiber is not installed (Debian packages libboost-fiber-dev, g++)")
    make_c(ANCHORS / "fiber_threads.cc", "-lboost_fiber", "-lboost_context", compiler="g++")
    return version.strip('"').replace("_", ".")


def build_epoll():
    for name in ("echo_epoll", "http_epoll"):
        make_c(ANCHORS / f"{name}.c")
    return "ours"


def build_raw():
    make_c(ANCHORS / "raw_switch.c")
    return "ours"


def build(wanted):
    """Builds all that these worlds need. Returns {world: version} and {world: why it is left out}."""
    BUILT.mkdir(parents=True, exist_ok=True)
    if not shutil.which("gcc"):
        raise Failed("gcc is not installed")
    for source in sorted(SOURCES.glob("*.c")):
        make_c(source)
    versions, left_out = {}, {}
    for world, builder in {"go": build_go, "st": build_st, "fiber": build_fiber, "epoll": build_epoll,
                           "raw": build_raw}.items():
        if world in wanted:
            try:
                versions[world] = builder()
            except LeftOut as reason:
                left_out[world] = str(reason)
    return versions, left_out


# ---- run -------------------------------------------------------------------------------------

def environment(library=None):
    variables = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    variables["GOMAXPROCS"] = "1"
    if library:
        variables["LD_PRELOAD"] = str(library)
    return variables


def parse(output):
    """{name: (value, unit)} of lines "name value unit"."""
    values = {}
    for line in output.splitlines():
        name, value, unit = line.split()
        values[name] = (float(value), unit)
    return values


def judge(status, errors, library):
    """Whether a program that has ended did what it should have."""
    errors = errors.strip()
    if status == LEFT_OUT:
        raise LeftOut(errors)
    if status != 0:
        raise Failed(f"ended with {status}: {errors[-300:]}")
    check_green(errors, library)


def check_green(errors, library):
    """A line of the library, or of ld.so, says that the program ran natively."""
    if library and re.search(r"^libgreen:|ld\.so:", errors, re.MULTILINE):
        raise Failed(f"not green: {errors.strip()[-300:]}")


def run(command, library=None, core=None):
    """Runs a program to its end and returns its output."""
    prefix = ["taskset", "-c", str(core)] if core is not None else []
    try:
        done = subprocess.run([*prefix, *map(str, command)], env=environment(library),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise Failed(f"did not end within {TIMEOUT} s") from None
    judge(done.returncode, done.stderr, library)
    return done.stdout


class Server:
    """A server that runs, and the port it listens on."""

    def __init__(self, process, port):
        self.process, self.port = process, port

    def memory(self):
        """KiB of resident memory, page tables and kernel stacks, 16 KiB for each kernel thread."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        rss, tables, threads = (int(re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE)[1])
                                for key in ("VmRSS", "VmPTE", "Threads"))
        return {"rss": rss, "page_tables": tables, "kernel_stacks": 16 * threads}


def first_line(process):
    if not select.select([process.stdout], [], [], TIMEOUT)[0]:
        raise Failed(f"no line within {TIMEOUT} s")
    return process.stdout.readline().strip()


@contextlib.contextmanager
def server(command, library):
    """Starts a server of any world on our core; ends it. If it ended by itself, that is the reason of all trouble."""
    errors = os.memfd_create("errors")
    process = subprocess.Popen([*map(str, command)], env=environment(library), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=errors, text=True)

    def look_at_errors(patience):
        text = os.pread(errors, 1 << 16, 0).decode(errors="replace")
        check_green(text, library)
        with contextlib.suppress(subprocess.TimeoutExpired):
            judge(process.wait(patience) or "status 0", f"the server: {text}", library)

    try:
        port = first_line(process).rpartition(":")[2]
        if not port:
            raise Failed("the server did not get ready")
        yield Server(process, port)
        look_at_errors(0)
    except Failed:
        look_at_errors(1)
        raise
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(errors)
