"""Code problems prove themselves: the reference solution passes, and programs that solve nothing do not.

What is found out here is how octo itself judges a problem: one whose reference fails would score 0 whatever a model
writes, and one that an empty program passes would score 1. Everything is run twice, as a verdict that depends on chance
is worth nothing to a trainer.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar

from octo.data.code_problems import problem_of
from octo.data.documents import Document, Rejected
from octo.data.trials import Trial, trial_of
from octo.errors import InputError
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task, Verdict
from octo.settings.proof import ProofSettings

NO_REFERENCE = "no_reference"
REFERENCE_FAILS = "reference_fails"
PASSED_BY_NOTHING = "passed_by_nothing"
NOT_RUN = "could_not_run"
CHANGING = "changing_verdict"
REASONS = (NO_REFERENCE, REFERENCE_FAILS, PASSED_BY_NOTHING, NOT_RUN, CHANGING)
"""Why a problem is set aside."""
TIMES = 2
BATCH = 64
BATCH_CHARACTERS = 16 << 20
"""Problems that are judged side by side, and how long they are together at most."""

K = TypeVar("K")
Judge = Callable[[Iterable[Task]], list[Verdict]]

logger = logging.getLogger(__name__)


@dataclass
class Tally:
    """How many problems have proved themselves so far, and why others have not."""

    proven: int = 0
    without_reference: int = 0
    """Taken although nothing shows that they can be solved."""
    not_tried: int = 0
    """Taken as they are, as settings ask for no proof."""
    set_aside: Counter[str] = field(default_factory=Counter)
    first_of: dict[str, Rejected] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All that were looked at."""
        return self.proven + self.without_reference + self.not_tried + self.set_aside.total()

    def counters(self) -> dict[str, int]:
        """For a manifest; nothing where there was no problem."""
        if not self.total:
            return {}
        found = {
            "in": self.total,
            "proven": self.proven,
            "without_reference": self.without_reference,
            "not_tried": self.not_tried,
            **{f"set_aside.{reason}": count for reason, count in self.set_aside.items()},
        }
        return {f"problems.{name}": found[name] for name in sorted(found) if found[name] or name == "proven"}

    def put_aside(self, record: Rejected) -> None:
        """Count a problem that is none."""
        self.set_aside[record.reason] += 1
        self.first_of.setdefault(record.reason, record)

    def check(self, name: str, *, most: float) -> None:
        """InputError when more than that share of the problems is set aside."""
        if self.set_aside.total() > most * self.total:
            raise InputError(
                f"{self._said(name)}; mend them, raise --proof.max-set-aside, or ask for less with --proof.kind"
            )

    def say(self, name: str) -> None:
        """Say in the log what is set aside, and why."""
        if self.set_aside:
            logger.warning("%s", self._said(name))

    def _said(self, name: str) -> str:
        said = "; ".join(
            f"{count} {reason} (first {self.first_of[reason].url}: {self.first_of[reason].detail})"
            for reason, count in sorted(self.set_aside.items())
        )
        return f"{name}: {self.set_aside.total()} of {self.total} problems do not prove themselves: {said}"


class Prover:
    """Runs programs against the problems that they are for. A context manager."""

    def __init__(self, settings: ProofSettings, *, told: Callable[[Tally], None] = lambda _: None) -> None:
        """Nothing runs before there is a problem.

        Args:
            settings: what is asked of it.
            told: is told how far it is, now and then.
        """
        self.tally = Tally()
        self._told = told
        self._settings = settings
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        self._opened.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, where)

    @cached_property
    def _sandbox(self) -> Sandbox:
        settings = self._settings
        return self._opened.enter_context(
            Sandbox(workers=settings.workers, limits=limits_of(settings), weaker=settings.weaker)
        )

    def _judge(self, tasks: Iterable[Task]) -> list[Verdict]:
        verdicts = self._sandbox.judge_all(tasks)
        return [each.strict() for each in verdicts] if self._settings.weaker_verdicts == "refuse" else verdicts

    def proven(self, records: Iterable[Document | Rejected]) -> Iterator[Document | Rejected]:
        """The records in their order, with those problems rejected that do not prove themselves.

        UsageError where there are problems, and this machine has no sandbox that holds programs of others.
        """
        waiting: list[Document | Rejected] = []
        held = 0
        for record in records:
            if not (waiting or _has_tests(record)):
                yield record
                continue
            waiting.append(record)
            held += len(record.metadata) if isinstance(record, Document) else 0
            if len(waiting) == BATCH or held >= BATCH_CHARACTERS:
                yield from self._judged(waiting)
                waiting, held = [], 0
        yield from self._judged(waiting)

    def _judged(self, records: Sequence[Document | Rejected]) -> list[Document | Rejected]:
        given = [_trial(record) for record in records]
        trials = [each for each in given if each]
        if not trials:
            return list(records)
        if self._settings.kind == "none":
            self.tally.not_tried += len(trials)
            return list(records)
        faults = iter(faults_of(trials, self._judge, partial=self._settings.kind == "partial"))
        judged = [
            self._counted(record, trial, next(faults)) if trial else record
            for record, trial in zip(records, given, strict=True)
        ]
        self._told(self.tally)
        return judged

    def _counted(self, record: Document | Rejected, trial: Trial, fault: tuple[str, str] | None) -> Document | Rejected:
        if fault:
            rejected = Rejected(record.url, *fault)
            self.tally.put_aside(rejected)
            return rejected
        if trial.reference is None:
            self.tally.without_reference += 1
        else:
            self.tally.proven += 1
        return record


