"""Where ranks are, as their stacks tell, which they write to files of their own when they are asked by a signal."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from octo.ml.marks import Mark, stacks_of

LOOK_SECONDS = 0.1
STACKS_SECONDS = 10.0
"""For the ranks to write them: the kernel runs the handler as soon as a rank runs at all."""
MOST_BYTES = 64 << 10
_FRAME = re.compile(r'File "(.*)", line (\d+) in (\S+)')
_COLLECTIVES = "/torch/distributed/distributed_c10d.py"
_ENTRY = "/octo/ml/rank.py"
_LIBRARIES = ("/site-packages/", "/lib/python", "<frozen")


def asked_for(marks: Iterable[Mark], folder: Path) -> Mapping[int, str]:
    """The stacks of this machine's ranks; nothing of one that does not write them, as when it is in the kernel.

    The ranks are stopped where they are, so that nobody goes on when one that was stopped before is let go to answer.
    """
    asked = list(marks)
    stopped = [mark for mark in asked if is_stopped(mark.pid)]
    running = [mark for mark in asked if mark not in stopped]
    _signal(running, signal.SIGUSR1)
    found = _answers(running, folder)
    _signal(running, signal.SIGSTOP)
    _signal(stopped, signal.SIGUSR1)
    _signal(stopped, signal.SIGCONT)
    return found | _answers(stopped, folder)


def written_by(mark: Mark, folder: Path) -> str:
    """What a rank has written of its stacks by itself, as it does when it crashes; empty where it has not."""
    return _written(stacks_of(folder, mark.rank))


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal and has not gone on."""
    return _state(pid) == "T"


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    return sys.platform == "linux" and _state(pid) in ("", "Z", "X")


def place_in(stacks: str) -> str:
    """Where the thread is that runs the job: in which collective, or in which function of ours; empty if unknown."""
    for thread in stacks.split("\n\n"):
        frames = _FRAME.findall(thread)
        if not any(file.endswith(_ENTRY) for file, _, _ in frames):
            continue
        inner = [function for file, _, function in frames if file.endswith(_COLLECTIVES)]
        own = [f"{file}:{line}" for file, line, _ in frames if not any(each in file for each in _LIBRARIES)]
        function = inner[-1] if inner else frames[0][2]
        return f"{function} ({_short(own[0])})" if own else function
    return ""


def _signal(marks: Iterable[Mark], number: signal.Signals) -> None:
    for mark in marks:
        with suppress(ProcessLookupError):
            os.kill(mark.pid, number)


def _answers(asked: Sequence[Mark], folder: Path) -> dict[int, str]:
    end = time.monotonic() + STACKS_SECONDS
    found = {mark.rank: "" for mark in asked}
    while True:
        before = found
        found = {mark.rank: written_by(mark, folder) for mark in asked}
        if (all(found.values()) and found == before) or time.monotonic() > end:
            return found
        time.sleep(LOOK_SECONDS)


def _short(place: str) -> str:
    """A file of ours by its path from the root of the project, as people name it."""
    return "/".join(place.rsplit("/", 3)[1:])


def _written(path: Path) -> str:
    with suppress(OSError), path.open("rb") as file:
        return file.read(MOST_BYTES).decode(errors="replace").strip()
    return ""


def _state(pid: int) -> str:
    """The letter of a process's state; empty where there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    return ""
