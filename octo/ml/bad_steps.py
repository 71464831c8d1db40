"""Steps that are not to change the weights: what is one, and what a training does with it.

The engine leaves out, on its device, an update that holds no numbers or whose loss is over a limit. The limit is a
function of the figures of the steps before, which are part of every checkpoint: so it is the same on any number of
ranks and after any restart. That a step was left out is known a step later.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from octo.errors import InvariantError
from octo.settings.bad_steps import BadStepSettings
from octo.telemetry import Telemetry

if TYPE_CHECKING:
    # It takes seconds to import, and the law of the limit needs none of it.
    from octo.ml.engine import Engine, Loss, StepResult

SKIPPED = "skipped"
"""The figure of a step's line that counts its updates that were left out."""
FEWEST = 16
"""Losses that a limit is made of, at least."""
TO_SIGMA = 1.4826
"""From a median of absolute deviations to the deviation of a normal distribution with that median."""
LEAST_DEVIATION = 1e-3
"""Of the median: losses that hardly differ make no limit that rounding exceeds."""
NAMED = 6
"""Documents that a sentence names, at most; all of them are in the log."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """A step's updates, and what they were made from."""

    number: int
    """Counted from 0."""
    rate: float
    most_loss: float
    results: "Sequence[StepResult]"
    losses: "Sequence[Sequence[Loss]]"
    names: Callable[[], Sequence[str]]
    """Of the documents or examples; asked once."""


def most_loss(lines: Sequence[Mapping[str, float]], step: int, settings: BadStepSettings) -> float:
    """The loss that a step, counted from 0, may have; infinity where there is no limit.

    Args:
        lines: figures of the steps before, at least of all but the last of them.
        step: which.
        settings: how far from the others it may be.
    """
    if not settings.spike_deviations:
        return math.inf
    # From the end: a training may have a hundred thousand lines.
    backwards = (lines[place] for place in reversed(range(min(len(lines), max(0, step - 1)))))
    known = list(islice((line["loss"] for line in backwards if not line.get(SKIPPED)), settings.spike_steps))
    if len(known) < FEWEST:
        return math.inf
    middle = median(known)
    deviation = TO_SIGMA * median(abs(each - middle) for each in known)
    return middle + settings.spike_deviations * max(deviation, LEAST_DEVIATION * abs(middle))


class BadSteps:
    """What a training does with its bad steps; every rank does it alike."""

    def __init__(self, engine: "Engine", settings: BadStepSettings, telemetry: Telemetry) -> None:
        """Nothing is bad yet."""
        self._engine = engine
        self._settings = settings
        self._telemetry = telemetry

    def num_skipped(self, made: Made, lines: Sequence[Mapping[str, float]]) -> int:
        """How many updates of a step were left out. They are waited for.

        Args:
            made: the step.
            lines: figures of all steps before.

        Raises:
            InvariantError: the training is to stop. The sentence says what is wrong, with the first tensor without
                numbers, and what the step was made from.
        """
        bad = [number for number, result in enumerate(made.results) if not result.applied]
        if not bad:
            return 0
        wrong, names = self._wrong(made, bad[0]), made.names()
        logger.warning("step %d was made from %s", made.number + 1, ", ".join(names) or "nothing that has a name")
        in_a_row = _in_a_row(lines)
        with self._telemetry.span(
            "octo.step.skipped", {"octo.step": made.number + 1, "octo.reason": wrong, "octo.documents": names}
        ):
            if self._settings.action == "stop":
                raise InvariantError(f"{wrong}{_from(names)}")
            if in_a_row >= self._settings.most_in_a_row:
                raise InvariantError(
                    f"{in_a_row + 1} steps in a row are to be skipped, more than --bad-steps.most-in-a-row="
                    f"{self._settings.most_in_a_row}; the last: {wrong}{_from(names)}"
                )
        logger.warning("step %d is skipped: %s", made.number + 1, wrong)
        return len(bad)

    def _wrong(self, made: Made, number: int) -> str:
        """What is wrong with an update, in a clause. Every rank takes part in finding it."""
        result, which = made.results[number], f"step {made.number + 1}"
        if math.isfinite(result.loss) and math.isfinite(result.gradient_norm):
            return (
                f"the loss of {which} is {result.loss:.6g}, above {made.most_loss:.6g}, which is "
                f"--bad-steps.spike-deviations={self._settings.spike_deviations:g} from the median of those before"
            )
        wrong = f"the gradient's norm of {which} is no number"
        if not math.isfinite(result.loss):
            wrong = f"the loss of {which} is {result.loss}"
        culprit = self._engine.culprit(made.losses[number])
        return f"{wrong} at learning rate {made.rate:g}, lower it (--learning-rate): {culprit}"


def counted(lines: Sequence[Mapping[str, float]]) -> int:
    """Steps that were skipped, wholly or in part."""
    return sum(1 for line in lines if line.get(SKIPPED))


def _in_a_row(lines: Sequence[Mapping[str, float]]) -> int:
    return next((number for number, line in enumerate(reversed(lines)) if not line.get(SKIPPED)), len(lines))


def _from(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more, which the log names" if len(names) > NAMED else ""
    return f"; it was made from {', '.join(names[:NAMED])}{more}"
