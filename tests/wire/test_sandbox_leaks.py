"""Whatever ran in it, a sandbox keeps nothing of it, and leaves nothing when it ends."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import psutil
import pytest

from octo.sandbox.pool import TRIES, Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task
from tests.wire.hostile import ENDLESS, HOSTILE, TEST

SECONDS = 300.0
"""Within which what is about to happen must have happened."""
GROWTH_MIB = 4
"""Of a worker's memory, as much as a warm allocator may still take."""
BATCH = 250
TRIVIAL = "def f(x):\n    return x + 1\n"
WAITING = f"""
import os, time
open("started", "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
{TRIVIAL}
"""
"""Does not go on before it is told to, so that it can be met while it runs."""
HOLDING = """
import sys
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Task
with Sandbox(workers=2, limits=Limits(wall_seconds=600.0), without=sys.argv[2:]) as sandbox:
    sandbox.judge_all([Task(program=sys.argv[1], tests=("f(1)",))] * 2)
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the workers make their directories, and nobody else makes any."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(params=[(), ("namespaces",)], ids=["all layers", "no namespaces"])
def without(request: pytest.FixtureRequest) -> tuple[str, ...]:
    chosen: tuple[str, ...] = request.param
    return chosen


@dataclass(frozen=True)
class Held:
    """What this process and its workers hold."""

    processes: frozenset[int]
    threads: int
    descriptors: dict[int, int]
    """By process; of those that may be looked at, which is all of them for root only."""
    files: list[str]
    """In the workers' directories, those included."""
    memory: dict[int, int]
    """By process, the resident bytes."""


def test_after_hostile_programs_nothing_is_left_of_them(directory: Path, without: tuple[str, ...]) -> None:
    _run_and_compare(directory, without, number=150)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_ten_thousand_hostile_programs_nothing_is_left_of_them(directory: Path, without: tuple[str, ...]) -> None:
    _run_and_compare(directory, without, number=10_000)


def test_a_closed_sandbox_leaves_no_process_no_descriptor_and_no_directory(
    directory: Path, without: tuple[str, ...]
) -> None:
    with Sandbox(workers=1, without=without):
        pass  # What is opened once for all sandboxes, such as the layers' trial, is open now.
    before = _held(directory)

    with Sandbox(workers=2, without=without) as sandbox:
        sandbox.judge_all([Task(program=program, tests=(TEST,)) for program in HOSTILE.values()])
        while_open = _held(directory)

    assert len(while_open.processes) >= len(before.processes) + 2
    assert len(while_open.files) == 2
    after = _held(directory)
    assert after.processes <= before.processes
    assert all(number <= before.descriptors[process] for process, number in after.descriptors.items())
    assert after.files == []


def test_an_error_beside_it_ends_what_runs_in_a_sandbox(directory: Path, without: tuple[str, ...]) -> None:
    before = psutil.Process().children(recursive=True)
    with ThreadPoolExecutor() as threads:
        with suppress(KeyboardInterrupt), Sandbox(workers=2, without=without) as sandbox:
            asked = threads.submit(sandbox.judge_all, [Task(program=WAITING, tests=(TEST,))] * 2)
            _until(lambda: len(_started(directory)) == 2)
            raise KeyboardInterrupt

        assert [verdict.tests[0].outcome for verdict in asked.result()] == [Outcome.COULD_NOT_RUN] * 2
    assert list(directory.iterdir()) == []
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def test_a_worker_killed_during_a_test_is_replaced_and_the_test_gets_its_verdict(
    directory: Path, without: tuple[str, ...]
) -> None:
    with ThreadPoolExecutor() as threads, Sandbox(workers=1, without=without) as sandbox:
        asked = threads.submit(sandbox.judge, Task(program=WAITING, tests=(TEST,)))
        _kill_worker(_met(directory))
        again = _met(directory)
        (again / "go").touch()

        assert asked.result().passed
        assert sandbox.judge(Task(program=TRIVIAL, tests=(TEST,))).passed
        assert list(directory.iterdir()) == [again]


