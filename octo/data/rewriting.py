"""What a model made of a text: its own words around it taken off, and whether the substance is still there.

Pure functions of the two texts; each is linear in their lengths.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

from octo.settings.refinement import GuardSettings

EMPTY, REFUSAL, TOO_SHORT, TOO_LONG = "empty", "refusal", "too_short", "too_long"
REPETITIVE, FORMULAS_LOST, NUMBERS_LOST, FOREIGN = "repetitive", "formulas_lost", "numbers_lost", "foreign"
_RUN = 8
"""Words of a run that counts as repeated when it comes again."""
_OPENING, _CLOSING = 400, 400
"""Characters at either end that a model's own words are looked for in."""
_PREFACE = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|absolutely)\b[^\n]{0,160}|"
    r"(?:here(?:'s|\u2019s| is| are)|below is|the following is|i(?:'ve|\u2019ve| have)|this is)\b[^\n]{0,120}"
    r"\b(?:rewritten|rewrote|refined|revised|cleaned|clean|reorganized|reorganised|version|text|document)\b[^\n]{0,80}|"
    r"\**(?:rewritten|refined|revised|cleaned(?:-up)?|clean) (?:text|version|document)\**)"
    r"(?:[:.!]\**\s*\n+|\s*\n\s*\n+|\n+(?=```))",
    re.IGNORECASE,
)
_AFTERWORD = re.compile(
    r"\n+(?:-{3,}\s*\n+)?\**(?:i hope (?:this|that)|let me know|please let me know|feel free to|note: i (?:have )?|"
    r"i (?:have )?(?:removed|kept|rewritten|rewrote|reorgani[sz]ed)|would you like)\b[^\n]*(?:\n[^\n]+)*\s*\Z",
    re.IGNORECASE,
)
_FENCED = re.compile(r"\s*```[a-z]*\n(?P<inside>(?:(?!```).)*)\n?```\s*", re.DOTALL | re.IGNORECASE)
_REFUSAL = re.compile(
    r"\W*(?:(?:i(?:'m|\u2019m| am) (?:really |very )?sorry|sorry|i apologi[sz]e|unfortunately|"
    r"as an? (?:ai|language model))\b[^\n]{0,80}?"
    r"\b(?:can(?:'t|\u2019t|not| not)|won(?:'t|\u2019t)|unable|not able|could not|couldn't)\b|"
    r"i (?:can(?:'t|\u2019t|not| not)|won(?:'t|\u2019t)|am unable to|am not able to) "
    r"(?:\w+ )?(?:help|assist|rewrite|comply|provide|process|fulfil\w*|do that|create|continue)\b|"
    r"(?:there is no|no) (?:text|document|content) (?:was |is )?(?:given|provided|to rewrite)\b)",
    re.IGNORECASE,
)
_OPENS = re.compile(r"\$\$?|\\\(|\\\[|\\begin\{[a-zA-Z]+\*?\}")
_CLOSES = {"$$": "$$", "$": "$", r"\(": r"\)", r"\[": r"\]"}
_ENDS = "\\end{"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]{4,}")
_SPACE = re.compile(r"\s+")


class Rewritten(NamedTuple):
    """A model's answer without what it said about it."""

    text: str
    had_preface: bool


def without_own_words(answer: str, *, original: str) -> Rewritten:
    """The answer without a preface, an afterword or a fence that the original does not have."""
    text = answer.strip()
    had_preface = False
    preface = _PREFACE.match(text[:_OPENING] if len(text) > _OPENING else text + "\n\n")
    if preface and preface[0].strip() not in original:
        text, had_preface = text[min(preface.end(), len(text)) :].strip(), True
    afterword = _AFTERWORD.search(text, max(0, len(text) - _CLOSING))
    if afterword and afterword[0].strip() not in original:
        text, had_preface = text[: afterword.start()].strip(), True
    fenced = _FENCED.fullmatch(text)
    if fenced and "```" not in original:
        text = fenced["inside"].strip()
    return Rewritten(text, had_preface)


class Comparison:
    """A new text beside the old one."""

    def __init__(self, original: str, rewritten: str) -> None:
        self.original = original
        self.rewritten = rewritten

    @cached_property
    def length(self) -> float:
        """Characters of the new one as a share of the old one's, which has some."""
        return len(self.rewritten) / max(1, len(self.original.strip()))

    @cached_property
    def formulas(self) -> tuple[int, int]:
        """How many different formulas the old text has, and how many of these the new one."""
        found = formulas_of(self.original)
        inside = _SPACE.sub("", self.rewritten)
        return len(found), sum(formula in inside for formula in found)

    @cached_property
    def numbers(self) -> tuple[int, int]:
        """How many different numbers the old text has, and how many of these the new one."""
        found = set(_NUMBER.findall(self.original))
        return len(found), len(found & set(_NUMBER.findall(self.rewritten)))

    @cached_property
    def familiar(self) -> float:
        """Share of the new text's different words that the old one has."""
        words = set(_WORD.findall(self.rewritten.lower()))
        return len(words & set(_WORD.findall(self.original.lower()))) / len(words) if words else 1.0

    @cached_property
    def repeated(self) -> float:
        """Share of the new text's runs of words that it has had before, less that of the old one's."""
        return _repeated(self.rewritten) - _repeated(self.original)


def failure(found: Comparison, guards: GuardSettings) -> str:
    """Why the new text cannot stand for the old one; empty where it can. The first reason that holds."""
    for reason, fails in _GUARDS.items():
        if fails(found, guards):
            return reason
    return ""


def formulas_of(text: str) -> set[str]:
    """The different formulas between LaTeX's marks, without spaces."""
    found: set[str] = set()
    never_again: set[str] = set()
    place = 0
    while opens := _OPENS.search(text, place):
        closes = _CLOSES.get(opens[0], _ENDS)
        end = -1 if closes in never_again else text.find(closes, opens.end())
        if end < 0:
            # Nor will it be found from any later place: a text of openings alone takes no longer than another.
            never_again.add(closes)
        inside = text[opens.end() : max(end, 0)]
        # Two sums of dollars are no formula.
        if end < 0 or (closes == "$" and "\n" in inside):
            place = opens.end()
            continue
        found.add(_SPACE.sub("", inside))
        place = end + len(closes)
    return found - {""}


def _is_refusal(found: Comparison, _guards: GuardSettings) -> bool:
    opening = _REFUSAL.match(found.rewritten[:_OPENING])
    return opening is not None and opening[0] not in found.original


def _kept(counts: tuple[int, int]) -> float:
    number, kept = counts
    return kept / number if number else 1.0


_GUARDS: Mapping[str, Callable[[Comparison, GuardSettings], bool]] = {
    EMPTY: lambda found, _: not found.rewritten,
    REFUSAL: _is_refusal,
    TOO_SHORT: lambda found, guards: found.length < guards.least_length,
    TOO_LONG: lambda found, guards: found.length > guards.most_length,
    REPETITIVE: lambda found, guards: found.repeated > guards.most_repeated,
    FORMULAS_LOST: lambda found, guards: _kept(found.formulas) < guards.least_formulas,
    NUMBERS_LOST: lambda found, guards: _kept(found.numbers) < guards.least_numbers,
    FOREIGN: lambda found, guards: found.familiar < guards.least_familiar,
}


def _repeated(text: str) -> float:
    words = text.split()
    runs = [hash(tuple(words[place : place + _RUN])) for place in range(len(words) - _RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
