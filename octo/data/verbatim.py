"""Looking for many passages in a text at once, by their letters and digits alone.

Whatever stands between words does not count: white space, ends of lines, hyphens, punctuation, marks of quotation. Two
numbers stay two. A few machine instructions for each character, in numpy: the time is linear in the text.
"""

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

WINDOW = 12
"""Bytes of a passage by which it is looked for; a shorter one cannot be."""
_FIRST, _LAST = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MOST_BITS = 24
_BOUNDARY = ord("|")
_LETTER, _DIGIT = 1, 2
_NO_WORD = re.compile(r"[\W_]+")


def _kinds() -> Bytes:
    kinds = np.zeros(256, np.uint8)
    kinds[128:] = _LETTER
    for byte in range(128):
        if chr(byte).isalpha():
            kinds[byte] = _LETTER
        elif chr(byte).isdigit():
            kinds[byte] = _DIGIT
    return kinds


_KINDS = _kinds()


def squeezed(text: str) -> bytes:
    """Its letters and digits in UTF-8, with a mark between two numbers; for a text in its form for comparing."""
    plain = text if text.isascii() else _NO_WORD.sub(" ", text)
    raw: Bytes = np.frombuffer(plain.encode(errors="surrogatepass"), np.uint8)
    kinds = _KINDS[raw]
    places = np.flatnonzero(kinds)
    kept, kinds = raw[places], kinds[places]
    apart = (kinds[1:] == _DIGIT) & (kinds[:-1] == _DIGIT) & (np.diff(places) > 1)
    if apart.any():
        kept = np.insert(kept, np.flatnonzero(apart) + 1, np.uint8(_BOUNDARY))
    return kept.tobytes()


class Passages:
    """Passages, squeezed, ready to be looked for."""

    def __init__(self, passages: Iterable[bytes]) -> None:
        """Index them by how they begin; one below `WINDOW` bytes is a ValueError."""
        self._by_window: dict[int, list[bytes]] = {}
        for passage in dict.fromkeys(passages):
            if len(passage) < WINDOW:
                raise ValueError(f"expected passages of {WINDOW} bytes or more, got {passage!r}")
            self._by_window.setdefault(int(_hashes(passage[:WINDOW])[0]), []).append(passage)
        # 64 places for each: of other texts' windows, few meet one that is taken.
        bits = min(_MOST_BITS, max(10, (64 * len(self._by_window)).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._known = np.array(sorted(self._by_window), np.uint64)
        self._taken = np.zeros(1 << bits, bool)
        self._taken[self._known >> self._shift] = True

    def first_in(self, text: bytes) -> bytes | None:
        """The passage that the squeezed text has first, or None."""
        if not self._by_window or len(text) < WINDOW:
            return None
        hashes = _hashes(text)
        for place in np.flatnonzero(self._taken[hashes >> self._shift]).tolist():
            for passage in self._by_window.get(int(hashes[place]), ()):
                if text.startswith(passage, place):
                    return passage
        return None


def _hashes(text: bytes) -> NDArray[np.uint64]:
    """A number for each window of the text."""
    words = np.ndarray(len(text) - 7, "<u8", text, strides=(1,))
    mixed = words[: len(text) - WINDOW + 1] * _FIRST
    # Their high bits are those that depend on all others.
    mixed ^= mixed >> np.uint64(29)
    mixed += words[WINDOW - 8 :]
    mixed *= _LAST
    return mixed
