"""Everything random, keyed by (seed, purpose, index): never by the process, the rank, the clock or a global state."""

import json
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np


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


def _digest(seed: int, purpose: tuple[str | int, ...]) -> bytes:
    return blake2b(json.dumps([seed, *purpose]).encode(), digest_size=16).digest()
