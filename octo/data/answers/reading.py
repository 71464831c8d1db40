"""The one reader of answers: a text becomes what it says, or cannot be read."""

import re
from functools import lru_cache
from typing import NamedTuple

from octo.data.answers.formula_reading import read_formula
from octo.data.answers.formulas import (
    REALS,
    Answer,
    Based,
    Choice,
    Named,
    Quantity,
    Several,
    UnreadableError,
    Words,
    symbols_of,
)
from octo.data.answers.looks import plain
from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, LETTERS, is_word
from octo.data.answers.side_reading import read_several
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import tokens_of
from octo.data.answers.words import MOST_WORDS, SEPARATORS, is_prose, words_of

LONGEST = 1000
"""Characters of an answer that is read."""
CHOICES = "ABCDEFGHIJ"
_LEAD = re.compile(
    r"(?P<font>\\(?:text(?:bf|rm|it)?|mathrm|mbox)\s*\{\s*)?"
    r"(?:(?:so|hence|therefore|thus),? )?(?:the )?(?:correct |final |right |best )?"
    r"(?:answer(?: is)?|(?:option|choice) is)(?:\s*[:=])?(?![a-zA-Z])\s*",
    re.IGNORECASE,
)
_CHOICES = re.compile(
    r"(?:\\text(?:bf)?\s*\{)?\s*\(([A-J])\)(?:\s*\}?\s*(?:,|and|\\text\s*\{\s*and\s*\})\s*(?:\\text(?:bf)?\s*\{)?\s*\(([A-J])\))+\s*\}?"
)
_CHOICE = re.compile(
    rf"(?:\\text(?:bf|rm|it)?|\\math(?:rm|bf))?\s*\{{?\s*(?:[oO]ption|[cC]hoice|[aA]nswer)?:?\s*"
    rf"(?:\((?:\\[a-z]+\s*\{{)?([{CHOICES}{CHOICES.lower()}])\}}?\)|([{CHOICES}])[).:])\s*\}}?\s*(?=(.*))",
    re.DOTALL,
)
_OPTION = re.compile(rf"(?:\\text(?:bf|rm|it)?\s*\{{)?\s*(?:option|choice)\s*([{CHOICES}])\s*\}}?", re.IGNORECASE)
_BASED = re.compile(
    r"\(?(?:\\(?:text|mathrm)\s*\{)?([0-9A-F]+)\}?\)?"
    r"(?:_\{?(?:\\text\{)?\(?(\d+|two|eight|ten|sixteen)\)?\}?\}?"
    r"|\s*(?:\\text\s*\{)?\s*\(?(?:in )?base[- ](\d+|two|eight|ten|sixteen)\)?\s*\}?)"
)
_LINES = re.compile(r"\n\s*[^\W\d_]{3}")
_APPLIED = re.compile(
    r"(\|[^|=]*\\(?:cup|cap|setminus)(?![a-z])[^|=]*\||(?:\\?[a-zA-Z]{1,3})(?:_\{?\w+\}?|'|\^\{?\(?['\d-]+\)?\}?)*\s*"
    r"\((?=[^()]*(?:\d|\\cup|\\cap|\\mid|\||[=<>]|\\[lg]eq?))[^()]*\))\s*=\s*([^=]+)"
)
_DOMAIN = re.compile(r"\(\s*([a-zA-Z]\s*\\in\s*\\mathbb\s*\{?[ZN]\}?)\s*\)$")
_INTEGER = re.compile(
    r"[,(\s]*(?:\\text\s*\{[,(\s]*)?"
    r"(?:(?:for|where|with)\s+(?:any |all |some |every |each )?(?:an )?integers?\s*\}?\s*([a-z])"
    r"|(?:(?:where|with|for)\s*)?\}?\s*([a-z])\s*\\text\s*\{\s*(?:is|are|being) (?:an |any )?integers?\s*\})[\s)}]*$"
)
"""That something is a whole number, in words."""
_BASES = {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}
_EVERYTHING = re.compile(r"(?:\\text\s*\{)?\s*all real(?:s| numbers)\s*\}?", re.IGNORECASE)


