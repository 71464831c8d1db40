"""Texts that are looked at together: their words as numbers, so that a rule is a few passes over one batch."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Counts = NDArray[np.int64]
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_LETTER = re.compile(r"[^\W\d_]")


class Words(NamedTuple):
    """What white space separates in several texts, one text after another."""

    numbers: NDArray[np.int32]
    """Of each word: which of the vocabulary it is."""
    counts: Counts
    """How many are each text's."""
    vocabulary: pa.Array
    """Every word once."""
    lengths: Counts
    """Characters of each word of the vocabulary."""

    @property
    def ends(self) -> Counts:
        """Where each text's words end."""
        return np.cumsum(self.counts)

    @property
    def starts(self) -> Counts:
        """Where each text's words begin."""
        return self.ends - self.counts

    @property
    def owners(self) -> Counts:
        """Of each word, whose it is."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def totals(self, of_each: NDArray[np.int64] | NDArray[np.bool_]) -> Counts:
        """For each text the sum of what is said of each word of the vocabulary, over the text's words."""
        return self.sums(of_each[self.numbers])

    def sums(self, values: NDArray[np.int64] | NDArray[np.bool_]) -> Counts:
        """For each text the sum of what is said of each of its words."""
        up_to = np.concatenate([[0], np.cumsum(values)])
        found: Counts = up_to[self.ends] - up_to[self.starts]
        return found

    def distinct(self, marked: NDArray[np.int64]) -> Counts:
        """For each text how many different numbers, not below 0, the vocabulary gives to its words."""
        given = marked[self.numbers]
        has = given >= 0
        width = int(marked.max(initial=0)) + 1
        pairs = np.unique(self.owners[has] * width + given[has])
        return np.bincount(pairs // width, minlength=len(self.counts))

    def holding(self, ascii_pattern: str, pattern: re.Pattern[str]) -> NDArray[np.bool_]:
        """Which of the vocabulary hold a pattern.

        Args:
            ascii_pattern: of which a word that has it surely holds the other, in the syntax of RE2.
            pattern: asked of the other words, where they are not all ASCII.
        """
        found = _booleans(pc.match_substring_regex(self.vocabulary, ascii_pattern))
        others = np.flatnonzero(~found & ~_booleans(pc.string_is_ascii(self.vocabulary)))
        if len(others):
            words = self.vocabulary.take(integers(others)).to_pylist()
            found[others] = [pattern.search(word) is not None for word in words]
        return found

    @property
    def countable(self) -> NDArray[np.bool_]:
        """Which of the vocabulary hold a letter or a digit."""
        return self.holding("[0-9A-Za-z]", _LETTER_OR_DIGIT)

    @property
    def alphabetic(self) -> NDArray[np.bool_]:
        """Which of the vocabulary hold a letter."""
        return self.holding("[A-Za-z]", _LETTER)

    def numbered(self, words: Sequence[str]) -> NDArray[np.int64]:
        """For each word of the vocabulary its place among these, or -1."""
        found = pc.index_in(self.vocabulary, value_set=strings(words))
        numbers: NDArray[np.int64] = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return numbers


class Texts(Sequence[str]):
    """Some texts, and their words once somebody asks."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)

    def __getitem__(self, at: int) -> str:  # type: ignore[override] # no slices
        return self._texts[at]

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    @cached_property
    def words(self) -> Words:
        """Their words, as `str.split` finds them."""
        lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(strings(self._texts)))
        counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        # Nothing is split into one empty word.
        empty = np.array([not text or text.isspace() for text in self._texts], np.bool_)
        encoded = lists.flatten().dictionary_encode()
        numbers = encoded.indices.to_numpy(zero_copy_only=False)
        if empty.any():
            numbers = numbers[~np.repeat(empty, counts)]
            counts[empty] = 0
        lengths = pc.utf8_length(encoded.dictionary).to_numpy(zero_copy_only=False).astype(np.int64)
        return Words(numbers, counts, encoded.dictionary, lengths)

    @cached_property
    def lengths(self) -> Counts:
        """Characters of each."""
        return np.array([len(text) for text in self._texts], np.int64)

    def take(self, at: Sequence[int]) -> "Texts":
        """Some of them, whose words are not looked for again."""
        if len(at) == len(self):
            return self
        taken = Texts([self._texts[each] for each in at])
        if "words" in vars(self):
            is_taken = np.zeros(len(self), np.bool_)
            is_taken[list(at)] = True
            words = self.words
            numbers = words.numbers[np.repeat(is_taken, words.counts)]
            taken.words = words._replace(numbers=numbers, counts=words.counts[is_taken])
        return taken


def strings(texts: Sequence[str]) -> pa.Array:
    """Texts as Arrow's."""
    # pa.array would import pandas to ask whether it is one of its columns.
    builder = pa.lib.StringBuilder()
    builder.append_values(list(texts))
    return builder.finish()


def integers(numbers: NDArray[np.int64]) -> pa.Array:
    """Numbers as Arrow's, which are not copied."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers))])


def _booleans(array: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = array.to_numpy(zero_copy_only=False)
    return found.copy()
