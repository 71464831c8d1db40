"""Which sequence of which source stands at a global index: a pure function of seed, weights and counts, with no list.

The sources take turns by a pattern that repeats, whose period is the denominator of the weights as fractions. Within it
each source's turn comes between the times at which its share falls due and is over (windows of "Proportionate
Progress", Baruah et al. 1996), the nearest end first: so every prefix holds each source's share within one sequence.
A source's sequences come in a keyed permutation of their own for each epoch.

Axes: N indexes, P places of a period, K sources, E epochs, R rounds of a permutation, D denominators.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from heapq import heappop, heappush
from math import lcm

import numpy as np
from numpy.typing import NDArray

from octo.errors import UsageError
from octo.randomness import permuted, round_keys

LONGEST_PERIOD = 1 << 17
"""Sequences after which the sources' pattern repeats at the latest; it bounds how far a fraction is from its weight."""
_SAME = 1e-12
"""Denominators whose fractions are that near to each other are as good: the smaller one is taken."""
_BLOCK = 8192

Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """Of N global indexes: which source, in which of its epochs, and which of its sequences."""

    source_N: Indexes
    """Position among the mixture's sources."""
    epoch_N: Indexes
    """From 0; an epoch holds every sequence of the source once."""
    row_N: Indexes
    """Position among all sequences of the source."""


@dataclass(frozen=True)
class Mixture:
    """Sources with the shares that they have of every `period` sequences, and how many sequences each has."""

    seed: int
    sources: tuple[str, ...]
    shares: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def period(self) -> int:
        """The denominator of the weights: share / period is the weight of a source."""
        return sum(self.shares)

    def at(self, indexes_N: Indexes) -> Places:
        """What stands at these global indexes, in any order and however large."""
        turn_P, nth_P = turns(self.shares)
        cycle_N, place_N = np.divmod(np.asarray(indexes_N, dtype=np.int64), self.period)
        source_N = turn_P[place_N]
        shares_K, counts_K = (np.array(each, dtype=np.int64) for each in (self.shares, self.counts))
        epoch_N, position_N = np.divmod(cycle_N * shares_K[source_N] + nth_P[place_N], counts_K[source_N])
        row_N = np.empty_like(position_N)
        for number in np.unique(source_N).tolist():
            here = source_N == number
            epochs, which = np.unique(epoch_N[here], return_inverse=True)
            keys_RE = np.stack(
                [round_keys(self.seed, "sequences", self.sources[number], epoch) for epoch in epochs.tolist()], axis=1
            )
            row_N[here] = permuted(position_N[here], self.counts[number], keys_RE[:, which])
        return Places(source_N, epoch_N, row_N)

    def given(self, num_sequences: int) -> dict[str, int]:
        """How many of the first sequences each source gives."""
        turn_P, _ = turns(self.shares)
        cycles, rest = divmod(num_sequences, self.period)
        more_K = np.bincount(turn_P[:rest], minlength=len(self.sources))
        return {
            source: cycles * share + int(more)
            for source, share, more in zip(self.sources, self.shares, more_K, strict=True)
        }


def mixture_of(weights: Mapping[str, float], counts: Mapping[str, int], *, seed: int) -> Mixture:
    """The mixture by these weights, which need not sum to 1, or without any in proportion to the counts.

    Args:
        weights: by source.
        counts: sequences by source.
        seed: key of the order of each source's sequences.

    Raises:
        UsageError: a weight of a source that has no sequence, or one that is too small.
    """
    there = ", ".join(f"{source} ({count} sequences)" for source, count in sorted(counts.items()) if count) or "nothing"
    missing = sorted(source for source in weights if not counts.get(source))
    if missing:
        raise UsageError(
            f"--weights names {', '.join(missing)}, of which there is no sequence; the tokens hold {there}"
        )
    if not any(counts.values()):
        raise UsageError("the tokens hold no sequence: is the corpus that they were made of empty?")
    shares = weights_as_shares(weights) if weights else _proportional(counts)
    sources = tuple(sorted(shares))
    return Mixture(
        seed, sources, tuple(shares[source] for source in sources), tuple(counts[source] for source in sources)
    )


