"""The scorer `number`: the last number of a text, with all that belongs to it, against the true one."""

import re

from octo.data.answers.arithmetic import Exact
from octo.data.answers.equality import Comparison
from octo.data.answers.exact import rational
from octo.data.answers.formulas import Quantity, UnreadableError
from octo.data.answers.reading import Reading, read
from octo.data.answers.relations import value_of
from octo.data.answers.units import MANY, SINGLE_LETTERS, is_description, is_unit

LONGEST_NUMBER = 400
"""Characters."""
AFTER = 60
"""Characters behind a number that may make it a part of something else."""

_BOLD = "\N{WORD JOINER}"
_MINUS = "-\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
_INTEGER = r"[1-9]\d{0,2}(?:,\d{3})+(?![\d,])|\d+"
_DECIMAL = rf"(?:{_INTEGER})(?:\.\d+)?|\.\d+"
_FRACTION = r"\\[dt]?frac\s*\{\d+\}\s*\{\d+\}|\\[dt]?frac\s*\d\s*\d|[¼-¾⅐-⅞]"
_TEN = r"\s?(?:\\times|\\cdot|[\xd7x*·])\s?10\s?(?:\^\s?(?:\{-?\d+\}|-?\d+)|[⁰¹²³⁴-⁹⁻]+)"
_NUMBER = re.compile(
    rf"(?:(?P<sign>[{_MINUS}+])(?P<apart>\s?))?(?:\\?[$€£¥₹]\s?)?(?P<inner>[{_MINUS}])?"
    rf"(?P<body>\d+\s?(?:{_FRACTION})|{_FRACTION}|\d+ \d+\s?/\s?\d+"
    rf"|(?:{_DECIMAL})(?:{_TEN}|[eE][+-]?\d+(?![a-zA-Z\d])|\s?/\s?\d+)?)(?P<percent>\s?\\?%)?"
)
_WORD = re.compile(r"(\s?)([^\W\d_]+)")
_COMMAND_BEFORE = re.compile(r"(?:\\(?P<name>[a-zA-Z]+)\s*(?:\[[^\]]*\])?|(?P<other>[\^_}]))\s*\{\s*$")
_AROUND = {"boxed", "fbox", "text", "textbf", "textit", "mathrm", "mathbf", "mathit", "mbox", "boldsymbol"}
_MAY_FOLLOW = re.compile(r"\^\s*\{?\\circ|\\(?:[,;:! )\]$%}]|text|mathrm|mbox|q?quad|degree|circ|$)")
_SUFFIXES = {"st", "nd", "rd", "th"}
_CHANGING = {"pi", "divided", "i", "sqrt"}
_RELATED = "±≤≥≠"
"""What makes a range of the number behind it, or says what it is not."""
_IN_A_LIST = re.compile(r"[(\[{][^()\[\]{}]*\d\s*[,;]\s*$")
_RAISED_UNIT = re.compile(
    r"(\d(?:\s|~|\\[,;: ]|\\(?:text|mathrm)\s*\{\s*)*"
    r"(?:[mck]?m|km|dm|ft|in|yd|mi|units?|feet|inch(?:es)?|met(?:er|re)s?)\s*\}?)"
    r"\s?(?:\^\s?\{?\s?[23]\s?\}?|[²³])"
)
"""Square centimetres, whose 2 is no number of the answer's."""
_NEGATIVE = re.compile(r"(?<!\w)(?:minus|negative)\s*$", re.IGNORECASE)
_PART = re.compile(r"(?<!\w)(?:not|plus|times|divided by|multiplied by)\s*$", re.IGNORECASE)
"""Words that make the number behind them a part of something else, or none."""
_OPERATORS = "+*/\N{MULTIPLICATION SIGN}·÷^!√π"


