"""MinHash with banding: sets that are alike share a band with a probability that rises steeply with their similarity.

Of two sets with Jaccard similarity j, the least of a random permutation of their members is the same with probability
j; `rows` such numbers make a band, so one band of two sets is equal with probability j^rows, and any of `bands` with
1 - (1 - j^rows)^bands (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3).
"""

import numpy as np
from numpy.typing import NDArray

from octo.data.shingles import Hashes, Runs, mixed
from octo.randomness import generator
from octo.settings.near import NearSettings

_HASHES_AT_A_TIME = 1 << 13
"""Times 110 permutations of four bytes is what a level-two cache holds some of: 2.5 times as fast as all at once."""


class Signer:
    """Gives texts the keys of their bands. The permutations depend on the seed alone."""

    def __init__(self, settings: NearSettings, *, seed: int) -> None:
        self._bands, self._rows = settings.bands, settings.rows
        draws = generator(seed, "minhash").integers(0, 2**32, (2, self._bands * self._rows), np.uint32)
        # Odd, so that it permutes the numbers of 32 bits.
        self._factors, self._terms = draws[0] | np.uint32(1), draws[1]
        self._band_keys = mixed(np.arange(self._bands, dtype=np.uint64))

    def keys(self, runs: Runs) -> NDArray[np.uint64]:
        """For each text that has runs, in their order, a key for each band: equal where that band is."""
        counts = runs.counts[runs.counts > 0]
        least = self._least((runs.hashes >> np.uint64(32)).astype(np.uint32), counts)
        bands = least.reshape(len(counts), self._bands, self._rows).astype(np.uint64)
        keys = np.broadcast_to(self._band_keys, bands.shape[:2]).copy()
        for row in range(self._rows):
            keys = mixed(keys ^ bands[:, :, row])
        return keys

    def _least(self, hashes: NDArray[np.uint32], counts: NDArray[np.int64]) -> NDArray[np.uint32]:
        """The least number of each text under each permutation; a long text is taken in pieces."""
        pieces, owners = _pieces(counts)
        least = np.full((len(counts), len(self._factors)), np.uint32(2**32 - 1))
        ends = np.cumsum(pieces)
        place = 0
        while place < len(pieces):
            first = int(ends[place - 1]) if place else 0
            after = max(place + 1, int(np.searchsorted(ends, first + _HASHES_AT_A_TIME, side="right")))
            starts = np.concatenate([[0], ends[place : after - 1] - first])
            permuted = self._factors[:, None] * hashes[None, first : ends[after - 1]]
            permuted += self._terms[:, None]
            found = np.minimum.reduceat(permuted, starts, axis=1).T
            # Two pieces of one text are never taken at once: all but its last fill what is taken.
            own = owners[place:after]
            least[own] = np.minimum(least[own], found)
            place = after
        return least


def chance(similarity: float, *, bands: int, rows: int) -> float:
    """The probability that two sets of this Jaccard similarity share a band."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def overlap(first: Hashes, second: Hashes) -> float:
    """The Jaccard similarity of two sets, sorted and without repetition; of two that are empty, 0."""
    small, large = sorted((first, second), key=len)
    if not len(small):
        return 0.0
    places = np.minimum(np.searchsorted(large, small), len(large) - 1)
    shared = int(np.count_nonzero(large[places] == small))
    return shared / (len(first) + len(second) - shared)


def _pieces(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The counts cut so that none is over what is taken at a time, and whose each is."""
    parts = np.maximum(-(-counts // _HASHES_AT_A_TIME), 1)
    owners = np.repeat(np.arange(len(counts)), parts)
    lengths = np.full(len(owners), _HASHES_AT_A_TIME, np.int64)
    lasts = np.cumsum(parts) - 1
    lengths[lasts] = counts - (parts - 1) * _HASHES_AT_A_TIME
    return lengths, owners
