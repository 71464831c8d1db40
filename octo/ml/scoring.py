"""From what a model wrote to whether it is right, in the ways that settings name.

A verdict that could not be reached is None all the way: neither right nor wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pkgutil import resolve_name
from typing import Protocol

from octo.data.code_answers import PYTHON, read_answer
from octo.data.code_problems import CodeProblem
from octo.data.questions import Question, correct
from octo.errors import UsageError
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Verdict
from octo.settings.scoring import ScoringSettings

WALL_PER_CPU_SECOND = 6
"""So much longer than it may compute a program may wait: a busy machine must not change a verdict."""


@dataclass(frozen=True)
class Attempt:
    """A completion of a question."""

    question: Question
    text: str
    finished: bool
    """False where it was cut, and has not said what its answer is. A program may be there all the same."""


@dataclass(frozen=True)
class Score:
    """How good an attempt is."""

    correct: bool | None
    pass_rate: float | None
    """The share of a program's tests that passed, each counted by itself; 1 or 0 for an answer."""
    format: float = PYTHON
    """Of a program; see octo.data.code_answers."""
    verdict: Verdict | None = None
    """What the sandbox said, of a program that was run."""


Scorer = Callable[[Sequence[Attempt]], list[Score]]

# Its libraries are an extra, and take a second to import.
VERIFIER = "octo.data.mathematics:Verifier"


class Verifier(Protocol):
    """What says whether a completion's final answer equals the true one."""

    def verdicts(self, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        """Of true answers and completions; None where it could not be decided."""
        ...


@contextmanager
def scoring(settings: ScoringSettings, questions: Sequence[Question]) -> Iterator[Scorer]:
    """How attempts at these questions are scored.

    Raises:
        UsageError: the questions are of another kind, or this machine has no sandbox for what is to be run.
    """
    _check(settings, questions)
    if settings.kind == "code":
        with Sandbox(workers=settings.workers, limits=limits_of(settings), weaker=settings.weaker) as sandbox:
            yield partial(code_scores, sandbox=sandbox)
    elif settings.kind == "mathematics":
        with resolve_name(VERIFIER)(settings.workers, weaker=settings.weaker) as verifier:
            yield partial(mathematics_scores, verifier=verifier)
    else:
        yield number_scores


def number_scores(attempts: Sequence[Attempt]) -> list[Score]:
    """Right where the last number is the answer."""
    return [_answered(each.finished and correct(each.text, each.question.answer)) for each in attempts]


def mathematics_scores(attempts: Sequence[Attempt], *, verifier: Verifier) -> list[Score]:
    """Right where the final answer equals the true one."""
    verdicts = iter(verifier.verdicts([(each.question.answer, each.text) for each in attempts if each.finished]))
    return [_answered(next(verdicts) if each.finished else False) for each in attempts]


def code_scores(attempts: Sequence[Attempt], *, sandbox: Sandbox) -> list[Score]:
    """Right where the program passes every test. The same program is run once, however often it was written."""
    problems = [_problem(each.question) for each in attempts]
    answers = [read_answer(each.text, problem) for each, problem in zip(attempts, problems, strict=True)]
    tasks = [
        problem.task(answer.program) if answer.format == PYTHON else None
        for problem, answer in zip(problems, answers, strict=True)
    ]
    distinct = [task for task in dict.fromkeys(tasks) if task]
    verdicts = dict(zip(distinct, sandbox.judge_all(distinct), strict=True))
    return [
        _judged(verdicts[task], answer.format) if task else Score(correct=False, pass_rate=0.0, format=answer.format)
        for task, answer in zip(tasks, answers, strict=True)
    ]


def limits_of(settings: ScoringSettings) -> Limits:
    """What a test of a program may use."""
    return Limits(
        cpu_seconds=settings.cpu_seconds,
        wall_seconds=float(WALL_PER_CPU_SECOND * settings.cpu_seconds),
        memory_mib=settings.memory_mib,
    )


def _answered(verdict: bool | None) -> Score:  # noqa: FBT001 - it is the value, no switch
    return Score(correct=verdict, pass_rate=None if verdict is None else float(verdict))


def _judged(verdict: Verdict, format_score: float) -> Score:
    # One test that did not pass decides, whether or not the others could be run.
    wrong = any(test.outcome not in (Outcome.PASS, Outcome.COULD_NOT_RUN) for test in verdict.tests)
    right = False if wrong else True if verdict.passed else None
    return Score(correct=right, pass_rate=verdict.pass_rate, format=format_score, verdict=verdict)


def _problem(question: Question) -> CodeProblem:
    assert question.code  # noqa: S101 - see _check
    return question.code


def _check(settings: ScoringSettings, questions: Sequence[Question]) -> None:
    wants_programs = settings.kind == "code"
    for question in questions:
        if (question.code is not None) != wants_programs:
            asked = "a program" if question.code else "an answer"
            kind = "code" if question.code else "number or mathematics"
            raise UsageError(f"problem {question.id[:12]} asks for {asked}, got kind={settings.kind}: expected {kind}")
