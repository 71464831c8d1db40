"""Texts as they are compared with each other. What is kept of a text is the text itself, never one of these."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import chain

_CONTROLS = frozenset(map(chr, [*range(0x09), *range(0x0E, 0x1C), 0x7F]))
"""Those of ASCII that are no white space."""
_UNSEEN = "".join(sorted(_CONTROLS)).encode()
# What separates files, groups, records and units is white space of texts, but not of bytes.
_LOWER = bytes(range(256)).lower().translate(bytes.maketrans(b"\x1c\x1d\x1e\x1f", b"    "))
_PLAIN = bytes(each for each in range(0x80) if chr(each) not in _CONTROLS)
_JOINER = "\N{COMBINING GRAPHEME JOINER}"
_CHARACTERS_AT_A_TIME = 1 << 20
_CUT = re.compile("[ \n]")
_MARKS_AT_A_TIME = 30
"""As in Unicode's stream-safe text format (UAX 15, section 13): no writing system has more marks on a letter."""


def comparable(text: str) -> str:
    """What two texts share that differ only in compatible characters, case, format characters and white space.

    Full-width letters are letters (NFKC), case is folded, what nobody sees is left out, and any white space, ends of
    lines too, is one space. The time is linear in the text, whatever it holds; of a long one, little is held beside it.
    """
    if len(text) <= _CHARACTERS_AT_A_TIME:
        return _comparable(text)
    return " ".join(filter(None, map(_comparable, _pieces(text))))


def _comparable(text: str) -> str:
    if text.isascii():
        return b" ".join(text.encode().translate(_LOWER, _UNSEEN).split()).decode()
    return " ".join(folded(text).split())


def _pieces(text: str) -> Iterator[str]:
    """A text cut at spaces and ends of lines, across which no form of any character reaches."""
    start = 0
    while cut := _CUT.search(text, start + _CHARACTERS_AT_A_TIME):
        yield text[start : cut.end()]
        start = cut.end()
    yield text[start:]


def folded(text: str) -> str:
    """As `comparable`, but for white space, which stays what its compatible form is."""
    # What is left out first lets a letter meet its accent; joiners, which end the runs of marks, go last.
    visible = _visible(text)
    if not _marks().isdisjoint(not_plain(visible)):
        visible = _long_runs_of_marks().sub(rf"\g<0>{_JOINER}", visible)
    return _visible(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()))


def not_plain(text: str) -> set[str]:
    """The characters of a text but those of ASCII that are seen: most are, and are passed over many at a time."""
    return set(text.encode(errors="surrogatepass").translate(None, _PLAIN).decode(errors="surrogatepass"))


def _visible(text: str) -> str:
    """The text without the characters that nobody sees."""
    # Which characters there are is known long before where each stands.
    unseen = _ignorable() & not_plain(text)
    return re.sub(f"[{re.escape(''.join(sorted(unseen)))}]+", "", text) if unseen else text


@cache
def _ignorable() -> frozenset[str]:
    """Unicode's default ignorable code points, the marks of interlinear annotation, and controls that are no space."""
    # fmt: off
    ranges = (
        (0x80, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
        (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    # fmt: on
    return _CONTROLS.union(map(chr, chain.from_iterable(range(first, last + 1) for first, last in ranges)))


@cache
def _marks() -> frozenset[str]:
    """Characters that are put into an order of their own behind the letter that they belong to."""
    return frozenset(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))


@cache
def _long_runs_of_marks() -> re.Pattern[str]:
    """Runs of marks at which a joiner is put in: to bring n marks into their order takes n x n steps."""
    return re.compile(f"[{''.join(sorted(_marks()))}]{{{_MARKS_AT_A_TIME}}}")
