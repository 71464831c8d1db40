"""What near matches are told by: the set of runs of words, or of characters, of a text.

Texts are compared in the form in which copies are (`normal_forms`: NFKC, case folded, white space squeezed); what
stands between two spaces of it is a word. A text with fewer words than a run has is one run, and one without any has
none.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.normal_forms import comparable
from octo.settings.near import NearSettings

Hashes = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_WORDS_AT_A_TIME = 1 << 20
_WORDS_KEPT = 1 << 18
"""Hashes of words that are remembered: some 40 MB."""


class Runs(NamedTuple):
    """The hashes of the runs of several texts, one text after another; a run that comes twice may be there twice."""

    hashes: Hashes
    counts: NDArray[np.int64]
    """How many are each text's."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each text's begin."""
        return np.cumsum(self.counts) - self.counts

    def sets(self, at: Iterable[int]) -> list[Hashes]:
        """The sets of these texts, sorted."""
        starts = self.starts
        return [_distinct(self.hashes[starts[text] : starts[text] + self.counts[text]]) for text in at]


class Shingler:
    """Makes runs of texts. It remembers what common words hash to, and holds a bounded number of them."""

    def __init__(self, settings: NearSettings) -> None:
        self._units = self._characters if settings.unit == "characters" else self._words
        self._size = settings.shingle_size
        self._known = _WordHashes()

    def runs(self, texts: Sequence[str]) -> Runs:
        """The runs of each text, 64 bits each: two different ones of a corpus are seldom equal."""
        units = [self._units(comparable(text)) for text in texts]
        if len(units) == 1:
            return _runs_of_one(units.pop(), self._size)
        # Of a short text, what lacks to one whole run is filled up: no unit hashes to 0.
        lengths = np.array([max(len(each), self._size) if len(each) else 0 for each in units], np.int64)
        ends = np.cumsum(lengths)
        laid = np.zeros(int(lengths.sum()) + self._size - 1, np.uint64)
        for each, end, length in zip(units, ends.tolist(), lengths.tolist(), strict=True):
            laid[end - length : end - length + len(each)] = each
        counts = np.maximum(lengths - (self._size - 1), 0)
        first = np.repeat(ends - lengths, counts) + _within(counts)
        return Runs(mixed(_windows(laid, self._size)[first]), counts)

    def _words(self, form: str) -> Hashes:
        pieces = []
        words = iter(form.split(" ")) if len(form) < _WORDS_AT_A_TIME else _split(form)
        while piece := list(islice(words, _WORDS_AT_A_TIME)):
            pieces.append(np.fromiter(map(self._known.__getitem__, piece), np.uint64, len(piece)))
            if len(self._known) > _WORDS_KEPT:
                self._known.clear()
        found = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return found if form else found[:0]

    @staticmethod
    def _characters(form: str) -> Hashes:
        return mixed(np.frombuffer(form.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64))


class _WordHashes(dict[str, int]):
    def __missing__(self, word: str) -> int:
        digest = blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "little") or 1
        return found


def _runs_of_one(units: Hashes, size: int) -> Runs:
    """The runs of one text, however long: little is held beside its units and their hashes."""
    if 0 < len(units) < size:
        units = np.concatenate([units, np.zeros(size - len(units), np.uint64)])
    hashes = np.empty(max(len(units) - (size - 1), 0), np.uint64)
    for start in range(0, len(hashes), _WORDS_AT_A_TIME):
        part = hashes[start : start + _WORDS_AT_A_TIME]
        part[:] = mixed(_windows(units[start : start + len(part) + size - 1], size))
    return Runs(hashes, np.array([len(hashes)]))


def mixed(values: Hashes) -> Hashes:
    """A permutation of 64-bit numbers that leaves no pattern (the last step of splitmix64, shifted off zero)."""
    found = values + _STEP
    found ^= found >> np.uint64(30)
    found *= np.uint64(0xBF58476D1CE4E5B9)
    found ^= found >> np.uint64(27)
    found *= np.uint64(0x94D049BB133111EB)
    found ^= found >> np.uint64(31)
    return found


def _distinct(hashes: Hashes) -> Hashes:
    # numpy's own `unique` hashes, which takes ten times as long for millions.
    found = np.sort(hashes)
    is_new = np.ones(len(found), np.bool_)
    is_new[1:] = found[1:] != found[:-1]
    return found[is_new]


def _windows(units: Hashes, size: int) -> Hashes:
    """A polynomial of each `size` units in a row."""
    count = len(units) - (size - 1)
    total = units[:count].copy()
    for offset in range(1, size):
        total *= _STEP
        total += units[offset : offset + count]
    return total


def _within(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... up to each of the counts, one after another."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _split(form: str) -> Iterator[str]:
    """The words of a form of any length, of which few are held at a time."""
    return chain.from_iterable(piece.split(" ") for piece in _pieces(form))


def _pieces(form: str) -> Iterator[str]:
    start = 0
    while start < len(form):
        end = form.find(" ", start + _WORDS_AT_A_TIME)
        yield form[start : None if end < 0 else end]
        if end < 0:
            return
        start = end + 1
