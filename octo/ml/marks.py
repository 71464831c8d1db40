"""What a rank leaves for its launcher while it lives: how many collectives it has come to, and its stacks on request.

A rank that waits in a collective, or that was stopped, cannot be asked: so its launcher looks at what it left.
"""

import faulthandler
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from octo.processes import rank

NOT_COME = -1
"""Collectives of a rank that has not yet come to where the ranks join."""
JOINING = 0
MARKS_PER_PATIENCE = 8
"""A mark is at most so much of the patience behind, and at most a second."""


class Mark(BaseModel):
    """How far a rank has come."""

    rank: int
    pid: int
    collectives: int = NOT_COME
    """How many it has begun, of all groups that every rank is in, and one for having joined."""
    patience: float = 0
    """Seconds that it waits in one; 0 where it does not know yet."""


@dataclass
class _Place:
    """Where this process leaves its marks; nowhere outside a gang."""

    folder: Path | None = None
    mark: Mark = field(default_factory=lambda: Mark(rank=0, pid=0))


_place = _Place()


def leave_in(folder: Path, *, pid: int) -> None:
    """Leave marks in the launcher's folder from now on, and every thread's stack at SIGUSR1, or when this crashes."""
    _place.folder = folder
    _place.mark = Mark(rank=rank(), pid=pid)
    _leave(collectives=NOT_COME)
    stacks = stacks_of(folder, rank()).open("w")
    faulthandler.enable(stacks)
    faulthandler.register(signal.SIGUSR1, stacks)


def joining(patience: float) -> None:
    """Say that this rank has come to where the ranks join, and how long it waits in a collective."""
    _place.mark = _place.mark.model_copy(update={"patience": patience})
    _leave(collectives=JOINING)


def counting(count: Callable[[], int]) -> None:
    """Leave how many collectives were begun, from a thread that lasts as long as the process."""
    if _place.folder:
        threading.Thread(target=_count, args=(count,), name="octo-marks", daemon=True).start()


def marks_in(folder: Path) -> list[Mark]:
    """What this machine's ranks have left, by rank."""
    found = []
    for path in folder.glob("*.mark"):
        with suppress(OSError, ValidationError):
            found.append(Mark.model_validate_json(path.read_bytes()))
    return sorted(found, key=lambda mark: mark.rank)


def stacks_of(folder: Path, of_rank: int) -> Path:
    """The file that a rank writes its stacks to."""
    return folder / f"{of_rank}.stacks"


def _count(count: Callable[[], int]) -> None:
    pause = threading.Event()
    while True:
        _leave(collectives=1 + count())
        pause.wait(min(1.0, _place.mark.patience / MARKS_PER_PATIENCE))


def _leave(*, collectives: int) -> None:
    """Leave a mark, whole or not at all, where it differs from the last."""
    if _place.folder is None:
        return
    path = _place.folder / f"{_place.mark.rank}.mark"
    mark = _place.mark.model_copy(update={"collectives": collectives})
    # On a full disk the marks stay behind: the rank itself goes on.
    with suppress(OSError):
        if mark != _place.mark or not path.exists():
            unfinished = path.with_suffix(".unfinished-mark")
            unfinished.write_text(mark.model_dump_json())
            unfinished.rename(path)
            _place.mark = mark
