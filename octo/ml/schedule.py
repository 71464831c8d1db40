"""Learning rates as pure functions of the step (OctoThinker, section on stable-then-decay mid-training)."""

import math
from typing import Literal

Schedule = Literal["constant", "cosine"]


def learning_rate(
    step: int, *, num_steps: int, peak: float, schedule: Schedule, warmup_steps: int, final_share: float
) -> float:
    """The rate of a step, counted from 0.

    constant: the peak after a linear warm-up, as in the stable stage. cosine: from the peak to `final_share` of it at
    the last step, as in the decay stage: floor + (peak - floor) * (1 + cos(pi * step / last)) / 2.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if schedule == "constant":
        return peak
    floor = final_share * peak
    last = max(1, num_steps - 1 - warmup_steps)
    return floor + (peak - floor) * (1 + math.cos(math.pi * (step - warmup_steps) / last)) / 2
