"""Looking for many passages in a text at once, each compared with nothing but what begins as it does.

Passages of words are looked for by their letters and digits alone (`squeezed`): whatever stands between words does not
count, white space, ends of lines, hyphens, punctuation, marks of quotation. Two numbers stay two. Runs of tokens are
looked for token by token (`tokenized`), signs too. A few machine instructions for each character, in numpy: the time
is linear in the text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from octo.data.normal_forms import not_plain

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]

WORDS_WINDOW, TOKENS_WINDOW = 12, 8
"""Bytes by which a squeezed passage is looked for, and a tokenized one; a shorter one cannot be."""
WALL = "\x02"
"""Stands between texts that are looked through at once: no passage reaches across. No form for comparing has it."""
MOST_BYTES = 1024
"""A passage is told by so many, thirteen words of 78 letters: what is longer is compared no further."""
_BEGINNING = np.uint8(5)
"""By 32, the digits become characters that no form for comparing has: those that a number begins with."""
_TEN = np.uint8(10)
_LETTER, _DIGIT, _SIGN, _APART = 1, 2, 3, 4
_FIRST, _LAST = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MOST_BITS = 22
_OTHER = np.uint64(20)
_BLOCK = 1 << 15
_BYTES_OF_A_HASH = 8
_FEW = 8
"""So many are sooner seen to one after another than all at once."""
_SIGNS = b"-+*/^=<>"
_NO_WORD = re.compile(r"[^\w\x00-\x7f]+")
# Thai to Lao, Burmese, Khmer, Chinese and Japanese have no spaces between words: each character counts as one.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


def _kinds() -> bytes:
    kinds = bytearray([0] * 128 + [_LETTER] * 128)
    for byte in range(128):
        if chr(byte).isalpha():
            kinds[byte] = _LETTER
        elif chr(byte).isdigit():
            kinds[byte] = _DIGIT
        elif byte in _SIGNS:
            kinds[byte] = _SIGN
    kinds[ord(WALL)] = _APART
    return bytes(kinds)


_KINDS = _kinds()
_NUMBERS_ALONE = bytes(byte if kind == _DIGIT else ord(" ") for byte, kind in enumerate(_KINDS))
_FIRST_DIGITS = bytes(range(0x10, 0x1A))
_READ_BACK = bytes.maketrans(_FIRST_DIGITS, b"0123456789")
_NO_PART_OF_WORDS = bytes(byte for byte, kind in enumerate(_KINDS) if kind in (0, _SIGN) and byte not in _FIRST_DIGITS)


def encoded(form: str) -> bytes:
    """A text in its form for comparing, in UTF-8, with spaces for what is part of no word and belongs to no ASCII."""
    if form.isascii():
        return form.encode()
    characters = not_plain(form)
    others = [character for character in characters if not character.isalnum()]
    if len(others) > _FEW:
        form = _NO_WORD.sub(" ", form)
    else:
        for other in others:
            form = form.replace(other, " ")
    if any(map(_UNSPACED.match, characters)):
        form = spaced(form)
    return form.encode(errors="surrogatepass")


def spaced(form: str) -> str:
    """The form with spaces about the words of scripts that write none."""
    return form if form.isascii() else _UNSPACED.sub(r" \g<0> ", form)


def numbers_in(raw: bytes) -> list[bytes]:
    """The numbers of a text as `encoded` gives it, in their order."""
    return raw.translate(_NUMBERS_ALONE).split()


def squeezed(raw: bytes) -> bytes:
    """Letters and digits alone, of a text as `encoded` gives it; a number begins with a digit of its own kind."""
    read: Bytes = np.frombuffer(b" " + raw, np.uint8)
    is_digit = read - ord("0") < _TEN
    begins = (is_digit[1:] > is_digit[:-1]).view(np.uint8)
    return (read[1:] - (begins << _BEGINNING)).tobytes().translate(None, _NO_PART_OF_WORDS)


def read_back(passage: bytes) -> str:
    """A passage as it is shown, squeezed or tokenized."""
    return passage.translate(_READ_BACK).decode(errors="replace").strip()


def tokenized(raw: bytes) -> bytes:
    """Tokens, each between spaces: words, numbers and signs of a text as `encoded` gives it."""
    kinds: Bytes = np.frombuffer(raw.translate(_KINDS), np.uint8)
    places = (kinds != 0).nonzero()[0]
    kinds = kinds[places]
    begins = np.ones(len(places), bool)
    begins[1:] = (kinds[1:] != kinds[:-1]) | (kinds[1:] >= _SIGN) | (places[1:] - places[:-1] > 1)
    moved = begins.cumsum()
    moved += np.arange(len(places))
    spread: Bytes = np.full(moved[-1] + 2 if len(moved) else 1, ord(" "), np.uint8)
    spread[moved] = np.frombuffer(raw, np.uint8)[places]
    return spread.tobytes()


class Passages:
    """Passages, squeezed or tokenized, ready to be looked for."""

    def __init__(self, passages: Iterable[bytes], *, window: int) -> None:
        """Index them by how they begin; one below `window` bytes is a ValueError."""
        self._passages = _without_longer(sorted({passage[:MOST_BYTES] for passage in passages}))
        if shorter := next((each for each in self._passages if len(each) < window), b""):
            raise ValueError(f"expected passages of {window} bytes or more, got {shorter!r}")
        self._window = window
        self._longest = max(map(len, self._passages), default=0)
        # What a text has in common with a passage is mostly a window, and seldom two.
        self._twice = {each[: 2 * window] for each in self._passages if len(each) >= 2 * window}
        self._once = {each[:window] for each in self._passages if len(each) < 2 * window}
        # 64 places for each, twice: few windows of other texts meet one that is taken, and of these few another.
        bits = min(_MOST_BITS, max(10, (64 * len(self._passages)).bit_length()))
        self._shift, self._most = np.uint64(64 - bits), np.uint64((1 << bits) - 1)
        self._begun, self._begun_too = np.zeros(1 << bits, bool), np.zeros(1 << bits, bool)
        for start in range(0, len(self._passages), _BLOCK):
            windows = b"".join(passage[:window] for passage in self._passages[start : start + _BLOCK])
            hashes = _hashes(windows, window)[::window]
            self._begun[hashes >> self._shift] = True
            self._begun_too[self._other_place(hashes)] = True

    def found_in(self, text: bytes) -> bytes | None:
        """A passage that the text has, or None."""
        window = self._window
        # In blocks, so that what is held for each character stays small, and close to the processor.
        for start in range(0, len(text) - window + 1, _BLOCK):
            hashes = _hashes(text[start : start + _BLOCK + window], window)
            places = self._begun[(hashes >> self._shift).view(np.int64)].nonzero()[0]
            if len(places) > _FEW:
                places = places[self._begun_too[self._other_place(hashes[places])]]
            for begin in (places + start).tolist():
                is_begun = text[begin : begin + 2 * window] in self._twice or text[begin : begin + window] in self._once
                if is_begun and (found := self._beginning(text[begin : begin + self._longest])):
                    return found
        return None

    def _other_place(self, hashes: Hashes) -> Hashes:
        return (hashes >> _OTHER) & self._most

    def _beginning(self, text: bytes) -> bytes | None:
        """The passage that the text begins with; none begins with another, so it is the last that is not greater."""
        index = bisect_right(self._passages, text)
        return self._passages[index - 1] if index and text.startswith(self._passages[index - 1]) else None


def _without_longer(passages: Iterable[bytes]) -> list[bytes]:
    """Of sorted ones, those that begin with no other, which is enough to look for."""
    kept: list[bytes] = []
    for passage in passages:
        if not kept or not passage.startswith(kept[-1]):
            kept.append(passage)
    return kept


def _hashes(text: bytes, window: int) -> Hashes:
    """A number for each window of the text, whose high bits depend on all of it."""
    words: Hashes = np.ndarray(max(0, len(text) - 7), "<u8", text, strides=(1,))
    hashes = words[: max(0, len(text) - window + 1)] * _FIRST
    if window > _BYTES_OF_A_HASH:
        hashes += words[window - _BYTES_OF_A_HASH :] * _LAST
    return hashes
