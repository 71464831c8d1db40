"""FineWeb's own rules (arXiv 2406.17557, section 3.6): lists, menus and pages whose lines repeat."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.gopher import first_of, repeated_units, shares
from octo.data.sentences import END_MARKS
from octo.data.texts import Texts
from octo.settings.rules import FinewebSettings


class _Lines(NamedTuple):
    """Of one text: lines that are not blank, those that end as sentences do, short ones, and what is repeated."""

    lines: int
    ended: int
    short: int
    repeated_characters: int
    ends: int


def fineweb(texts: Texts, settings: FinewebSettings) -> list[str | None]:
    """Of each text, which rule it breaks first; None for one that breaks none."""
    return first_of(_verdicts(texts, settings), len(texts))


def _verdicts(texts: Texts, settings: FinewebSettings) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    found = np.array([_lines(text, settings.short_line) for text in texts], np.int64).reshape(-1, 5)
    lines, ended, short, repeated, ends = found.T
    yield "fineweb_empty", lines == 0
    yield "fineweb_few_ended_lines", shares(ended, lines) < settings.min_ended_lines
    yield "fineweb_short_lines", shares(short, lines) > settings.max_short_lines
    yield "fineweb_repeated_lines", shares(repeated, texts.lengths - ends) > settings.max_repeated_characters
    yield "fineweb_list", shares(ends, texts.words.counts) > settings.max_line_ends


def _lines(text: str, short_line: int) -> _Lines:
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    ended = sum(line[-1] in END_MARKS for line in lines)
    short = sum(len(line) <= short_line for line in lines)
    return _Lines(len(lines), ended, short, repeated_units(lines)[1], text.count("\n"))
