"""Gopher's rules (arXiv 2112.11446, appendix A): quality, and then repetition, of what white space separates.

Where the paper leaves a choice, it is datatrove's: of a run that comes again, the first occurrence is no repetition,
and runs that overlap count once. Other than there, a word that counts is one that holds a letter or a digit, in place
of one that is not all of a list of marks, and lines that are empty are no lines.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from octo.data.runs_of_words import repetition
from octo.data.texts import Counts, Texts
from octo.settings.rules import GopherSettings

_ELLIPSES = ("...", "…")
_BULLETS = ("•", "-")
_PARAGRAPHS = re.compile(r"\n{2,}")


def gopher(texts: Texts, settings: GopherSettings) -> list[str | None]:
    """Of each text, which rule it breaks first; None for one that breaks none."""
    reasons = first_of(_quality(texts, settings), len(texts))
    left = [at for at, reason in enumerate(reasons) if reason is None]
    for at, reason in zip(left, _repetitive(texts.take(left), settings), strict=True):
        reasons[at] = reason
    return reasons


def first_of(verdicts: Iterable[tuple[str, NDArray[np.bool_]]], count: int) -> list[str | None]:
    """For each of so many texts the first reason that holds."""
    reasons: list[str | None] = [None] * count
    for reason, holds in verdicts:
        for at in np.flatnonzero(holds).tolist():
            reasons[at] = reasons[at] or reason
    return reasons


def shares(parts: Counts, wholes: Counts) -> NDArray[np.float64]:
    """Parts of wholes; nothing of nothing is 0."""
    return parts / np.maximum(wholes, 1)


def _quality(texts: Texts, settings: GopherSettings) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    words = texts.words
    countable = words.countable
    counted = words.totals(countable)
    yield "gopher_too_short", counted < settings.min_words
    yield "gopher_too_long", counted > settings.max_words
    mean = shares(words.totals(words.lengths * countable), counted)
    yield "gopher_short_words", mean < settings.min_mean_word
    yield "gopher_long_words", mean > settings.max_mean_word
    yield "gopher_many_hashes", shares(_occurrences(texts, "#"), words.counts) > settings.max_hashes
    ellipses = _occurrences(texts, *_ELLIPSES)
    yield "gopher_many_ellipses", shares(ellipses, words.counts) > settings.max_ellipses
    lines, bulleted, cut = np.array([_lines(text) for text in texts], np.int64).reshape(-1, 3).T
    yield "gopher_many_bullets", shares(bulleted, lines) > settings.max_bullet_lines
    yield "gopher_cut_lines", shares(cut, lines) > settings.max_ellipsis_lines
    alphabetic = words.totals(words.alphabetic)
    yield "gopher_low_alphabetic", shares(alphabetic, words.counts) < settings.min_alphabetic_words
    stop_words = words.distinct(words.numbered(settings.stop_words))
    yield "gopher_few_stop_words", stop_words < settings.min_stop_words


def _occurrences(texts: Texts, *marks: str) -> Counts:
    return np.array([sum(text.count(mark) for mark in marks) for text in texts], np.int64)


def _lines(text: str) -> tuple[int, int, int]:
    """How many lines there are, how many begin with a bullet, and how many end with an ellipsis."""
    lines = text.splitlines()
    bulleted = cut = 0
    if any(mark in text for mark in _BULLETS):
        bulleted = sum(line.lstrip().startswith(_BULLETS) for line in lines)
    if any(mark in text for mark in _ELLIPSES):
        cut = sum(line.rstrip().endswith(_ELLIPSES) for line in lines)
    return len(lines), bulleted, cut


def _repetitive(texts: Texts, settings: GopherSettings) -> list[str | None]:
    reasons = [_repeats_lines(text, settings) for text in texts]
    left = [at for at, reason in enumerate(reasons) if reason is None]
    some = texts.take(left)
    found = first_of(
        repetition(some.words, some.lengths, max_top=settings.max_top, max_repeated=settings.max_repeated), len(some)
    )
    for at, reason in zip(left, found, strict=True):
        reasons[at] = reason and f"gopher_{reason}"
    return reasons


def _repeats_lines(text: str, settings: GopherSettings) -> str | None:
    if "\n" not in text:
        return None
    paragraphs = _PARAGRAPHS.split(text.strip()) if "\n\n" in text else (text,)
    lines = [line for line in text.split("\n") if line]
    for name, units, most, most_characters in (
        ("paragraph", paragraphs, settings.max_repeated_paragraphs, settings.max_repeated_paragraph_characters),
        ("line", lines, settings.max_repeated_lines, settings.max_repeated_line_characters),
    ):
        repeated, characters = repeated_units(units)
        if repeated > most * len(units):
            return f"gopher_repeated_{name}s"
        if characters > most_characters * len(text):
            return f"gopher_repeated_{name}_characters"
    return None


def repeated_units(units: Sequence[str]) -> tuple[int, int]:
    """How many came before, and how many characters these have."""
    distinct = set(units)
    if len(distinct) == len(units):
        return 0, 0
    return len(units) - len(distinct), sum(map(len, units)) - sum(map(len, distinct))
