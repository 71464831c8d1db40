"""How a learning rate goes: phases one after another, as texts that are read on a command line and in a settings file.

A phase is SHAPE, SHAPE:STEPS or SHAPE:STEPS:SHARE. It goes from where the one before it ended, the first from the peak
rate, to SHARE of the peak, within STEPS updates; the one phase that says no steps has those that are left. So
`constant` is a stable stage, `cosine` a decay, and `constant,linear:2000:0` both, one after the other.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Literal, NamedTuple, cast, get_args

from pydantic import AfterValidator

Shape = Literal["constant", "linear", "cosine", "sqrt"]
SHAPES: tuple[str, ...] = get_args(Shape)
_FORMS = f"SHAPE, SHAPE:STEPS or SHAPE:STEPS:SHARE, such as cosine:5000:0.1, with SHAPE one of {', '.join(SHAPES)}"


class Phase(NamedTuple):
    """A part of a schedule."""

    shape: Shape
    steps: int
    share: float
    """Of the peak, at its end: the rate of the step after its last."""


class _Said(NamedTuple):
    """What a text says of a phase."""

    shape: Shape
    steps: int | None
    share: float | None


def phases_of(schedule: Sequence[str], *, num_steps: int, warmup_steps: int, final_share: float) -> tuple[Phase, ...]:
    """The phases after a warm-up. One that falls and does not say how far, falls to `final_share`.

    Raises:
        ValueError: warm-up and phases have not as many steps as there are.
    """
    said = [_parsed(text) for text in schedule]
    told = warmup_steps + sum(each.steps or 0 for each in said)
    is_open = any(each.steps is None for each in said)
    # What says no steps at all fits any number of them: a short training may end within its warm-up.
    if any(each.steps for each in said) and not (told < num_steps if is_open else told == num_steps):
        raise ValueError(
            f"expected a schedule of {num_steps} steps, got {told} of them in {','.join(schedule)}"
            + (f" after a warm-up of {warmup_steps}" if warmup_steps else "")
            + (", which leaves none to the phase that says no steps" if is_open else ", or leave one phase's steps out")
        )
    share = 1.0
    phases = []
    for each in said:
        if each.shape != "constant":
            share = final_share if each.share is None else each.share
        phases.append(Phase(each.shape, each.steps or max(0, num_steps - told), share))
    return tuple(phases)


def _parsed(text: str) -> _Said:
    shape, *rest = text.split(":")
    try:
        steps, share = [int(each) for each in rest[:1]], [float(each) for each in rest[1:]]
    except ValueError:
        shape = ""
    if shape not in SHAPES or len(rest) > 2:
        raise ValueError(f"expected {_FORMS}, got {text!r}")
    said = _Said(cast("Shape", shape), steps[0] if steps else None, share[0] if share else None)
    if said.steps is not None and said.steps < 1:
        raise ValueError(f"expected a phase of 1 step at least, got {text!r}: leave it out")
    if said.share is not None and (said.shape == "constant" or not (isfinite(said.share) and said.share >= 0)):
        wanted = "constant:STEPS, which stays where it is" if said.shape == "constant" else "a SHARE of 0 or more"
        raise ValueError(f"expected {wanted}, got {text!r}")
    return said


def _checked(schedule: tuple[str, ...]) -> tuple[str, ...]:
    if not schedule:
        raise ValueError(f"expected a phase at least, got none: each is {_FORMS}")
    if [_parsed(text).steps for text in schedule].count(None) > 1:
        raise ValueError(f"expected one phase at most that says no steps, got {','.join(schedule)}")
    return schedule


Schedule = Annotated[tuple[str, ...], AfterValidator(_checked)]
"""Phases as texts."""
