"""A job small enough to test the machinery of jobs with: each index writes its own square."""

import os
import signal
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import JsonValue

from octo.errors import InputError
from octo.job import Job
from octo.settings.base import Address, JobSettings, Neutral
from octo.storage.artifacts import IndexResult


class SquaresSettings(JobSettings):
    """Squares of the numbers below a count."""

    job: ClassVar[str] = "squares"
    code_version: ClassVar[int] = 1

    count: int = 4
    """How many."""
    before: Address = ""
    """Squares to read first."""
    diary: Annotated[str, Neutral()] = ""
    """Directory where each computed index leaves a file."""
    deadly: Annotated[int, Neutral()] = -1
    """Index at which the process kills itself."""


class WatchingSettings(SquaresSettings):
    """Squares whose digest depends on a file."""

    watched: Annotated[str, Neutral()] = ""

    def determinants(self) -> dict[str, JsonValue]:
        return {"watched": Path(self.watched).read_text()}


def square(job: Job[SquaresSettings]) -> None:
    job.each(one, range(job.settings.count))


def one(job: Job[SquaresSettings], index: int) -> IndexResult:
    if index == job.settings.deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.settings.diary:
        with (Path(job.settings.diary) / str(index)).open("a") as diary:
            diary.write("computed\n")
    return IndexResult(
        parts={"square.txt": str(index * index).encode()}, rows={"square.txt": 1}, counters={"squares": 1}
    )


def square_while_the_file_changes(job: Job[WatchingSettings]) -> None:
    Path(job.settings.watched).write_text("changed")
    square(job)


def forget_one(job: Job[SquaresSettings]) -> None:
    job.each(one, range(job.settings.count))
    job.planned.add(job.settings.count)


def refuse(_job: Job[SquaresSettings]) -> None:
    raise InputError("the squares are round: give corners")


def one_refuses(job: Job[SquaresSettings]) -> None:
    job.each(refuse_the_first, range(job.settings.count))


def refuse_the_first(job: Job[SquaresSettings], index: int) -> IndexResult:
    if index == 0:
        raise InputError("the first square is missing: give it")
    return one(job, index)


def stumble(_job: Job[SquaresSettings]) -> None:
    raise RuntimeError("nobody thought of this")


def preempt(_job: Job[SquaresSettings]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
