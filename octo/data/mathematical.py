"""Whether texts are about mathematics, told without a model."""

import re
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from octo.data.gopher import first_of, shares
from octo.data.texts import Counts, Texts, Words, integers
from octo.settings.rules import MathematicsSettings

# A command of LaTeX; a number or a letter beside an equals sign or a power; two numbers with an operator between; an
# operator that stands alone; what begins or ends a formula.
_ASCII_FORMULA = (
    r"\\[A-Za-z]{2,}|\\[\[\]()]|[0-9A-Za-z)\]}][=^][-\\0-9A-Za-z(\[{]|[0-9][-+*/<>][0-9]|^[-+*/=<>]$|^\$+[^$]|[^$]\$+$"
)
_FORMULA = re.compile("[\u2200-\u22ff\u00b1\u00d7\u00f7]|" + _ASCII_FORMULA)
_DIGIT = r"\p{Nd}"
_AROUND_A_WORD = r"""^[^a-z]+|'s$|[^a-z]+$"""


def mathematics(texts: Texts, settings: MathematicsSettings) -> list[str | None]:
    """Of each text, which rule it breaks first; None for one that breaks none."""
    return first_of(_verdicts(texts, settings), len(texts))


def _verdicts(texts: Texts, settings: MathematicsSettings) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    words = texts.words
    formulas = shares(words.totals(words.holding(_ASCII_FORMULA, _FORMULA)), words.counts)
    marking = words.distinct(_marking(words, settings.marking_words))
    yield (
        "mathematics_absent",
        (formulas < settings.min_formulas) & (marking < settings.min_marking_words) | (words.counts == 0),
    )
    digits = pc.count_substring_regex(words.vocabulary, _DIGIT).to_numpy(zero_copy_only=False).astype(np.int64)
    yield "mathematics_digits", shares(words.totals(digits), words.totals(words.lengths)) > settings.max_digits


def _marking(words: Words, marking: tuple[str, ...]) -> Counts:
    """For each word of the vocabulary which it is of the words that mark mathematics, or -1."""
    bare = pc.replace_substring_regex(pc.utf8_lower(words.vocabulary), _AROUND_A_WORD, "")
    found = words._replace(vocabulary=bare).numbered(marking)
    missing = np.flatnonzero(found < 0)
    singular = pc.replace_substring_regex(bare.take(integers(missing)), "s$", "")
    found[missing] = words._replace(vocabulary=singular).numbered(marking)
    return found
