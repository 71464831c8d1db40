"""Learning rates as pure functions of the step (OctoThinker, section 5: stable-then-decay mid-training)."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from octo.errors import UsageError
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.rl import RlSettings
from octo.settings.schedule import Phase, Shape, phases_of
from octo.settings.tuning import TuningSettings


def rates(
    settings: MidtrainingSettings | TuningSettings | RlSettings, *, num_steps: int, warmup_steps: int
) -> Callable[[int], float]:
    """The learning rate of each step of a training of so many.

    Raises:
        UsageError: the schedule is one of another number of steps.
    """
    try:
        phases = phases_of(
            settings.schedule, num_steps=num_steps, warmup_steps=warmup_steps, final_share=settings.final_share
        )
    except ValueError as error:
        raise UsageError(f"--schedule: {error}") from None
    return partial(learning_rate, peak=settings.learning_rate, warmup_steps=warmup_steps, phases=phases)


def learning_rate(step: int, *, peak: float, warmup_steps: int, phases: Sequence[Phase]) -> float:
    """The rate of a step, counted from 0.

    After a linear warm-up, whose last step is at the peak, each phase goes from where the one before ended, a, to its
    own end, b, both shares of the peak. The step s of its S has b + (a - b) * left(s / S): the first is at a, and b
    would be reached at S, which is the first step of what comes after. The last one, S - 1, is not there yet.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    first, begin = warmup_steps, 1.0
    for phase in phases:
        if step < first + phase.steps:
            return peak * (phase.share + (begin - phase.share) * left(phase.shape, (step - first) / phase.steps))
        first, begin = first + phase.steps, phase.share
    return peak * begin


def left(shape: Shape, done: float) -> float:
    """How much of the way is left, from 1 to 0, when a share of the phase is done."""
    match shape:
        case "constant":
            return 1.0
        case "linear":
            return 1 - done
        case "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        case "sqrt":
            return 1 - math.sqrt(done)