class Reading(NamedTuple):
    """What an answer says."""

    answer: Answer
    text: str
    """Its plain form."""


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """What an answer says.

    Raises:
        UnreadableError: it is empty, too long, or neither mathematics nor a few words.
    """
    if len(text) > LONGEST:
        raise UnreadableError(f"more than {LONGEST} characters")
    if _LINES.search(text):
        raise UnreadableError("several lines of text")
    written = plain(text)
    if not written:
        raise UnreadableError("nothing stands there")
    if is_prose(written):
        raise UnreadableError(f"more than {MOST_WORDS} words")
    try:
        return Reading(_answer(written), written)
    except UnreadableError as error:
        words = words_of(written)
        if words is None:
            raise UnreadableError(str(error)) from None
        return Reading(words, written)


def _answer(written: str) -> Answer:
    answer = _special(written)
    if answer is None:
        tokens = Tokens(tokens_of(_DOMAIN.sub(r", \1", _INTEGER.sub(_domain, written))))
        answer = read_several(tokens)
        if tokens.next.text:
            raise UnreadableError(f"{tokens.next.text} stands where nothing is expected")
    return answer


def _special(written: str) -> Answer | None:
    """What is told by its looks as a whole: choices, numbers to a base, letters alone."""
    answer: Answer | None = None
    if lead := _LEAD.match(written):
        rest = written[lead.end() :].strip()
        if lead["font"]:
            # The font ends behind the words, or behind the answer.
            before, _, after = rest.partition("}")
            rest = f"{before.strip()} {after.strip()}".strip(" =:")
        answer = _answer(rest) if rest else None
    elif _CHOICES.fullmatch(written):
        answer = Several(tuple(map(Choice, re.findall(r"\(([A-J])\)", written))), "", "")
    elif option := _OPTION.fullmatch(written):
        answer = Choice(option[1].upper())
    elif choice := _CHOICE.match(written):
        answer = _choice(choice)
    elif based := _BASED.fullmatch(written):
        base = based[2] or based[3]
        answer = Based(based[1], _BASES.get(base) or int(base[:4]))
    elif written.isalpha() and len(written) > 1 and written not in _FORMULAS:
        answer = words_of(written) or Words(written.casefold()) if is_word(written) else _letters(written)
    elif _EVERYTHING.fullmatch(written):
        answer = Quantity(REALS)
    elif named := _APPLIED.fullmatch(written):
        # P(A and B) is a name, whatever stands in it, and so is f(2).
        answer = Named(Words(re.sub(r"\s", "", named[1])), _answer(named[2]))
    return answer


def _domain(said: "re.Match[str]") -> str:
    return rf", {said[1] or said[2]}\in\mathbb{{Z}}"


def _choice(found: "re.Match[str]") -> Choice:
    letter, rest = found[1] or found[2], found[3].strip().removeprefix(":").strip()
    if rest.count("{") != rest.count("}"):
        rest = rest.strip("{} ")
    if not rest:
        return Choice(letter.upper())
    if not letter.isupper() or rest[0] in _NO_VALUE or _CHOICE.match(rest):
        raise UnreadableError("a choice, and more")
    try:
        value = _answer(rest)
    except UnreadableError:
        words = words_of(rest)
        if words is None or set(words.text.split()) & SEPARATORS:
            raise
        return Choice(letter, words)
    if _names_choice(value):
        raise UnreadableError("several choices")
    return Choice(letter, value)


def _names_choice(answer: Answer) -> bool:
    if isinstance(answer, Several):
        return any(map(_names_choice, answer.items))
    return isinstance(answer, Choice) or (
        isinstance(answer, Quantity) and bool(symbols_of(answer.formula) & set(CHOICES))
    )


_NO_VALUE = "+*/^=<>_!,;&|'"
_FORMULAS = {*FUNCTIONS, *CONSTANT_NAMES, *LETTERS} - {"max", "min", "star"}


def _letters(run: str) -> Answer:
    return Quantity(read_formula(Tokens(tokens_of(run))))
