"""Estimates with 95 % intervals, over the problems that models were asked and the seeds that they were trained with.

Axes: S training seeds, P problems, R resamples.
"""

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from octo.findings import CONFIDENCE, LEAST, Interval, Z, mean_of_numbers, student
from octo.report.results import Estimate


def proportion(correct: int, total: int) -> Estimate:
    """A share of right answers with Wilson's score interval, which holds near 0 and 1 and for few problems."""
    if total == 0:
        return Estimate()
    share = correct / total
    centre = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == total else min(1.0, centre + half)
    return _rounded(share, low, high)


def mean_of(
    values: Sequence[float], *, bounds: tuple[float, float], generator: np.random.Generator, resamples: int
) -> Estimate:
    """A mean over problems with its percentile bootstrap interval.

    Each resample draws from the problems and from one imagined problem at each bound, so that problems that all agree
    do not look like certainty (the idea of Agresti and Min's interval for paired shares).
    """
    if not values:
        return Estimate()
    return _between(float(np.mean(values)), _drawn_means(values, bounds, generator, resamples))


def mean_over_seeds(
    values_SP: Sequence[Sequence[float]],
    *,
    bounds: tuple[float, float],
    generator: np.random.Generator,
    resamples: int,
) -> Estimate:
    """A mean over training seeds S and problems P, which every seed was asked, with the interval of both.

    A hierarchical bootstrap: each resample draws from the seeds, then from the problems, as `mean_of` does. Of n seeds
    drawn from n the mean varies by (n - 1) / n of what it should, and so few do not show how far they lie apart: what a
    resample's seeds add is drawn wider, as Student's t is than the normal distribution. Without that, an interval of
    three seeds holds the truth three times in four.
    """
    values = np.asarray(values_SP, dtype=np.float64)
    if not values.size:
        return Estimate()
    if len(values_SP) == 1:
        return mean_of(values_SP[0], bounds=bounds, generator=generator, resamples=resamples)
    num_seeds = len(values)
    offsets_S = values.mean(axis=1) - values.mean()
    drawn_RS = offsets_S[generator.integers(num_seeds, size=(resamples, num_seeds))]
    # n / (n - 1) mends the variance; (n - 1) / chi-squared makes of a normal number one of Student's.
    widths_R = np.sqrt(num_seeds / generator.chisquare(num_seeds - 1, size=resamples))
    problems_R = _drawn_means(values.mean(axis=0).tolist(), bounds, generator, resamples)
    lowest, highest = bounds
    return _between(float(values.mean()), np.clip(problems_R + widths_R * drawn_RS.mean(axis=1), lowest, highest))


def _drawn_means(
    values: Sequence[float], bounds: tuple[float, float], generator: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    distinct, counts = np.unique(np.round(np.asarray([*values, *bounds], dtype=np.float64), 9), return_counts=True)
    draws = generator.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    means: NDArray[np.float64] = draws @ distinct / counts.sum()
    return means


def _between(mean: float, means: NDArray[np.float64]) -> Estimate:
    """The percentile interval of resamples' means; it holds the mean itself."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return _rounded(mean, min(float(low), mean), max(float(high), mean))


def mean_from_sums(count: int, total: float, squares: float, *, shift: float = 0.0) -> Estimate:
    """A mean with Student's interval, see `mean_of_numbers`; `shift` is added to the mean and to both ends."""
    return estimate_of(mean_of_numbers(count, total, squares), lambda number: shift + number)


def difference_of(first: tuple[int, float, float], second: tuple[int, float, float]) -> Estimate:
    """The second mean less the first with Welch's interval, of numbers of which count, sum and squares are known.

    They are taken as independent; of the same problems, that makes the interval rather wider than narrower.
    """
    means, errors = [], []
    for count, total, squares in (first, second):
        if count < LEAST:
            return Estimate()
        means.append(total / count)
        errors.append(max(0.0, squares - total * total / count) / (count - 1) / count)
    freedom = sum(errors) ** 2 / max(
        1e-300, sum(e * e / (n - 1) for e, (n, *_) in zip(errors, (first, second), strict=True))
    )
    value, half = means[1] - means[0], student(max(LEAST - 1, int(freedom))) * sqrt(sum(errors))
    return _rounded(value, value - half, value + half)


def estimate_of(found: Interval, made: Callable[[float], float] = float) -> Estimate:
    """An interval as a part of the results, of which something that rises with it was made."""
    if found.value is None or found.low is None or found.high is None:
        return Estimate()
    return _rounded(made(found.value), made(found.low), made(found.high))


def change_over(places: Sequence[float], values: Sequence[float]) -> Estimate:
    """How much a straight line through the values rises from the first place to the last, with Student's interval.

    The values' deviations from the line are taken as independent. Nothing of fewer than five values.
    """
    if len(values) < LEAST:
        return Estimate()
    xs, ys = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    centred = xs - xs.mean()
    spread = float(centred @ centred)
    slope = float(centred @ ys) / spread
    residuals = ys - ys.mean() - slope * centred
    error = sqrt(float(residuals @ residuals) / (len(ys) - 2) / spread)
    length = float(xs.max() - xs.min())
    half = student(len(ys) - 2) * error
    return _rounded(slope * length, (slope - half) * length, (slope + half) * length)


def _rounded(value: float, low: float, high: float) -> Estimate:
    # Six digits: what is left of the last bits differs between processors.
    return Estimate(value=round(value, 6), low=round(low, 6), high=round(high, 6))
