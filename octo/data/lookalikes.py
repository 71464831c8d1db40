"""Letters that look like others, and digits and signs of other scripts: what a copy may be disguised with.

Those of Cyrillic and Greek that a reader cannot tell from Latin ones, after Unicode's confusables (UTS 39), with what
their other case is written as too: a word in capitals must stay the same word.
"""

import re
import unicodedata
from functools import cache

from octo.data.normal_forms import folded, not_plain

_CYRILLIC = ("аеорсухіјѕԁһӏԛԝвкмнтүѵ", "aeopcyxijsdhlqwbkmhtyv")
_GREEK = ("αβεζηικμνορτυχϲϳ", "abezhikmvoptyxcj")
_LATIN = ("ıɡɑʏɩꞵ", "igayib")
_SIGNS = (
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u00d7\u22c5\u2217\u2219\u00f7\u2044\u2215\u2264\u2265",
    "-" * 8 + "****" + "///" + "<>",
)
_LEFT_OVER = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
"""Marks that have not become part of a letter, such as strokes through it."""
_NO_CONTROLS = bytes([*range(0x09), *range(0x0E, 0x1C), 0x7F])
_FEW = 16
"""So many letters are sooner replaced one after another than looked up for each character."""
_LOWER = bytes(range(256)).lower()


def disguised(text: str) -> str:
    """The text in its form for comparing, without disguise: equal for copies that look the same to a reader.

    For looking for copies alone: words of different scripts may become one. The time is linear in the text.
    """
    if text.isascii():
        # As what follows, but sooner.
        return text.encode().translate(_LOWER, _NO_CONTROLS).decode()
    # Before case is folded, as it looks like no Latin letter in the other one.
    plain = folded(text.replace("\N{GREEK CAPITAL LETTER NU}", "N"))
    characters = not_plain(plain)
    worn = _plain().keys() & characters
    if len(worn) > _FEW:
        plain = plain.translate(_translation())
    else:
        for letter in worn:
            plain = plain.replace(letter, _plain()[letter])
    return plain if _left_over().isdisjoint(characters) else _LEFT_OVER.sub("", plain)


@cache
def _plain() -> dict[str, str]:
    found = {
        letter: other
        for them, us in (_CYRILLIC, _GREEK, _LATIN, _SIGNS)
        for letter, other in zip(them, us, strict=True)
    }
    digits = (chr(code) for code in range(0x80, 0x1FC00) if unicodedata.category(chr(code)) == "Nd")
    return found | {digit: str(unicodedata.digit(digit)) for digit in digits}


@cache
def _left_over() -> frozenset[str]:
    return frozenset(filter(_LEFT_OVER.match, map(chr, range(0x300, 0xFE30))))


@cache
def _translation() -> dict[int, str]:
    return str.maketrans(_plain())
