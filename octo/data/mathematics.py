"""Whether a solution's final answer is the true one, found out where nothing that a model writes can do harm.

Most answers are numbers, words, and what is made of them: those are compared as they are read. What takes the values of
formulas is computed in a child of the sandbox, however bounded its cost is: it is a model's text that decides on it.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from octo.data.final_answers import boxed, settled
from octo.errors import UsageError
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task

ALGEBRA = "octo.data.equivalence"
LIMITS = Limits(cpu_seconds=1, wall_seconds=60.0, memory_mib=512)
"""Of one comparison."""
VERDICTS = {Outcome.PASS: True, Outcome.FAIL: False}
NO_END = (Outcome.TIMEOUT, Outcome.ERROR)
"""A comparison that used up its limits, or failed."""
EASY = "0"
"""What every true answer that is worth anything can be compared with."""


class Verifier:
    """Says whether completions are right. A context manager, which may be used from any thread."""

    def __init__(self, workers: int = 1, *, limits: Limits = LIMITS, weaker: bool = False) -> None:
        """Choose how many comparisons run side by side, and what each may use.

        Raises:
            UsageError: a library is missing, or the sandbox cannot hold what a model wrote and `weaker` is not set.
        """
        if find_spec("mpmath") is None:
            raise UsageError("comparing answers takes mpmath, which is not installed: install octo[train]")
        self._sandbox = Sandbox(workers=workers, limits=limits, packages=(ALGEBRA,), weaker=weaker)

    def __enter__(self) -> Self:
        self._sandbox.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._sandbox.__exit__(kind, error, where)

    def verdicts(self, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        r"""Of each true answer and completion, whether what the completion puts into its last \boxed is the answer.

        False is what is not equal, or no answer at all: a completion that ends before its box is closed has none; and
        what cannot be compared, where the true answer can: nobody gets out of a wrong answer by one that is too large
        to compute. None, neither right nor wrong, is what could not be decided.
        """
        asked = [(gold, boxed(completion)) for gold, completion in pairs]
        known = {pair: settled(*pair) for pair in asked}
        open_pairs = [pair for pair, verdict in known.items() if verdict is None]
        judged = self._sandbox.judge_all([_task(gold, answer) for gold, answer in open_pairs])
        endless = []
        for pair, verdict in zip(open_pairs, judged, strict=True):
            outcome = verdict.tests[0].outcome
            known[pair] = VERDICTS.get(outcome)
            if outcome in NO_END:
                endless.append(pair)
        golds = list(dict.fromkeys(gold for gold, _ in endless))
        tried = dict(zip(golds, self._sandbox.judge_all([_task(gold, EASY) for gold in golds]), strict=True))
        known |= {pair: False for pair in endless if tried[pair[0]].tests[0].outcome in VERDICTS}
        return [known[pair] for pair in asked]


def _task(gold: str, answer: str | None) -> Task:
    return Task(
        program=None,
        setup=f"from {ALGEBRA} import equivalent",
        tests=(f"assert equivalent({gold!r}, {answer!r})",),
    )
