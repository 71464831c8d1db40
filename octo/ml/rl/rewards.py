"""What completions are worth: their scores as one number each (DiffuCoder, section 6.4, for programs).

A completion without a verdict is worth nothing that is known, NaN, and must not be taken for a wrong one.

Axes: C completions of a step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, distributed

from octo.data.questions import Question
from octo.errors import SandboxError
from octo.ml.process_group import collective
from octo.ml.scoring import Attempt, Score, Scorer, scoring
from octo.processes import rank, world_size
from octo.settings.scoring import RewardSettings


@dataclass(frozen=True)
class Rewards:
    """The rewards of a step."""

    rewards_C: Tensor
    """NaN where no verdict could be reached."""
    figures: Mapping[str, float]
    """What they are made of, beside their mean; nothing where every completion can be scored."""


Rewarder = Callable[[Sequence[Attempt]], Rewards]


@contextmanager
def rewarding(settings: RewardSettings, questions: Sequence[Question], *, device: torch.device) -> Iterator[Rewarder]:
    """How completions of these questions are rewarded; UsageError as for `scoring`."""
    with scoring(settings, questions) as score:
        yield partial(rewards_of, score=score, settings=settings, device=device)


def rewards_of(
    attempts: Sequence[Attempt], *, score: Scorer, settings: RewardSettings, device: torch.device
) -> Rewards:
    """The rewards of all attempts of a step, of which each rank scores its share.

    Raises:
        SandboxError: not one of them has a verdict.
    """
    own = range(rank(), len(attempts), world_size())
    # Columns: reward, share of tests that passed, format. A rank leaves zeros where the others have scored.
    facts_C3 = torch.zeros(len(attempts), 3, dtype=torch.float64)
    scores = score([attempts[row] for row in own])
    for row, each in zip(own, scores, strict=True):
        facts_C3[row] = torch.tensor(_facts(each, settings), dtype=torch.float64)
    rewards_C, pass_rates_C, formats_C = _summed(facts_C3, device).unbind(dim=-1)
    unscorable_C = rewards_C.isnan()
    # What is known of a completion without a verdict counts in no mean, so that rewards are what these add up to.
    judged_C = ~unscorable_C
    if bool(unscorable_C.all()):
        raise SandboxError(
            f"none of the {len(attempts)} completions of a step could be scored, so there is nothing to learn from: "
            "see octo doctor, and give the pod the memory and processes that --reward.workers need"
        )
    unscorable = unscorable_C.double().mean().item()
    figures = {
        "number": {},
        "mathematics": {"unscorable": unscorable},
        "code": {
            "unscorable": unscorable,
            "pass_rate": pass_rates_C[judged_C].mean().item(),
            "format": formats_C[judged_C].mean().item(),
        },
    }
    return Rewards(rewards_C.float(), figures[settings.kind])


def reward(score: Score, settings: RewardSettings) -> float | None:
    """What a score is worth; None where there is no verdict."""
    if score.pass_rate is None or score.format is None or settings.kind != "code":
        return score.pass_rate
    return settings.pass_weight * score.pass_rate + settings.format_weight * score.format


def _facts(score: Score, settings: RewardSettings) -> tuple[float, float, float]:
    worth = reward(score, settings)
    unknown = float("nan")
    return (
        unknown if worth is None else worth,
        unknown if score.pass_rate is None else score.pass_rate,
        unknown if score.format is None else score.format,
    )


def _summed(facts_C3: Tensor, device: torch.device) -> Tensor:
    if world_size() == 1:
        return facts_C3
    summed_C3 = facts_C3.to(device)
    with collective():
        distributed.all_reduce(summed_C3)
    return summed_C3.cpu()
