"""Answers that are no mathematics: a few words, in one form."""

import re

from octo.data.answers.formulas import Words

MOST_WORDS = 12
"""Of an answer that is no mathematics; a longer one is a solution, which nothing can be compared with."""
SEPARATORS = {"and", "or", "for", "if", "where", "when", "with", "such that", "while", "but"}
"""Words between answers, or between an answer and its condition."""
NEGATIONS = {"not", "no", "never", "isn't", "neither"}
_WORD = re.compile(r"(?<![\\a-zA-Z])[^\W\d_]{2,}")
_LEAD = re.compile(r"\s*(?:so |hence |therefore )?(?:the )?(?:final )?answer(?: is)?\b:?\s*")
_FONT = re.compile(r"\\(?:text\w*|math\w+|mbox|operatorname\*?)(?![a-zA-Z])")


def words_of(written: str) -> Words | None:
    """A plain answer as words; None where it is a broken formula, or too long."""
    bare = _FONT.sub("", written).replace(r"\ ", " ")
    if re.search(r"\\|[=^_<>|]", bare) or not re.search(r"[^\W\d_]{2}", bare):
        return None
    words = re.sub(r"[^\w%+.:/'-]+", " ", _LEAD.sub("", bare.casefold())).strip(" .").split()
    while len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    return Words(" ".join(words)) if 0 < len(words) <= MOST_WORDS else None


def is_prose(written: str) -> bool:
    """Whether a plain answer has more words than an answer has."""
    return len(_WORD.findall(written)) > MOST_WORDS
