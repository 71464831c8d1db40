"""Answers that are no mathematics: a few words, in one form."""

import re

from octo.data.answers.formulas import Words

MOST_WORDS = 12
"""Of an answer that is no mathematics; a longer one is a solution, which nothing can be compared with."""
SEPARATORS = {"and", "or", "for", "if", "where", "when", "with", "such that", "while", "but"}
"""Words between answers, or between an answer and its condition."""
NEGATIONS = {"not", "no", "never", "isn't", "neither"}
_CHANGING = (
    "half third quarter twice double triple reciprocal inverse square cube root sqrt opposite negative minus loss sum "
    "product multiple multiples factor more less least most about around approximately nearly almost close up over "
    "under than"
)
CHANGING = frozenset(_CHANGING.split())
"""Words before a number that make another one of it, or none."""
_WORD = re.compile(r"(?<![\\a-zA-Z])[^\W\d_]{2,}")
_LEAD = re.compile(r"\s*(?:so |hence |therefore )?(?:the )?(?:final )?answer(?: is)?\b:?\s*")
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DATE = re.compile(
    rf"(?P<front>\d{{1,2}} (?:of )?)?(?P<month>{_MONTHS})(?(front)|(?P<back> \d{{1,2}}))(?P<year> \d{{4}})?"
)
_HYPHEN = re.compile(r"[{}\s]+-(?=[^\W\d_]{2})")
_SHORT = {"dne": "does not exist"}
_FONT = re.compile(r"\\(?:text\w*|math\w+|mbox|operatorname\*?)(?![a-zA-Z])")


def words_of(written: str) -> Words | None:
    """A plain answer as words; None where it is a broken formula, or too long."""
    bare = _FONT.sub("", written).replace(r"\ ", " ")
    if re.search(r"\\|[=^_<>|]", bare) or not re.search(r"[^\W\d_]{2}", bare):
        return None
    bare = _LEAD.sub("", _HYPHEN.sub("-", bare).casefold())
    words = re.sub(r"[^\w%+.:/'-]+", " ", bare).strip(" .'").split()
    while len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    if not 0 < len(words) <= MOST_WORDS:
        return None
    said = " ".join(words)
    if date := _DATE.fullmatch(said):
        day = int((date["front"] or date["back"]).strip(" of"))
        said = f"{date['month']} {day}{date['year'] or ''}"
    return Words(_SHORT.get(said, said))


def is_prose(written: str) -> bool:
    """Whether a plain answer has more words than an answer has."""
    return len(_WORD.findall(written)) > MOST_WORDS
