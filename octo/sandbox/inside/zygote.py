"""The worker's process: warm, clean, and never told what it runs. Not to be imported: it is started.

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
from contextlib import ExitStack, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from octo.sandbox.inside.candidate import be_candidate
from octo.sandbox.inside.confinement import Confinement
from octo.sandbox.inside.directory import FULL_BYTES, empty, free, too_much
from octo.sandbox.inside.judge import be_judge
from octo.sandbox.inside.output import Output
from octo.sandbox.inside.practice import practise

LONGEST_WORDS = 500
CLEANING_SECONDS = 3.0
"""A directory that cannot be emptied in that time is not used again."""
LOOK_SECONDS = 0.1
"""Between two looks at the disk."""
WARM = (
    "bisect", "collections", "copy", "ctypes", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "hashlib", "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics", "string", "typing",
)  # fmt: skip
"""What programs commonly import."""


def main() -> None:
    """Serve tests one after the other until nobody holds the other end of the control socket."""
    settings = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=settings["control"])
    confinement = Confinement(settings["ruleset"], settings["filter"])
    confinement.prepare()
    sys.path.extend(settings["paths"])
    for name in (*WARM, *settings["packages"]):
        import_module(name)
    if settings["numpy"]:
        sys.path.append(settings["numpy"])
        import_module("numpy")
        # What else is there is not for programs.
        sys.path.pop()
    practise()
    os.chdir(settings["directory"])
    os.environ.clear()
    del sys.argv[1:]
    gc.collect()
    gc.freeze()
    # Nothing here lies in circles; each child has a collector of its own, which begins anew.
    gc.disable()
    try:
        while message := _receive(control):
            reply = _run(*message, confinement, control)
            control.sendall(json.dumps(reply).encode() + b"\n")
    except BrokenPipeError:
        pass  # Nobody is there to be answered.
    except OSError as error:
        _say(f"a worker of the sandbox ends: {error}")


def _run(
    request: dict[str, Any], descriptors: list[int], confinement: Confinement, control: socket.socket
) -> dict[str, Any]:
    """Run one test. The descriptors are where the judge is spoken to, and where the program's output goes."""
    started, room = time.monotonic(), free()
    ended, ending = os.pipe()
    confined, confining = os.pipe()
    output = Output(descriptors[1], kept=request["kept"])
    with ExitStack() as passed:
        for descriptor in (descriptors[0], ending, confining):
            passed.callback(os.close, descriptor)
        passed.callback(output.given_away)
        fork = partial(_fork, limits=request["limits"], confinement=confinement, confining=confining)
        asked = passed.enter_context(socket.socket(fileno=os.dup(descriptors[0])))
        children = []
        judge = None
        if request["program"]:
            judge, program = (passed.enter_context(end) for end in socket.socketpair())
            be_program = partial(be_candidate, program, largest=request["largest"])
            children.append(fork(be_program, kept=[program.fileno()], output=output.writing))
        kept = [asked.fileno(), ending, *([judge.fileno()] if judge else [])]
        children.append(fork(partial(be_judge, asked, judge, largest=request["largest"]), kept=kept))
    try:
        stopped = _wait(ended, control, partial(_seen, request, room), output, seconds=request["wall_seconds"])
        if stopped:
            # Until they are killed they would go on to fill the disk, and nobody would know who had.
            for child in children:
                _halt(child)
        # While they live: what has no name any more takes room until they end.
        stopped, left = stopped or _seen(request, room), free()
    finally:
        seconds = time.monotonic() - started
        statuses = [_end(child) for child in children]
        # Nobody is left to write: what is there are the children's words, one byte each.
        num_confined = len(os.read(confined, len(children) + 1))
        output.close()
        for descriptor in (descriptors[1], ended, confined):
            os.close(descriptor)
    # Whoever ended before the last look has left what it has left: the verdict must not depend on when it was.
    stopped = _seen(request, room) or stopped
    removed = empty(".", seconds=CLEANING_SECONDS)
    return {
        "stopped": stopped,
        "statuses": statuses,
        "seconds": seconds,
        # Bytes of the disk that were free at the start, and at the end, and that the pair held then, hidden ones too.
        "disk": {"room": room, "left": left, "held": free() - left},
        "confined": num_confined == len(children),
        # Some file systems never make a folder smaller again, which would tell the next program of this one.
        "worn": not removed or Path().stat().st_size != request["folder_bytes"],
    }


def _fork(
    be: Callable[[], None],
    *,
    kept: list[int],
    output: int | None = None,
    limits: dict[str, int],
    confinement: Confinement,
    confining: int,
) -> int:
    """A confined child that does one thing and ends. It says that it is confined before it runs anything."""
    child = os.fork()
    if child:
        with suppress(OSError):
            os.setpgid(child, child)
        return child
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        confinement.enter(limits)
        os.write(confining, b".")
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor, source in enumerate((null, *((null if output is None else output,) * 2))):
            os.dup2(source, descriptor)
        _close_all_but([0, 1, 2, *kept])
        be()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - it ends here, whatever it is
        _say(f"a process of the sandbox ends: {error!r}")
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


def _wait(ended: int, control: socket.socket, look: Callable[[], str], output: Output, *, seconds: float) -> str:
    """Wait for the end of the judge, who alone holds the other end of `ended`; why it was stopped before, if it was."""
    deadline = time.monotonic() + seconds
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(control, select.POLLIN)
    due = time.monotonic() + LOOK_SECONDS
    while (now := time.monotonic()) < deadline:
        if now >= due:
            if seen := look():
                return seen
            due = now + LOOK_SECONDS
        for descriptor, _ in waiting.poll(1000 * output.watched(waiting, min(due, deadline) - now)):
            if not output.woke(waiting, descriptor):
                return "" if descriptor == ended else "given up"
    return "wall"


def _seen(request: dict[str, Any], room: int) -> str:
    """What a look at the disk finds: more than a program may have there, or no room where there was some."""
    if not request["program"]:
        return ""
    if too_much(request["disk_bytes"], request["num_files"]):
        return "disk"
    return "full" if free() < FULL_BYTES <= room else ""


def _halt(child: int) -> None:
    """Stop a child where it is."""
    with suppress(OSError):
        os.killpg(child, signal.SIGSTOP)
        os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def _end(child: int) -> dict[str, Any]:
    """Kill a child and whatever it has started; how it ended."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "cpu_seconds": usage.ru_utime + usage.ru_stime}


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next request and its descriptors; None when nobody is there any more."""
    content, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 4)
    return (json.loads(content), list(descriptors)) if content else None


def _say(words: str) -> None:
    os.write(2, f"octo: {words[:LONGEST_WORDS]}\n".encode())
