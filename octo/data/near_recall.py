"""Which share of near matches is found: a sample of documents is compared with every document, by their shingles."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.near import places_of
from octo.data.shingles import Hashes, Runs, mixed

MOST_SHINGLES = 1 << 14
"""Documents with more are not drawn: a sample is held whole."""
_CELLS = 1 << 20
"""Of a table of documents against the sample, which is held at a time."""


def drawn_of(orders: NDArray[np.uint64], *, seed: int, sample: int, num_documents: int) -> NDArray[np.bool_]:
    """Which documents are of a sample of about that size: by their digests and the seed, wherever they lie."""
    if sample >= num_documents:
        return np.ones(len(orders), np.bool_)
    drawn = mixed(orders << np.uint64(1) ^ np.uint64(seed % 2**64))
    return drawn < np.uint64(sample * 2**64 // num_documents)


class Drawn(NamedTuple):
    """The documents of a sample that lie in one shard."""

    rows: NDArray[np.uint32]
    orders: NDArray[np.uint64]
    sets: Sequence[Hashes]

    def to_bytes(self) -> bytes:
        """As bytes that say how long they are, so that those of many shards can stand one after another."""
        sizes = np.array([len(each) for each in self.sets], "<u8")
        numbers = [np.array([len(self.rows)], "<u8"), self.rows.astype("<u8"), self.orders, sizes, *self.sets]
        return np.concatenate(numbers).astype("<u8").tobytes()


class Sample:
    """The documents of a sample, ready to be compared with many."""

    def __init__(self, drawn: bytes) -> None:
        """Of the bytes of what was drawn of every shard, one after another."""
        numbers = np.frombuffer(drawn, "<u8").astype(np.uint64)
        shards, place = [], 0
        while place < len(numbers):
            shard, place = _drawn_at(numbers, place)
            shards.append(shard)
        none = np.empty(0, np.uint64)
        self.places = np.concatenate([none, *(places_of(at, shard.rows) for at, shard in enumerate(shards))])
        self._orders = np.concatenate([none, *(shard.orders for shard in shards)])
        sets = [each for shard in shards for each in shard.sets]
        self._sizes = np.array([len(each) for each in sets], np.int64)
        hashes = np.concatenate([none, *sets])
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        self._owners = np.repeat(np.arange(len(sets)), self._sizes)[order]

    def follow(self, orders: NDArray[np.uint64], runs: Runs, *, threshold: float) -> NDArray[np.bool_]:
        """Which of the sample are near matches of a document among these that goes before them.

        All documents have runs.
        """
        found = np.zeros(len(self.places), np.bool_)
        if not len(found):
            return found
        at_once = max(1, _CELLS // len(found))
        sets = runs.sets(range(len(runs.counts)))
        for start in range(0, len(sets), at_once):
            part = sets[start : start + at_once]
            which, shared = self._shared(part)
            sizes = np.array([len(each) for each in part])[which]
            union = sizes[:, None] + self._sizes[None] - shared
            before = orders[start : start + at_once][which][:, None] < self._orders[None]
            found |= ((shared / union >= threshold) & before).any(axis=0)
        return found

    def _shared(self, sets: Sequence[Hashes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of these share shingles with the sample, and how many each of them does with each."""
        hashes = np.concatenate(sets)
        numbers = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
        first = np.searchsorted(self._hashes, hashes)
        counts = np.searchsorted(self._hashes, hashes, side="right") - first
        hit = counts > 0
        first, counts = first[hit], counts[hit]
        which, numbers = np.unique(numbers[hit], return_inverse=True)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        cells = np.repeat(numbers, counts) * len(self.places) + self._owners[np.repeat(first, counts) + within]
        shape = (len(which), len(self.places))
        return which, np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def _drawn_at(numbers: NDArray[np.uint64], place: int) -> tuple[Drawn, int]:
    """What was drawn of the shard that begins there, and where it ends."""
    count = int(numbers[place])
    rows, orders, sizes = numbers[place + 1 : place + 1 + 3 * count].reshape(3, count)
    ends = place + 1 + 3 * count + np.cumsum(sizes.astype(np.int64))
    starts = ends - sizes.astype(np.int64)
    sets = [numbers[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return Drawn(rows.astype(np.uint32), orders, sets), int(ends[-1]) if count else place + 1