def test_a_test_whose_workers_are_all_killed_neither_passes_nor_fails(
    directory: Path, without: tuple[str, ...]
) -> None:
    with ThreadPoolExecutor() as threads, Sandbox(workers=1, without=without) as sandbox:
        asked = threads.submit(sandbox.judge, Task(program=WAITING, tests=(TEST,)))
        for _ in range(TRIES):
            _kill_worker(_met(directory))
        verdict = asked.result()

        assert verdict.tests[0].outcome is Outcome.COULD_NOT_RUN
        assert not verdict.reached
        assert not verdict.passed
        assert verdict.pass_rate is None
        assert sandbox.judge(Task(program=TRIVIAL, tests=(TEST,))).passed


def test_nothing_outlives_a_killed_process_that_holds_a_sandbox(directory: Path, without: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", HOLDING, WAITING, *without]
    with subprocess.Popen(command, env={"TMPDIR": str(directory)}) as holder:
        _until(lambda: len(_started(directory)) == 2)
        below = psutil.Process(holder.pid).children(recursive=True)
        holder.kill()

    assert len(below) >= 2 + 4
    _until(lambda: not any(_lives(process) for process in below))
    assert [path for path in directory.rglob("*") if path.parent != directory] == []


def _run_and_compare(directory: Path, without: tuple[str, ...], *, number: int) -> None:
    tasks = cycle([Task(program=program, tests=(TEST,)) for program in HOSTILE.values()])
    endless = Task(program=ENDLESS, tests=(TEST,))
    with Sandbox(workers=2, limits=Limits(cpu_seconds=1), without=without) as sandbox:
        _hold_off(sandbox, list(islice(tasks, 2 * len(HOSTILE))))
        before = _held(directory)
        for done in range(0, number, BATCH):
            batch = islice(tasks, min(BATCH, number - done) - 1)
            _hold_off(sandbox, [endless, *batch])
        after = _held(directory)
    print(f"before: {before}\nafter:  {after}")

    assert len(before.files) == 2
    # Fewer there may be: what other tests left to the garbage collector goes at any time.
    assert after.processes <= before.processes
    assert after.threads <= before.threads
    assert all(number <= before.descriptors[process] for process, number in after.descriptors.items())
    assert after.files == before.files
    grown = {process: after.memory[process] - before.memory[process] for process in before.memory}
    assert max(grown.values()) < GROWTH_MIB << 20


def _hold_off(sandbox: Sandbox, tasks: list[Task]) -> None:
    """None of them passes, and each has a verdict."""
    outcomes = {verdict.tests[0].outcome for verdict in sandbox.judge_all(tasks)}
    assert outcomes <= {Outcome.FAIL, Outcome.ERROR, Outcome.TIMEOUT}


def _held(directory: Path) -> Held:
    here = psutil.Process()
    all_of_us = [here, *here.children(recursive=True)]
    descriptors = {}
    for process in all_of_us:
        with suppress(psutil.AccessDenied):
            descriptors[process.pid] = process.num_fds()
    return Held(
        processes=frozenset(process.pid for process in all_of_us),
        threads=threading.active_count(),
        descriptors=descriptors,
        files=[str(path) for path in sorted(directory.rglob("*"))],
        memory={process.pid: process.memory_info().rss for process in all_of_us[1:]},
    )


def _started(directory: Path) -> list[Path]:
    return [path.parent for path in directory.glob("*/started")]


def _met(directory: Path) -> Path:
    """The directory of a worker whose program waits."""
    _until(lambda: bool(_started(directory)))
    return _started(directory)[0]


def _kill_worker(met: Path) -> None:
    """Kill the one worker there is, whose children the test and the program are; wait until its directory has gone."""
    (worker,) = [process for process in psutil.Process().children(recursive=True) if len(process.children()) == 2]
    worker.kill()
    _until(lambda: not met.exists())


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.01)
