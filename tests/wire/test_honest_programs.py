"""Programs of the kinds that public sets of problems have, each of which does what its test wants."""

import json
from pathlib import Path
from typing import Any

import pytest

from octo.sandbox.layers import offered
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Task, TestVerdict

PROGRAMS: list[dict[str, Any]] = [*map(json.loads, Path(__file__).with_name("honest_programs.jsonl").open())]
HONEST = {f"{each['kind']} {place}": (each, test) for each in PROGRAMS for place, test in enumerate(each["tests"], 1)}
LIMITS = Limits(cpu_seconds=20, wall_seconds=300)
pytestmark = pytest.mark.skipif(not offered().sufficient, reason=f"this machine lacks layers: {offered().lacking}")


@pytest.fixture(scope="module")
def judged() -> dict[str, TestVerdict]:
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        verdicts = sandbox.judge_all(_task(*each) for each in HONEST.values())
    return {name: verdict.tests[0] for name, verdict in zip(HONEST, verdicts, strict=True)}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_passes(name: str, judged: dict[str, TestVerdict]) -> None:
    assert (judged[name].outcome, judged[name].detail) == ("pass", "")


def test_no_test_of_them_passes_a_program_that_defines_nothing() -> None:
    """Else they would say nothing of the judge. One asks nothing: that the program starts."""
    asking = {name: test for name, (_, test) in HONEST.items() if "at once" not in name}
    setups = {name: each.get("setup", "") for name, (each, _) in HONEST.items()}
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        verdicts = sandbox.judge_all(Task("pass", (test,), setup=setups[name]) for name, test in asking.items())
    assert [name for name, verdict in zip(asking, verdicts, strict=True) if verdict.passed] == []


def _task(honest: dict[str, Any], test: str) -> Task:
    return Task(honest["program"], (test,), setup=honest.get("setup", ""), names=tuple(honest.get("names", ())))
