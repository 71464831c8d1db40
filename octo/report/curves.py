"""Metrics by step, from a training's `metrics.jsonl` to curves short enough for a page."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from math import ceil, isfinite

from octo.errors import InputError
from octo.report.results import Curve

MAX_POINTS = 400


def read_metrics(body: bytes, *, origin: str) -> list[Mapping[str, object]]:
    """The lines of a metrics file; InputError names a line that is not an object with a step."""
    lines: list[Mapping[str, object]] = []
    for number, line in enumerate(body.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            metrics = json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} of metrics.jsonl in {origin} is not JSON: {error}") from error
        if not isinstance(metrics, dict) or not isinstance(metrics.get("step"), int):
            raise InputError(f"line {number} of metrics.jsonl in {origin} has no step")
        lines.append(metrics)
    return lines


def mean_metrics(trainings: Sequence[Sequence[Mapping[str, object]]]) -> Sequence[Mapping[str, object]]:
    """The metrics of several trainings of as many steps, each figure in the mean of those that have it."""
    if len(trainings) == 1:
        return trainings[0]
    return [
        {
            **{name: mean([finite(line.get(name)) for line in lines]) for name in dict.fromkeys(chain(*lines))},
            "step": lines[0]["step"],
        }
        for lines in zip(*trainings, strict=True)
    ]


def curve(metrics: Sequence[Mapping[str, object]], names: Sequence[str], *, max_points: int = MAX_POINTS) -> Curve:
    """The named figures by their own step, at most `max_points` of them. What is missing or not finite is a gap."""
    stride = max(1, ceil(len(metrics) / max_points))
    groups = [metrics[first : first + stride] for first in range(0, len(metrics), stride)]
    return Curve(
        steps=tuple(_step(group[-1]) for group in groups),
        steps_per_point=stride,
        values={name: tuple(mean([finite(line.get(name)) for line in group]) for group in groups) for name in names},
    )


def finite(value: object) -> float | None:
    """A number, or None for anything that is not one: NaN, infinity, null, text."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are there, to nine significant digits; None when none is."""
    present = [value for value in values if value is not None]
    return float(f"{sum(present) / len(present):.9g}") if present else None


def ends(values: Sequence[float | None], *, share: float = 0.1) -> tuple[float | None, float | None]:
    """The means over the first and over the last share of what a curve has: some figures are measured now and then."""
    present = [value for value in values if value is not None]
    width = max(1, round(len(present) * share))
    return mean(present[:width]), mean(present[-width:])


def smoothed(values: Sequence[float | None], *, window: int) -> list[float | None]:
    """The running mean over `window` points around each; a gap stays a gap and is left out of the means beside it."""
    half = window // 2
    return [
        None if value is None else mean(values[max(0, place - half) : place + half + 1])
        for place, value in enumerate(values)
    ]


def _step(metrics: Mapping[str, object]) -> int:
    step = metrics["step"]
    if not isinstance(step, int):
        raise InputError(f"expected a step, got {step!r}")
    return step