def weights_as_shares(weights: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in proportion to the weights: exact where the weights as they are written allow it.

    Else the smallest denominator whose fractions are nearest to the weights.
    """
    exact = {source: Fraction(repr(weight)) for source, weight in weights.items()}
    total = sum(exact.values())
    shares = _exact_shares({source: weight / total for source, weight in exact.items()})
    if shares:
        return shares
    sources = sorted(weights)
    nearest = _nearest(np.array([float(exact[source] / total) for source in sources]))
    if nearest is None:
        least = min(sources, key=weights.__getitem__)
        raise UsageError(
            f"the weight {weights[least]} of {least} is less than one sequence in {LONGEST_PERIOD}: raise it, or leave "
            "the source out"
        )
    return dict(zip(sources, nearest, strict=True))


@lru_cache(maxsize=8)
def turns(shares: tuple[int, ...]) -> tuple[Indexes, Indexes]:
    """Of each place of the period: whose turn it is, and how many turns that source had before in the period."""
    period = sum(shares)
    turn_P, nth_P = np.empty(period, dtype=np.int64), np.empty(period, dtype=np.int64)
    waiting: list[tuple[int, int]] = [(0, source) for source in range(len(shares))]
    due: list[tuple[int, int]] = []
    had = [0] * len(shares)
    for place in range(period):
        while waiting and waiting[0][0] <= place:
            source = heappop(waiting)[1]
            heappush(due, (-(-(had[source] + 1) * period // shares[source]), source))
        source = heappop(due)[1]
        turn_P[place], nth_P[place] = source, had[source]
        had[source] += 1
        if had[source] < shares[source]:
            heappush(waiting, (had[source] * period // shares[source], source))
    return turn_P, nth_P


def _exact_shares(fractions: Mapping[str, Fraction]) -> dict[str, int] | None:
    period = lcm(*(fraction.denominator for fraction in fractions.values()))
    return {source: int(each * period) for source, each in fractions.items()} if period <= LONGEST_PERIOD else None


def _proportional(counts: Mapping[str, int]) -> dict[str, int]:
    """Shares like the counts; a source that is too small for one turn in the longest period gets a little more."""
    counts = {source: count for source, count in sorted(counts.items()) if count}
    total = sum(counts.values())
    shares = _exact_shares({source: Fraction(count, total) for source, count in counts.items()})
    if shares:
        return shares
    weights_K = np.maximum(np.array([count / total for count in counts.values()]), 2 / LONGEST_PERIOD)
    nearest = _nearest(weights_K / weights_K.sum())
    if nearest is None:
        raise UsageError(f"{len(counts)} sources are too many to take turns: name some of them with --weights")
    return dict(zip(counts, nearest, strict=True))


def _nearest(weights_K: NDArray[np.float64]) -> list[int] | None:
    """Numerators of the smallest denominator that leaves the least distance to any weight; none of them is 0."""
    errors_D = np.concatenate(
        [
            _rounded(weights_K, np.arange(first, min(first + _BLOCK, LONGEST_PERIOD + 1)))[1]
            for first in range(1, LONGEST_PERIOD + 1, _BLOCK)
        ]
    )
    if not np.isfinite(errors_D).any():
        return None
    best = int(np.argmax(errors_D <= errors_D.min() + _SAME)) + 1
    return [int(share) for share in _rounded(weights_K, np.array([best]))[0][0]]


def _rounded(weights_K: NDArray[np.float64], denominators_D: Indexes) -> tuple[Indexes, NDArray[np.float64]]:
    """The weights as numerators over each denominator by largest remainder, and the greatest distance of any."""
    ideal_DK = denominators_D[:, None] * weights_K
    shares_DK = np.floor(ideal_DK).astype(np.int64)
    lacking_D = denominators_D - shares_DK.sum(axis=1)
    order_DK = np.argsort(shares_DK - ideal_DK, axis=1, kind="stable")
    more_DK = (np.arange(len(weights_K)) < lacking_D[:, None]).astype(np.int64)
    np.put_along_axis(shares_DK, order_DK, np.take_along_axis(shares_DK, order_DK, axis=1) + more_DK, axis=1)
    errors_D = np.abs(shares_DK - ideal_DK).max(axis=1) / denominators_D
    errors_D[shares_DK.min(axis=1) < 1] = np.inf
    return shares_DK, errors_D
