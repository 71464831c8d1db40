"""How much a decoding order is like reading from left to right (DiffuCoder, section 4: AR-ness).

An order is the list of a completion's positions as they were unmasked. T is how many they are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import comb, perm
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Variant = Literal["ordered", "set"]
"""Of the k positions unmasked before: they were the k to the left, from left to right; or in any order."""
History = Literal["zero", "left out"]
"""What becomes of the first k steps, which have no k steps before them: they count as no, or not at all."""


@dataclass(frozen=True)
class Rules:
    """What the paper leaves open, to be said beside every figure."""

    variant: Variant = "ordered"
    history: History = "zero"
    counted: Literal["all", "text"] = "all"
    """Whether positions after the end of the text are part of an order."""


@dataclass(frozen=True)
class ArNess:
    """The mean of several completions."""

    local_by_k: dict[int, float]
    """Share of steps that go on where the k steps before came from; of the ordered variant, it falls as k grows."""
    global_by_k: dict[int, float]
    """Share of steps that take one of the k leftmost masks; rises with k."""
    local_chance_by_k: dict[int, float]
    """What the same positions have in the mean of all their orders: chance alone makes it fall as answers grow."""
    global_chance_by_k: dict[int, float]
    num_completions: int
    rules: Rules


def ar_ness(
    orders: Sequence[Sequence[int]], *, local_ks: Sequence[int], global_ks: Sequence[int], rules: Rules
) -> ArNess:
    """The means over completions, each of equal weight; those of no position are left out."""
    told = [np.asarray(order, dtype=np.int64) for order in orders if len(order)]
    local = {k: [local_ar_ness(order, k, rules=rules) for order in told] for k in local_ks}
    leftness = [_masks_to_the_left(order) for order in told]
    return ArNess(
        local_by_k={k: _mean(shares) for k, shares in local.items()},
        global_by_k={k: _mean([float((each < k).mean()) for each in leftness]) for k in global_ks},
        local_chance_by_k={k: _mean([local_chance(order, k, rules=rules) for order in told]) for k in local_ks},
        global_chance_by_k={k: _mean([global_chance(len(order), k) for order in told]) for k in global_ks},
        num_completions=len(told),
        rules=rules,
    )


def local_ar_ness(order: Sequence[int] | NDArray[np.int64], k: int, *, rules: Rules) -> float:
    """The share of steps that unmask p after p - k, ..., p - 1 were unmasked last; NaN where no step counts."""
    positions_T = np.asarray(order)
    num_steps = len(positions_T) - (k if rules.history == "left out" else 0)
    if num_steps <= 0:
        return float("nan")
    if len(positions_T) <= k:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(positions_T, k + 1)
    if rules.variant == "ordered":
        goes_on = (np.diff(windows, axis=1) == 1).all(axis=1)
    else:
        # Positions are different from each other, so k of them within k places are all of those places.
        before, now = windows[:, :-1], windows[:, -1]
        goes_on = (before.min(axis=1) >= now - k) & (before.max(axis=1) < now)
    return float(goes_on.sum() / num_steps)


def global_ar_ness(order: Sequence[int] | NDArray[np.int64], k: int) -> float:
    """The share of steps that unmask one of the k leftmost masks."""
    return float((_masks_to_the_left(np.asarray(order)) < k).mean())


def local_chance(order: Sequence[int] | NDArray[np.int64], k: int, *, rules: Rules) -> float:
    """The local AR-ness of the same positions in the mean of all their orders; NaN where no step counts.

    Of the ordered selections of k + 1 positions, each is as likely at a step, and those count that follow each other.
    """
    size = len(order)
    num_steps = size - (k if rules.history == "left out" else 0)
    if num_steps <= 0:
        return float("nan")
    if size <= k:
        return 0.0
    places_T = np.sort(np.asarray(order))
    num_runs = int((places_T[k:] - places_T[:-k] == k).sum())
    ways = perm(size, k + 1) if rules.variant == "ordered" else (k + 1) * comb(size, k + 1)
    return num_runs / ways * (size - k) / num_steps


def global_chance(size: int, k: int) -> float:
    """The global AR-ness of that many positions in the mean of all their orders: at k = 1, the harmonic number over it.

    With m masks left, one of the k leftmost is next with probability k / m.
    """
    return sum(min(1.0, k / left) for left in range(1, size + 1)) / size


def text_only(order: Sequence[int], text: Collection[int]) -> list[int]:
    """The order of the positions that are text, as if there were no others."""
    return [position for position in order if position in text]


def _mean(shares: Sequence[float]) -> float:
    """Of the shares that are numbers."""
    numbers = [share for share in shares if not np.isnan(share)]
    return float(np.mean(numbers)) if numbers else float("nan")


def _masks_to_the_left(positions_T: NDArray[np.int64]) -> NDArray[np.int64]:
    """By step, how many of the order's positions to the left are unmasked later."""
    left_TT = np.triu(positions_T[None, :] < positions_T[:, None])
    num_left_T: NDArray[np.int64] = left_TT.sum(axis=1)
    return num_left_T
