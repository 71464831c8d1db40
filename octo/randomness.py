"""Everything random, keyed by (seed, purpose, index): never by the process, the rank, the clock or a global state."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from math import isqrt

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 8


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A counter-based generator (Philox) that depends on its key alone, such as `(seed, "rollout", step, index)`."""
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(seed, purpose), "little")))


def keyed_fraction(seed: int, *purpose: str | int) -> float:
    """A number in [0, 1) that depends on its key alone: to which part of a partition something belongs."""
    return (int.from_bytes(_digest(seed, purpose), "little") >> 75) / 2**53


def permutation(names: Sequence[str], seed: int, *purpose: str | int) -> list[int]:
    """The positions of the names in an order that depends on the names and the key, not on how the names were ordered.

    Equal names keep their order among themselves.
    """
    key = _digest(seed, purpose)
    ranks = [blake2b(name.encode(), digest_size=16, key=key).digest() for name in names]
    return sorted(range(len(names)), key=ranks.__getitem__)


def round_keys(seed: int, *purpose: str | int) -> NDArray[np.uint64]:
    """The key of one permutation of `permuted`: a word for each of its rounds."""
    return np.frombuffer(blake2b(_digest(seed, purpose), digest_size=8 * _ROUNDS).digest(), dtype="<u8")


def permuted(places_N: NDArray[np.int64], size: int, keys_RN: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where a permutation of range(size) takes each of these places, without a list of it.

    A Feistel network over a grid that holds `size` cells and few more; whatever lands outside walks on until it is
    inside ("Ciphers with Arbitrary Finite Domains", Black and Rogaway 2002). Memory and time go with the places asked
    for, whatever the size.

    Args:
        places_N: below `size`.
        size: of the range.
        keys_RN: for each place the `round_keys` of its permutation, which need not be one for all.
    """
    width = isqrt(size - 1) + 1
    height = -(-size // width)
    found_N = places_N.astype(np.uint64)
    outside = np.arange(len(found_N))
    while len(outside):
        found_N[outside] = _shuffled(found_N[outside], np.uint64(width), np.uint64(height), keys_RN[:, outside])
        outside = outside[found_N[outside] >= size]
    return found_N.astype(np.int64)


def _shuffled(
    cells_N: NDArray[np.uint64], width: np.uint64, height: np.uint64, keys_RN: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """A permutation of the cells of a grid: each round shifts cells within a row or a column by what that one is."""
    row_N, column_N = np.divmod(cells_N, width)
    for number, keys_N in enumerate(keys_RN):
        if number % 2:
            row_N = (row_N + _mixed(column_N ^ keys_N) % height) % height
        else:
            column_N = (column_N + _mixed(row_N ^ keys_N) % width) % width
    return row_N * width + column_N


def _mixed(words_N: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit of the result depends on every bit of the word (the finalizer of SplitMix64)."""
    words_N = words_N + np.uint64(0x9E3779B97F4A7C15)
    words_N = (words_N ^ (words_N >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words_N = (words_N ^ (words_N >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words_N ^ (words_N >> np.uint64(31))


def _digest(seed: int, purpose: tuple[str | int, ...]) -> bytes:
    return blake2b(json.dumps([seed, *purpose]).encode(), digest_size=16).digest()
