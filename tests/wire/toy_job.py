"""A job small enough to test the machinery of jobs with: each index writes its own square."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import JsonValue

from octo.errors import InputError
from octo.job import Job
from octo.settings.base import Address, JobSettings, Neutral
from octo.settings.loading import arguments_of, secrets_of
from octo.storage.artifacts import Artifact, IndexResult

FUNCTION = "tests.wire.toy_job:square"


class SquaresSettings(JobSettings):
    """Squares of the numbers below a count."""

    job: ClassVar[str] = "squares"
    code_version: ClassVar[int] = 1
    pod_shape = "fleet"

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


class GangSettings(SquaresSettings):
    """Squares that ranks work out together."""

    pod_shape = "gang"


def start(settings: SquaresSettings, function: str = FUNCTION) -> "subprocess.Popen[str]":
    """The job in a process of its own."""
    code = (
        "import sys; from octo.job import run_job; from tests.wire import toy_job; "
        f"sys.exit(run_job(toy_job.{type(settings).__name__}, {function!r}, {arguments_of(settings)!r}))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", **secrets_of(settings)},
    )


def finish(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    """How the process ended, and what it said."""
    stdout, stderr = process.communicate(timeout=1500)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def in_a_process(settings: SquaresSettings, function: str = FUNCTION) -> "subprocess.CompletedProcess[str]":
    return finish(start(settings, function))


def squares(artifact: Artifact) -> list[int]:
    return [int(artifact.read(part)) for part in artifact.parts("square.txt")]


def diary(settings: SquaresSettings) -> Counter[int]:
    """How often each index was computed."""
    return Counter({int(path.name): len(path.read_text().splitlines()) for path in Path(settings.diary).iterdir()})


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


def die_before_the_manifest(job: Job[SquaresSettings]) -> None:
    square(job)
    os.kill(os.getpid(), signal.SIGKILL)


def forget_one(job: Job[SquaresSettings]) -> None:
    job.each(one, range(job.settings.count))
    job.planned.add(job.settings.count)


def forget_one_of_its_own(job: Job[SquaresSettings]) -> None:
    square(job)
    own = next(index for index in range(job.settings.count, 99) if job.settings.shard_group.has(index))
    job.planned.add(own)


def refuse(_job: Job[SquaresSettings]) -> None:
    raise InputError("the squares are round: give corners")


def one_refuses(job: Job[SquaresSettings]) -> None:
    job.each(refuse_the_first, range(job.settings.count))


def refuse_the_first(job: Job[SquaresSettings], index: int) -> IndexResult:
    if index == 0:
        raise InputError("the first square is missing: give it")
    return one(job, index)


def refuse_at_length(_job: Job[SquaresSettings]) -> None:
    raise InputError("“" * 5000)


def stumble(_job: Job[SquaresSettings]) -> None:
    raise RuntimeError("nobody thought of this")


def preempt(_job: Job[SquaresSettings]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
