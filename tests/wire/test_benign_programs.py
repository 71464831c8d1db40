"""A program that means no harm is judged as if there were no sandbox."""

import pytest

from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict
from tests.wire.benign import Programs
from tests.wire.benign.different import DIFFERENT
from tests.wire.benign.doings import DOINGS
from tests.wire.benign.endings import ENDINGS
from tests.wire.benign.objects import OBJECTS
from tests.wire.benign.values import VALUES
from tests.wire.unsandboxed import CPU_SECONDS, WALL_SECONDS, Plain, outcomes

SAME = VALUES | OBJECTS | DOINGS | ENDINGS
WHERE = " in: "
"""What stands between the error and the line of the test that it came from."""


@pytest.fixture(scope="module")
def plain() -> dict[str, Plain]:
    programs = SAME | DIFFERENT
    said = outcomes((program, *setup, test) for program, test, *setup in programs.values())
    return dict(zip(programs, said, strict=True))


@pytest.fixture(scope="module", params=["all layers", "without namespaces"])
def judged(request: pytest.FixtureRequest) -> dict[str, TestVerdict]:
    without = ("namespaces",) if request.param == "without namespaces" else ()
    with Sandbox(
        workers=2, limits=Limits(cpu_seconds=CPU_SECONDS, wall_seconds=WALL_SECONDS), without=without
    ) as sandbox:
        return _judged(sandbox, SAME | DIFFERENT)


@pytest.mark.parametrize("name", SAME)
def test_a_harmless_program_is_judged_as_plain_execution_judges_it(
    name: str, plain: dict[str, Plain], judged: dict[str, TestVerdict]
) -> None:
    assert judged[name].outcome == plain[name].outcome
    if judged[name].outcome is not Outcome.TIMEOUT:
        assert _kind(judged[name].detail.split(WHERE)[0]) == _kind(plain[name].detail)


@pytest.mark.parametrize("name", DIFFERENT)
def test_no_program_passes_by_what_it_says_of_itself(
    name: str, plain: dict[str, Plain], judged: dict[str, TestVerdict]
) -> None:
    assert plain[name].outcome == Outcome.PASS
    assert judged[name].outcome in {Outcome.ERROR, Outcome.FAIL}


def _judged(sandbox: Sandbox, programs: Programs) -> dict[str, TestVerdict]:
    tasks = [Task(program, (test,), setup="".join(setup)) for program, test, *setup in programs.values()]
    verdicts = sandbox.judge_all(tasks)
    return {name: verdict.tests[0] for name, verdict in zip(programs, verdicts, strict=True)}


def _kind(detail: str) -> str:
    """Which error it is, without its module."""
    last_line = detail.rsplit("\n", maxsplit=1)[-1]
    return last_line.partition(":")[0].rsplit(".", maxsplit=1)[-1]
