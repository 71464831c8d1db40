"""CPU seconds to plan 5,000 shards of 40 million sequences and to say what stands at 100,000 indexes, from counts."""

import time

import numpy as np

from octo.data.mixture import mixture_of, turns

SHARDS, SEQUENCES, INDEXES = 5_000, 40_000_000, 100_000
WEIGHTS = {"web": 0.62, "code": 0.2137, "math": 1 / 9, "books": 0.0123457}
"""No decimals that are short: the denominator has to be looked for."""


def measure() -> dict[str, float]:
    """The whole, and what of it one more batch of indexes costs."""
    indexes_N = np.random.default_rng(0).integers(0, 10**12, INDEXES)
    ends_P = np.cumsum(np.full(SHARDS, SEQUENCES, dtype=np.int64))
    turns.cache_clear()
    began = time.process_time()
    mixture = mixture_of(WEIGHTS, dict.fromkeys(WEIGHTS, int(ends_P[-1])), seed=1)
    found = mixture.at(indexes_N)
    shards_N = np.searchsorted(ends_P, found.row_N, side="right")
    planned = time.process_time()
    again = mixture.at(indexes_N)
    sampled = time.process_time() - planned
    assert shards_N.max() < SHARDS
    assert (again.row_N == found.row_N).all()
    return {"cpu_seconds": planned - began, "sampling_cpu_seconds": sampled, "period": float(mixture.period)}
