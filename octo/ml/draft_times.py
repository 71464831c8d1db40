"""Whether drafts make decoding faster where it is done: measured there, by turns, and said with its interval."""

import time
from collections.abc import Callable, Sequence
from math import exp, log

import torch

from octo.findings import Claim, Interval, mean_of_all, sentence_of

NUM_TURNS = 6
"""Each way so often: an interval takes five numbers."""
MOST_TOKENS = 32
"""Of a completion that is decoded only to be timed: all turns together cost some 400 forward passes."""


def draft_times(drafted: Callable[[], object], plain: Callable[[], object]) -> Interval:
    """How many times as long the first takes as the second, done by turns; each once before, for what is cached."""
    drafted()
    plain()
    ratios = []
    for turn in range(NUM_TURNS):
        # By turns first, so that what a machine does besides falls on both.
        pair = {way: _seconds(way) for way in ((drafted, plain) if turn % 2 else (plain, drafted))}
        ratios.append(pair[drafted] / pair[plain])
    return ratio_of(ratios)


def ratio_of(ratios: Sequence[float]) -> Interval:
    """Their geometric mean, with its interval."""
    found = mean_of_all([log(ratio) for ratio in ratios])
    return Interval(*(None if each is None else exp(each) for each in found))


def said(times: Interval, draft_length: int) -> str:
    """A sentence about it, which may be that it cannot be told."""
    return sentence_of(Claim.DRAFTS, times, chance=1.0, length=str(draft_length), machine="this machine")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started
