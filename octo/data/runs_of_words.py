"""Runs of words that come again in a text: the share of characters in the most frequent, and in all that came before.

Runs are told from each other exactly: a run of n + 1 words is the number of the run of n that it begins with, and its
last word. One that repeats begins with one that does, so that only those are looked at again; of most texts few are.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.texts import Counts, Words, integers

TOP_SIZES, REPEATED_SIZES = range(2, 5), range(5, 11)
_WORD_BITS = 32


class _Runs(NamedTuple):
    """Runs of `size` words that come more than once in their text."""

    size: int
    places: Counts
    """Where each begins, among the words of all texts."""
    numbers: Counts
    """Which it is: equal for equal runs of one text."""
    is_first: NDArray[np.bool_]
    """Whether it came never before."""


def repetition(
    words: Words, lengths: Counts, *, max_top: Callable[[int], float], max_repeated: Callable[[int], float]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """By reason, which of the texts repeat too much.

    Args:
        words: of the texts.
        lengths: characters of each text.
        max_top: of runs of so many words, the share of the characters that the most frequent may have.
        max_repeated: of runs of so many words, the share of the characters that those that came before may have.
    """
    characters = np.concatenate([[0], np.cumsum(words.lengths[words.numbers])])
    ends_of_words = np.repeat(words.ends, words.counts)
    runs = _pairs(words)
    for size in (*TOP_SIZES, *REPEATED_SIZES):
        if size > 2:
            runs = _longer(runs, words, ends_of_words)
        if size in TOP_SIZES:
            yield f"top_{size}_grams", _top(runs, words, characters) > max_top(size) * lengths
        else:
            yield f"repeated_{size}_grams", _over(runs, words, characters, max_repeated(size) * lengths)


def _pairs(words: Words) -> _Runs:
    place = np.arange(len(words.numbers))
    has_next = place + 1 < np.repeat(words.ends, words.counts)
    place = place[has_next]
    numbers = words.numbers.astype(np.int64)
    # Two words' numbers fill 64 bits; whose they are makes a number of its own.
    found, _ = _numbered((numbers[place] << _WORD_BITS) | numbers[place + 1])
    return _repeated(2, place, (words.owners[place] << _WORD_BITS) | found)


def _longer(runs: _Runs, words: Words, ends: Counts) -> _Runs:
    fits = runs.places + runs.size < ends[runs.places]
    places = runs.places[fits]
    keys = (runs.numbers[fits] << _WORD_BITS) | words.numbers[places + runs.size]
    return _repeated(runs.size + 1, places, keys)


def _repeated(size: int, places: Counts, keys: Counts) -> _Runs:
    numbers, count = _numbered(keys)
    again = np.bincount(numbers, minlength=count)[numbers] > 1
    first_place = np.empty(count, np.int64)
    # The last that is written stays: the first of all.
    first_place[numbers[::-1]] = np.arange(len(numbers))[::-1]
    is_first = np.zeros(len(numbers), np.bool_)
    is_first[first_place] = True
    return _Runs(size, places[again], numbers[again], is_first[again])


def _numbered(keys: Counts) -> tuple[Counts, int]:
    """A small number for each key, in the order in which they first come, and how many there are."""
    encoded = integers(keys).dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)


def _top(runs: _Runs, words: Words, characters: Counts) -> Counts:
    """Of each text, the characters of its most frequent run, as often as it comes; of several, of the first one.

    Spaces between its words count. Where no run comes twice it is the text's first.
    """
    starts, size = words.starts, runs.size
    has_run = words.counts >= size
    found = np.zeros(len(words.counts), np.int64)
    first = starts[has_run]
    found[has_run] = characters[first + size] - characters[first] + size - 1
    if not len(runs.places):
        return found
    occurrences = np.bincount(runs.numbers)[runs.numbers[runs.is_first]]
    places = runs.places[runs.is_first]
    owners = words.owners[places]
    order = np.lexsort((places, -occurrences, owners))
    leading = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
    place = places[leading]
    found[owners[leading]] = (characters[place + size] - characters[place] + size - 1) * occurrences[leading]
    return found


def _over(runs: _Runs, words: Words, characters: Counts, most: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which texts have more characters than these in runs that came before, of which none overlaps with another."""
    over = np.zeros(len(words.counts), np.bool_)
    later = runs.places[~runs.is_first]
    if not len(later):
        return over
    # What is in any such run is at least as much: few texts have to be gone through run by run.
    edges = np.zeros(len(words.numbers) + 1, np.int64)
    np.add.at(edges, later, 1)
    np.add.at(edges, later + runs.size, -1)
    covered = np.cumsum(edges[:-1]) > 0
    bound = words.sums(np.where(covered, np.diff(characters), 0))
    owners = words.owners[runs.places]
    for text in np.flatnonzero(bound > most).tolist():
        start, end = np.searchsorted(owners, [text, text + 1]).tolist()
        over[text] = _apart(runs, start, end, characters) > most[text]
    return over


def _apart(runs: _Runs, start: int, end: int, characters: Counts) -> int:
    """Characters of the runs of one text that came before, from left to right, each after the end of the last."""
    seen: set[int] = set()
    total = after = 0
    for place, number in zip(runs.places[start:end].tolist(), runs.numbers[start:end].tolist(), strict=True):
        if place < after:
            continue
        if number in seen:
            after = place + runs.size
            total += int(characters[after] - characters[place])
        else:
            seen.add(number)
    return total