def limits_of(settings: ProofSettings) -> Limits:
    """What a program may use."""
    return Limits(
        cpu_seconds=settings.cpu_seconds,
        wall_seconds=6.0 * settings.cpu_seconds,
        all_cpu_seconds=4.0 * settings.cpu_seconds,
        all_wall_seconds=24.0 * settings.cpu_seconds,
        stop_at_timeout=True,
        memory_mib=settings.memory_mib,
    )


def faults_of(trials: Sequence[Trial], judge: Judge, *, partial: bool) -> list[tuple[str, str] | None]:
    """Of each problem a reason against it and its detail, or None. With `partial` a reference may be missing."""
    references = {
        place: each.problem.task(each.reference) for place, each in enumerate(trials) if each.reference is not None
    }
    found: list[tuple[str, str] | None] = [None] * len(trials)
    for place, verdicts in _twice(references, judge).items():
        found[place] = _against_reference(verdicts)
    for place, trial in enumerate(trials):
        if trial.reference is None and not partial:
            found[place] = (NO_REFERENCE, "it has no reference solution that could show that it can be solved")
    asked = {
        (place, name): trial.problem.task(program)
        for place, trial in enumerate(trials)
        if not found[place]
        for name, program in trial.nothings.items()
    }
    # Most fail at the first test; what does not is tried by all.
    first = _twice({key: _cut(task) for key, task in asked.items()}, judge)
    left = {key: asked[key] for key, verdicts in first.items() if any(each.passed for each in verdicts)}
    for (place, name), verdicts in _twice(left, judge).items():
        if any(each.passed for each in verdicts) and not found[place]:
            found[place] = (PASSED_BY_NOTHING, f"{name:.200} passes its {len(trials[place].problem.tests)} tests")
    return found


def _against_reference(verdicts: Sequence[Verdict]) -> tuple[str, str] | None:
    for verdict in verdicts:
        for number, test in enumerate(verdict.tests, start=1):
            if test.outcome is not Outcome.PASS:
                reason = NOT_RUN if test.outcome is Outcome.COULD_NOT_RUN else REFERENCE_FAILS
                if reason == REFERENCE_FAILS and any(each.passed for each in verdicts):
                    reason = CHANGING
                said = " ".join(test.detail.split())
                return reason, f"test {number} of its reference solution: {test.outcome.value}, {said:.300}"
    return None


def _twice(tasks: Mapping[K, Task], judge: Judge) -> dict[K, list[Verdict]]:
    verdicts = iter(judge([task for task in tasks.values() for _ in range(TIMES)]))
    return {key: [next(verdicts) for _ in range(TIMES)] for key in tasks}


def _cut(task: Task) -> Task:
    return Task(task.program, task.tests[:1], setup=task.setup, names=task.names, entry_points=task.entry_points)


def _has_tests(record: Document | Rejected) -> bool:
    return isinstance(record, Document) and '"tests"' in record.metadata


def _trial(record: Document | Rejected) -> Trial | None:
    """A document's problem; None where it is none, or one that whoever reads it will refuse."""
    if not isinstance(record, Document) or not _has_tests(record):
        return None
    fields = json.loads(record.metadata)
    try:
        problem = problem_of(fields)
    except InputError:
        return None
    answer = fields.get("answer", "")
    return trial_of(problem, answer=answer if isinstance(answer, str) else "") if problem else None
