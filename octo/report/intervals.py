"""Estimates with 95 % intervals, over the problems that models were asked."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

from octo.report.results import Estimate

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


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
    distinct, counts = np.unique(np.round(np.asarray([*values, *bounds], dtype=np.float64), 9), return_counts=True)
    draws = generator.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    means = draws @ distinct / counts.sum()
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    mean = float(np.mean(values))
    return _rounded(mean, min(float(low), mean), max(float(high), mean))


def _rounded(value: float, low: float, high: float) -> Estimate:
    # Six digits: what is left of the last bits differs between processors.
    return Estimate(value=round(value, 6), low=round(low, 6), high=round(high, 6))
