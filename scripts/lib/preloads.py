"""libgreen beside another library in LD_PRELOAD: each program runs alone, with the other library alone, and
with both, in both orders, and must show the same each time.

With GREEN_LIB empty or unset only the first two are compared. Follows ld.so(8), LD_PRELOAD.
"""

import os
import subprocess
from pathlib import Path

import realprog

DIRECTORIES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
LIMIT = 20              # seconds for one run
TRUE_LINES = "libgreen: green threads start"


def library(file, package):
    """The path of a library of the system."""
    for directory in DIRECTORIES:
        if (path := Path(directory, file)).exists():
            return str(path)
    raise realprog.Failure(f"{file} is not installed (Debian package {package})")


def compile(source, *flags):
    """Compiles a file below c-tests/ into target/programs and returns the program's path."""
    source = realprog.ROOT / "c-tests" / source
    program = realprog.ROOT / "target" / "programs" / "-".join([source.stem, *(flag.strip("-") for flag in flags)])
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_name(f"{program.name}.{os.getpid()}")     # tests run side by side
    return compiled(source, unfinished, *flags).replace(program)


def compiled(source, program, *flags):
    """Compiles a C or C++ file; the flags may name libraries, so they come last."""
    compiler = realprog.need("g++" if Path(source).suffix == ".cc" else "gcc")
    command = [compiler, "-O1", "-g", "-Wall", "-Wextra", "-pthread", str(source), "-o", str(program), *flags]
    done = subprocess.run(command, env=realprog.environment(preload=False), capture_output=True, text=True)
    if done.returncode != 0:
        raise realprog.Failure(f"{source} does not compile:\n{done.stderr}")
    return program


def orders(other):
    """Pairs: what to call it, and what LD_PRELOAD holds."""
    green = realprog.LIBRARY
    both = [(f"{Path(other).name}:libgreen", f"{other}:{green}"),
            (f"libgreen:{Path(other).name}", f"{green}:{other}")]
    return both if green else []


def run(command, preload="", limit=LIMIT, stdin="", **variables):
    """Runs to the end; answers how it ended, and what it wrote: (status, stdout, stderr)."""
    environment = realprog.environment(preload=False)
    environment.update(variables, LC_ALL="C")
    if preload:
        environment["LD_PRELOAD"] = preload
    with subprocess.Popen([str(part) for part in command], env=environment, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            return "does not end", stdout, stderr
    return process.returncode, stdout, stderr


def check_loaded(what, stderr, green):
    """Everything in LD_PRELOAD was loaded, and libgreen ran the program green and complained of nothing."""
    lines = stderr.splitlines()
    if any("cannot be preloaded" in line for line in lines):
        raise realprog.Failure(f"{what}: not loaded\n{stderr}")
    if green and not any(line.startswith(TRUE_LINES) for line in lines):
        raise realprog.Failure(f"{what}: it did not run green\n{stderr}")


def expect(what, found, wanted, stderr=""):
    if found != wanted:
        raise realprog.Failure(f"{what}: {found!r}, not {wanted!r}\n{stderr[-4000:]}")


def compare(other, program, *arguments, alone=True, stdin="", **variables):
    """The program's results are the same in all four ways; `alone`: the first of them counts, too."""
    command = [program, *arguments]
    name = Path(program).name
    with_other = run(command, other, stdin=stdin, **variables)
    check_loaded(name, with_other[2], green=False)
    expect(f"{name} with {Path(other).name} alone, status", with_other[0], 0, with_other[2])
    if alone:
        native = run(command, stdin=stdin, **variables)
        expect(f"{name} with {Path(other).name} alone", with_other[:2], native[:2], with_other[2])
    for order, preload in orders(other):
        both = run(command, preload, stdin=stdin, GREEN_VERBOSE="1", **variables)
        expect(f"{name} with {order}", both[:2], with_other[:2], both[2])
        check_loaded(f"{name} with {order}", both[2], green=True)
    print(f"{name}: the same in all orders")


def compare_server(other, script="microsocks"):
    """A test with a real server passes with both libraries, in both orders."""
    for order, preload in orders(other):
        environment = realprog.environment(preload=False)
        environment["GREEN_LIB"] = preload
        done = subprocess.run([realprog.ROOT / "scripts" / "tests" / script], env=environment,
                              capture_output=True, text=True, timeout=3 * LIMIT)
        expect(f"{script} with {order}", done.returncode, 0, done.stdout + done.stderr)
        print(f"{script} with {order}: passes")


# What an allocator must carry: many threads that allocate, signals, forks, thousands of threads, unwinding.
ALLOCATING = ["programs/heap.c", "fork_from_thread.c", "thread_many.c", "keys.c", "cxx_thread_local.cc",
              "cxx_exceptions.cc"]


def compare_allocator(other):
    for source in ALLOCATING:
        compare(other, compile(source))
    compare_server(other)
