"""Choosing problems by how often models have solved them: hard ones, on which tries differ (DiffuCoder, section 6.5).

What the paper, its script and the script's comments say of the two shares are three things, so both are asked for.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field, ValidationError


@dataclass(frozen=True)
class Difficulty:
    """How models did on a problem. Every model counts alike, however many tries it had."""

    mean: float
    """Of the models' mean pass rates."""
    deviation: float
    """Of the models' deviations, each within its own tries: that models differ is no deviation of tries."""


def difficulty_of(fields: Mapping[str, object]) -> Difficulty | None:
    """The difficulty that a record's `inferences` tell; None without any."""
    try:
        tries = _Tried.model_validate(fields).inferences
    except ValidationError:
        return None
    by_model: dict[str, list[float]] = defaultdict(list)
    for each in tries:
        by_model[each.model_name].append(each.pass_rate)
    rates = list(by_model.values())
    return Difficulty(
        float(np.mean([np.mean(each) for each in rates])), float(np.mean([np.std(each) for each in rates]))
    )


def chosen(difficulties: Mapping[str, Difficulty], *, hardest: float, widest: float) -> set[str]:
    """The problems that are among the `hardest` share by mean, and among the `widest` share by deviation, of all."""
    if not difficulties:
        return set()
    highest_mean = np.quantile([each.mean for each in difficulties.values()], hardest)
    least_deviation = np.quantile([each.deviation for each in difficulties.values()], 1 - widest)
    return {
        name for name, each in difficulties.items() if each.mean <= highest_mean and each.deviation >= least_deviation
    }


class _Try(BaseModel):
    model_name: str
    pass_rate: float = Field(ge=0, le=1)


class _Tried(BaseModel):
    inferences: tuple[_Try, ...] = Field(min_length=1)
