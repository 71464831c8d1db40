"""Hashes of all words of a text at once: 64 bits each, by sums over its bytes instead of a look at word by word.

The hash of a word is a polynomial of its bytes, each taken for a random odd number, modulo 2^64: the difference of two
sums that run through the text, brought back to the word's beginning by the inverse of a power. It keeps no secret: who
makes two words with one hash makes a near match, as who copies a document does.
"""

from functools import cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.randomness import generator

Hashes = NDArray[np.uint64]

SPACE = 0x20
_BLOCK = 1 << 16
"""Bytes that are summed at once: what is held for each of them stays close to the processor."""
_LONG = 48
"""Bytes. Longer words are hashed by BLAKE2b: by their patterns, polynomials modulo 2^64 may take some for others."""
_ODD = np.uint64(1)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def hashes_of_words(text: bytes) -> Hashes:
    """A hash for each word of a text whose words stand between single spaces, none of them 0."""
    found, start = [], 0
    while start < len(text):
        end = start + _BLOCK
        if end < len(text):
            # Up to a word's end; one that is longer than a block is taken whole.
            cut = text.rfind(b" ", start, end)
            end = cut if cut > start else text.find(b" ", end)
            end = len(text) if end < 0 else end
        found.append(_of_block(text[start:end]))
        start = end + 1
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def _of_block(text: bytes) -> Hashes:
    block = np.frombuffer(text, np.uint8)
    ends = np.append((block == SPACE).nonzero()[0], len(block))
    starts = np.append(0, ends[:-1] + 1)
    if len(block) > _BLOCK:
        hashes = np.zeros(len(starts), np.uint64)
        is_long = np.ones(len(starts), np.bool_)
    else:
        known = _constants()
        sums = np.zeros(len(block) + 1, np.uint64)
        np.cumsum(known.letters[block] * known.powers[: len(block)], out=sums[1:])
        hashes = (sums[ends] - sums[starts]) * known.inverses[starts]
        hashes ^= hashes >> np.uint64(32)
        hashes *= _STEP
        is_long = ends - starts > _LONG
    for word in is_long.nonzero()[0].tolist():
        digest = blake2b(text[starts[word] : ends[word]], digest_size=8).digest()
        hashes[word] = int.from_bytes(digest, "little")
    # No word hashes to 0, which fills up what is too short for a run.
    hashes[hashes == 0] = 1
    return hashes


class _Constants(NamedTuple):
    letters: Hashes
    """A number for each byte; of a space, nothing."""
    powers: Hashes
    inverses: Hashes


@cache
def _constants() -> _Constants:
    letters = generator(0, "letters of words").integers(0, 2**64, 256, np.uint64) | _ODD
    letters[SPACE] = 0
    return _Constants(letters, _powers(_STEP), _powers(np.uint64(pow(int(_STEP), -1, 2**64))))


def _powers(base: np.uint64) -> Hashes:
    powers = np.full(_BLOCK + 1, base)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)