def last_number(text: str) -> Reading | None:
    """The last number of a text; None without one, and where the last figures are a part of a formula or of a name.

    A minus sign is its sign unless it stands between two operands, or may be a dash.
    """
    text = text[: -2 * AFTER] + _RAISED_UNIT.sub(r"\1", text[-2 * AFTER :])
    last = next((index for index in range(len(text) - 1, -1, -1) if text[index].isnumeric()), None)
    if last is None:
        return None
    start = max(0, last - LONGEST_NUMBER)
    shown = text[start : last + AFTER].replace("**", _BOLD)
    found = max(_NUMBER.finditer(shown), key=re.Match.end, default=None)
    if found is None or (start and not found.start()) or any(map(str.isnumeric, shown[found.end() :])):
        return None
    before, after = shown[: found.start()].rstrip(_BOLD), shown[found.end() :].lstrip(_BOLD)
    alone = _stands_alone(found, before)
    while before.endswith("(") and after.startswith(")"):
        before, after = before[:-1], after[1:]
        alone = alone and (not before or not (before[-1].isalnum() or before[-1] in "." + _MINUS + _OPERATORS))
    below = _NEGATIVE.search(before)
    if _PART.search(before) or (below and (found["sign"] or before[: below.start()].rstrip()[-1:].isnumeric())):
        return None
    among = _IN_A_LIST.search(before) and after.lstrip().startswith((")", "]", "}"))
    if not alone or among or (before.endswith("|") and after.startswith("|")) or not _ends(after):
        return None
    word = _WORD.match(after)
    many = word[2] if word and word[2].casefold() in MANY else ""
    minus = "-" if below or (found["sign"] or "+") != "+" or found["inner"] else ""
    try:
        return read(f"{minus}{found['body']} {many}{'%' if found['percent'] else ''}")
    except UnreadableError:
        return None


def number_of(gold: str) -> Reading | None:
    """The number that a true answer is; None where it is none, or would not be read where a model writes it."""
    try:
        answer = value_of(read(gold).answer)
        if not isinstance(answer, Quantity) or rational(answer.formula) is None:
            return None
    except UnreadableError:
        return None
    number = Reading(Quantity(answer.formula, percent=answer.percent), gold)
    written = last_number(gold)
    return number if written and _same(number, written) else None


def correct(completion: str, answer: str) -> bool:
    """Whether the last number of the completion is the answer: -5 is not 5, 1,234 is 1234 and 3/4 is 0.75."""
    true, given = number_of(answer), last_number(completion)
    return true is not None and given is not None and _same(true, given)


def _same(gold: Reading, answer: Reading) -> bool:
    try:
        return Comparison(Exact()).same(gold, answer)
    except UnreadableError:
        return False


def _stands_alone(found: "re.Match[str]", before: str) -> bool:
    """Whether a number is no later part of something longer."""
    if command := _COMMAND_BEFORE.search(before):
        return command["name"] in _AROUND
    if found["sign"]:
        return not found["inner"] and _is_sign(before, spaced=bool(found["apart"]))
    bare = before.rstrip()
    beside = bare == before
    if bare and bare[-1] in _OPERATORS + _RELATED:
        return False
    return not (beside and _is_glued(bare))


def _is_glued(before: str) -> bool:
    """Whether a number right behind this belongs to it: x2, 1.2.3, 0,5."""
    last = before[-1:]
    return last.isalnum() or last in ("_", "'") or (last in (".", ",") and before[-2:-1].isdigit())


def _is_sign(before: str, *, spaced: bool) -> bool:
    """Whether plus or minus is a number's own: after a word, if it stands by the number and apart from the word."""
    bare = before.rstrip(f" \t{_BOLD}")
    if bare[-1:].isalpha():
        return bool(re.search(r"[^\W\d_]{2}$", bare)) and not spaced and bare != before
    return not bare or not (bare[-1].isnumeric() or bare[-1] in f")]}}!%π'°{_MINUS}{_OPERATORS}")


def _ends(after: str) -> bool:
    """Whether a number ends before this."""
    if _MAY_FOLLOW.match(after):
        return True
    if word := _WORD.match(after):
        return _is_description(word[2], apart=bool(word[1]))
    rest = after.lstrip(" ")
    if rest[:1] in (*_MINUS,):
        return not re.match(r"[^\W\d_](?![^\W\d_])|[(\\]", rest[1:].lstrip())
    return not rest or (rest[0] not in _OPERATORS + "\\‰" and (rest[0] != "(" or rest != after))


def _is_description(word: str, *, apart: bool) -> bool:
    """Whether letters behind a number leave it what it is: 5 apples, 5 cm, the 5th; not 5x, 5 pi."""
    if word.casefold() in _CHANGING or (len(word) > 1 and not is_description(word)):
        return False
    if len(word) == 1:
        return apart and (word in SINGLE_LETTERS or word in ("a", "I"))
    return apart or is_unit(word) or word in _SUFFIXES
