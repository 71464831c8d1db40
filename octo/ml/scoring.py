"""From what a model wrote to whether it is right, in the ways that settings name.

A verdict that could not be reached is None all the way: neither right nor wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from octo.data.answers.numbers import correct, number_of
from octo.data.code_answers import LONGEST_PROGRAM, NO_BLOCK, NO_PYTHON, PYTHON, parsing, program_of
from octo.data.code_problems import CodeProblem
from octo.data.cut_answers import is_boxed, settled_part
from octo.data.final_answers import unreadable
from octo.data.mathematics import Verifier
from octo.data.questions import Question
from octo.errors import InputError, UsageError
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Verdict
from octo.settings.scoring import ScoringSettings

WALL_PER_CPU_SECOND = 6
"""So much longer than it may compute a program may wait: a busy machine must not change a verdict."""


TESTS_PER_COMPLETION = 4
"""So many tests of a program may use all that one may."""


@dataclass(frozen=True)
class Attempt:
    """A completion of a question."""

    question: Question
    text: str
    finished: bool
    """False where it was cut. What it has said by then, an answer or a program, is judged all the same."""


@dataclass(frozen=True)
class Score:
    """How good an attempt is."""

    correct: bool | None
    pass_rate: float | None
    """The share of a program's tests that passed, each counted by itself; 1 or 0 for an answer."""
    format: float | None = PYTHON
    """Of a program; see octo.data.code_answers. None where it could not be found out."""
    verdict: Verdict | None = None
    """What the sandbox said, of a program that was run."""


Scorer = Callable[[Sequence[Attempt]], list[Score]]


@contextmanager
def scoring(settings: ScoringSettings, questions: Sequence[Question]) -> Iterator[Scorer]:
    """How attempts at these questions are scored.

    Raises:
        UsageError: the questions are of another kind, or this machine has no sandbox for what is to be run.
        InputError: nothing could be compared with some of their answers.
    """
    _check(settings, questions)
    if settings.kind == "code":
        with Sandbox(workers=settings.workers, limits=limits_of(settings), weaker=settings.weaker) as sandbox:
            yield partial(code_scores, sandbox=sandbox, strict=settings.weaker_verdicts == "refuse")
    elif settings.kind == "mathematics":
        with Verifier(settings.workers, weaker=settings.weaker) as verifier:
            yield partial(mathematics_scores, verifier=verifier)
    else:
        yield number_scores


def number_scores(attempts: Sequence[Attempt]) -> list[Score]:
    """Right where the last number is the answer."""
    texts = [each.text if each.finished else settled_part(each.text) for each in attempts]
    return [
        _answered(text is not None and correct(text, each.question.answer))
        for text, each in zip(texts, attempts, strict=True)
    ]


def mathematics_scores(attempts: Sequence[Attempt], *, verifier: Verifier) -> list[Score]:
    """Right where the final answer equals the true one."""
    answered = [each.finished or is_boxed(each.text) for each in attempts]
    asked = [(each.question.answer, each.text) for each, has in zip(attempts, answered, strict=True) if has]
    verdicts = iter(verifier.verdicts(asked))
    return [_answered(next(verdicts) if has else False) for has in answered]


def code_scores(attempts: Sequence[Attempt], *, sandbox: Sandbox, strict: bool = False) -> list[Score]:
    """Right where the program passes every test. The same program is run once, however often it was written.

    Where it is strict, no pass counts that rests on what the program says of its own objects.
    """
    problems = [_problem(each.question) for each in attempts]
    programs = [program_of(each.text, problem) for each, problem in zip(attempts, problems, strict=True)]
    formats = _formats(programs, sandbox)
    tasks = [
        problem.task(program) if program is not None and formats[program] == PYTHON else None
        for problem, program in zip(problems, programs, strict=True)
    ]
    distinct = [task for task in dict.fromkeys(tasks) if task]
    judged = [verdict.strict() if strict else verdict for verdict in sandbox.judge_all(distinct)]
    verdicts = dict(zip(distinct, judged, strict=True))
    return [
        _judged(verdicts[task]) if task else _unjudged(formats[program])
        for task, program in zip(tasks, programs, strict=True)
    ]


def limits_of(settings: ScoringSettings) -> Limits:
    """What a test of a program may use."""
    of_all = settings.completion_cpu_seconds or TESTS_PER_COMPLETION * settings.cpu_seconds
    return Limits(
        cpu_seconds=settings.cpu_seconds,
        all_cpu_seconds=float(of_all),
        all_wall_seconds=float(WALL_PER_CPU_SECOND * of_all),
        stop_at_timeout=settings.stop_at_timeout,
        wall_seconds=float(WALL_PER_CPU_SECOND * settings.cpu_seconds),
        memory_mib=settings.memory_mib,
    )


def _answered(verdict: bool | None) -> Score:  # noqa: FBT001 - it is the value, no switch
    return Score(correct=verdict, pass_rate=None if verdict is None else float(verdict))


def _formats(programs: Sequence[str | None], sandbox: Sandbox) -> dict[str | None, float | None]:
    """The format score of each different program."""
    formats: dict[str | None, float | None] = dict.fromkeys(programs, NO_PYTHON)
    read = [program for program in formats if program is not None and len(program) <= LONGEST_PROGRAM]
    for program, verdict in zip(read, sandbox.judge_all(map(parsing, read)), strict=True):
        formats[program] = (PYTHON if verdict.passed else NO_PYTHON) if verdict.reached else None
    return formats | {None: NO_BLOCK}


def _judged(verdict: Verdict) -> Score:
    # One test that did not pass decides, whether or not the others could be run.
    wrong = any(test.outcome not in (Outcome.PASS, Outcome.COULD_NOT_RUN) for test in verdict.tests)
    right = False if wrong else True if verdict.passed else None
    return Score(correct=right, pass_rate=verdict.pass_rate, verdict=verdict)


def _unjudged(format_score: float | None) -> Score:
    """Of an attempt without a program that can be run."""
    if format_score is None:
        return Score(correct=None, pass_rate=None, format=None)
    return Score(correct=False, pass_rate=0.0, format=format_score)


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
    if not wants_programs:
        _check_answers(settings, questions)


def _check_answers(settings: ScoringSettings, questions: Sequence[Question]) -> None:
    """An answer that the scorer cannot read would make every completion wrong."""
    reasons = [(_why_unreadable(settings, question.answer), question) for question in questions]
    unread = [(reason, question) for reason, question in reasons if reason]
    if unread:
        reason, first = unread[0]
        raise InputError(
            f"{len(unread)} of {len(questions)} answers cannot be read with kind={settings.kind}, first "
            f"{first.answer[:80]!r} of problem {first.id[:12]} ({reason}): {_REMEDIES[settings.kind]}"
        )


_REMEDIES = {
    "number": "write them as numbers, take these problems out, or set kind=mathematics",
    "mathematics": "write them as formulas or as a few words, or take these problems out",
}


def _why_unreadable(settings: ScoringSettings, answer: str) -> str:
    if settings.kind == "number":
        return "" if number_of(answer) else "it is no number"
    return unreadable(answer)
