"""The worker's process: warm, clean, and never told what it runs.

It forks a pair of children for each test and hands them their sockets. Neither program nor test ever passes through its
memory, so no child can find another's there.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

from octo.sandbox.inside.candidate import be_candidate
from octo.sandbox.inside.confinement import Confinement
from octo.sandbox.inside.judge import be_judge

NOT_CONFINED = 86
"""Exit code of a child that could not be confined, and so has run nothing."""
LOOK_SECONDS = 0.1
"""Between two looks at the disk."""
WARM = (
    "bisect", "collections", "copy", "ctypes", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "hashlib", "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics", "string", "typing",
)  # fmt: skip
"""What programs commonly import."""


def main() -> None:
    """Serve tests one after the other until the control socket closes. The arguments are descriptors and settings."""
    settings = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=settings["control"])
    confinement = Confinement(settings["ruleset"], settings["filter"])
    confinement.prepare()
    for name in (*WARM, *settings["packages"]):
        import_module(name)
    os.chdir(settings["directory"])
    os.environ.clear()
    gc.collect()
    gc.freeze()
    while message := _receive(control):
        request, descriptors = message
        reply = _run(request, descriptors, confinement, control)
        control.sendall(json.dumps(reply).encode() + b"\n")


def _run(
    request: dict[str, Any], descriptors: list[int], confinement: Confinement, control: socket.socket
) -> dict[str, Any]:
    """Run one test. The descriptors are where the judge is spoken to and, for a program, where its output goes."""
    judge, program = socket.socketpair() if request["program"] else (None, None)
    ended, ending = os.pipe()
    children = []
    try:
        if program:
            be = partial(be_candidate, program, largest=request["largest"])
            children.append(_fork(be, [program.fileno()], descriptors[1], request, confinement))
        asked = socket.socket(fileno=os.dup(descriptors[0]))
        kept = [asked.fileno(), ending, *([judge.fileno()] if judge else [])]
        children.append(
            _fork(partial(be_judge, asked, judge, largest=request["largest"]), kept, None, request, confinement)
        )
        asked.close()
    finally:
        for each in (judge, program):
            if each:
                each.close()
        for descriptor in (*descriptors, ending):
            os.close(descriptor)
    try:
        stopped = _wait(ended, control, request)
    finally:
        os.close(ended)
        statuses = [_end(child) for child in children]
        _empty()
    return {"stopped": stopped, "statuses": statuses}


def _fork(
    be: Callable[[], None], kept: list[int], output: int | None, request: dict[str, Any], confinement: Confinement
) -> int:
    """A confined child that does one thing and ends."""
    child = os.fork()
    if child:
        with suppress(OSError):
            os.setpgid(child, child)
        return child
    code = NOT_CONFINED
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        confinement.enter(request["limits"])
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor, source in enumerate((null, *((null if output is None else output,) * 2))):
            os.dup2(source, descriptor)
        _close_all_but([0, 1, 2, *kept])
        code = 1
        be()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        print(f"octo: a child of the sandbox: {error!r}", file=sys.stderr, flush=True)
    finally:
        # Nothing that a program has registered for its end is run.
        os._exit(code & 0xFF)


def _close_all_but(kept: list[int]) -> None:
    first = 0
    for descriptor in sorted(kept):
        # An empty range from 0 closes everything.
        if descriptor > first:
            os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 1 << 16)


def _wait(ended: int, control: socket.socket, request: dict[str, Any]) -> str:
    """Wait for the end of the judge, who alone holds the other end of `ended`; why it was stopped before, if it was."""
    deadline = time.monotonic() + request["wall_seconds"]
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(control, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in waiting.poll(1000 * min(left, LOOK_SECONDS)):
            return "" if descriptor == ended else "given up"
        if request["program"] and _too_much(request["disk_bytes"], request["num_files"]):
            return "disk"
    return "wall"


def _too_much(disk_bytes: int, num_files: int) -> bool:
    """Whether more lies in the working directory than is allowed, without looking at more than that."""
    folders = [b"."]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                num_files -= 1
                disk_bytes -= entry.stat(follow_symlinks=False).st_blocks * 512
                if num_files < 0 or disk_bytes < 0:
                    return True
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return False


def _end(child: int) -> dict[str, Any]:
    """Kill a child and whatever it has started; how it ended."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "cpu_seconds": usage.ru_utime + usage.ru_stime}


def _empty() -> None:
    """Remove what was left in the working directory. What lies deep is moved up first: no path grows too long."""
    moved = 0
    while names := os.listdir(b"."):
        for name in names:
            try:
                os.unlink(name)
            except OSError:
                os.chmod(name, 0o700)
                for inner in os.listdir(name):
                    moved += 1
                    os.rename(os.path.join(name, inner), f"{time.monotonic_ns()}-{moved}")
                os.rmdir(name)


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next request and its descriptors; None when nobody is there any more."""
    content, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 4)
    return (json.loads(content), list(descriptors)) if content else None
