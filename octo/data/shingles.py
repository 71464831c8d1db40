"""What near matches are told by: the set of runs of words, or of characters, of a text.

Texts are compared in the form in which copies are (`normal_forms`: NFKC, case folded, white space squeezed); what
stands between two spaces of it is a word. A text with fewer words than a run has is one run, and one without any has
none.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.normal_forms import comparable
from octo.data.word_hashes import Hashes, hashes_of_words
from octo.settings.near import NearSettings

__all__ = ["Hashes", "Runs", "Shingler", "mixed"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_WORDS_AT_A_TIME = 1 << 20


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
    """Makes runs of texts."""

    def __init__(self, settings: NearSettings) -> None:
        self._units = _characters if settings.unit == "characters" else _words
        self._size = settings.shingle_size

    def runs(self, texts: Sequence[str]) -> Runs:
        """The runs of each text, 64 bits each: two different ones of a corpus are seldom equal."""
        units, lengths = self._units([comparable(text) for text in texts])
        if len(lengths) == 1:
            return _runs_of_one(units, self._size)
        # Of a short text, what lacks to one whole run is filled up: no unit hashes to 0.
        laid_lengths = np.where(lengths > 0, np.maximum(lengths, self._size), 0)
        ends = np.cumsum(laid_lengths)
        laid = np.zeros(int(laid_lengths.sum()) + self._size - 1, np.uint64)
        laid[np.repeat(ends - laid_lengths, lengths) + _within(lengths)] = units
        counts = np.maximum(laid_lengths - (self._size - 1), 0)
        first = np.repeat(ends - laid_lengths, counts) + _within(counts)
        return Runs(mixed(_windows(laid, self._size)[first]), counts)


def _words(forms: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """Hashes of the words of all forms, and how many are each form's."""
    lengths = np.array([form.count(" ") + 1 if form else 0 for form in forms], np.int64)
    return hashes_of_words(" ".join(filter(None, forms)).encode(errors="surrogatepass")), lengths


def _characters(forms: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """The same of characters."""
    lengths = np.array([len(form) for form in forms], np.int64)
    letters = np.frombuffer("".join(forms).encode("utf-32-le", "surrogatepass"), "<u4")
    return mixed(letters.astype(np.uint64)), lengths


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
