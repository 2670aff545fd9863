"""The server of the demo, c-tests/legacy/legacy_server.c, and a load for it, for tests under strace."""

import os
import shlex
import subprocess

import realprog

SERVER = realprog.ROOT / "target" / "c-tests" / "legacy" / "legacy_server"
SOURCE = realprog.ROOT / "c-tests" / "legacy" / "legacy_server.c"
SIZES = (0, 100, 4096, 100000)          # of the files


def server():
    """Its path; it is compiled if it is not there."""
    if SERVER.exists():
        return SERVER
    SERVER.parent.mkdir(parents=True, exist_ok=True)
    unfinished = SERVER.with_name(f"{SERVER.name}.{os.getpid()}")
    subprocess.run([realprog.need("gcc"), "-O2", "-Wall", "-Wextra", "-pthread", SOURCE,
                    "-o", unfinished], check=True)
    unfinished.replace(SERVER)
    return SERVER


def driver(docroot, connections, *options):
    """Files in the docroot, and the shell command that asks for them, /fsync, /dns and /sleep."""
    for size in SIZES:
        (docroot / f"{size}.bin").write_bytes(realprog.pattern(size))
    drive = shlex.join([str(realprog.ROOT / "scripts" / "drive"), "--docroot", str(docroot),
                        "--connections", str(connections), "--requests", "5", *options])
    return drive + " --port {port}"
