"""A completion without a verdict counts in no denominator: it is as if it had not been sampled."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedModel

from octo.ml.diffusion.denoiser import kind_of
from octo.ml.engine import Engine
from octo.ml.loop import Step
from octo.ml.rl.causal_policy import update
from octo.ml.rl.diffusion_policy import DiffusionPolicy
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import chunks_of, sample
from octo.ml.rl.step import Rollout
from octo.settings.midtraining import OptimizerSettings
from octo.settings.rl import DiffusionPolicySettings, RlSettings
from tests.unit.ml.diffusion.models import END_ID, small_model

UNKNOWN = math.nan
FIGURES = ("reward", "response_length", "truncated", "zero_variance_groups", "loss", "gradient_norm", "entropy")


def settings_of(group_size: int) -> RlSettings:
    return RlSettings(
        prompts_per_step=2,
        group_size=group_size,
        micro_batch_size=2 * group_size,
        max_new_tokens=6,
        optimizer=OptimizerSettings(zero_stage=0, weight_decay=0.0),
        diffusion=DiffusionPolicySettings(num_passes=1, kl_weight=0.0),
    )


def chosen(rollout: Rollout, members: Sequence[int]) -> Rollout:
    """The rollout with some members of every group alone."""
    size = rollout.rewards_PG.shape[1]
    rows = [group * size + member for group in range(len(rollout.rewards_PG)) for member in members]
    completions = rollout.completions
    return replace(
        rollout,
        prompts=[rollout.prompts[row] for row in rows],
        completions=Completions(
            *([each[row] for row in rows] for each in (completions.tokens, completions.logprobs, completions.finished)),
            orders=[completions.orders[row] for row in rows] if completions.orders else [],
        ),
        rewards_PG=rollout.rewards_PG[:, list(members)],
    )


def test_a_causal_policy_learns_the_same_with_and_without_completions_that_have_no_verdict(
    model: PreTrainedModel,
) -> None:
    settings, prompts = settings_of(4), [[5, 6, 7], [9, 10, 11]]
    [chunk] = chunks_of(prompts, settings, step=0, ends=(0, 1, 2, 3))
    rollout = Rollout(
        questions=[],
        prompts=[prompt for prompt in prompts for _ in range(4)],
        completions=sample(model, chunk),
        texts=[],
        rewards_PG=torch.tensor([[0.0, UNKNOWN, 1.0, UNKNOWN], [1.0, UNKNOWN, 0.0, UNKNOWN]]),
        weights="",
    )
    told = []
    for rewarded, group_size in ((rollout, 4), (chosen(rollout, [0, 2]), 2)):
        engine = Engine(model, settings=settings.optimizer, micro_batches=1)
        told.append(update(engine, rewarded, settings=settings_of(group_size), step=Step(0, 0.0)).figures())
    assert [told[0][name] for name in FIGURES] == pytest.approx([told[1][name] for name in FIGURES], rel=1e-4)
    assert told[0]["gradient_norm"] > 0


def test_a_diffusion_policy_does_so_too() -> None:
    settings = settings_of(3)
    tokens = [[5, 6, END_ID], [7, 8, 9, 5, 6, 7], [5, END_ID], [8, 5, 5, END_ID], [9, 9, 9, 9, 9, 9], [6, END_ID]]
    rollout = Rollout(
        questions=[],
        prompts=[[1, 2, 3]] * 3 + [[4, 5, 6]] * 3,
        completions=Completions(
            tokens=tokens,
            logprobs=[[0.0] * len(each) for each in tokens],
            finished=[each[-1] == END_ID for each in tokens],
            orders=[list(range(len(each))) for each in tokens],
        ),
        texts=[],
        rewards_PG=torch.tensor([[1.0, UNKNOWN, 0.0], [0.0, UNKNOWN, 1.0]]),
        weights="",
    )
    told = []
    for changes in ({}, {"tokens": [each if len(each) < 6 else [9] * 6 for each in tokens]}):
        model = small_model(spread=4.0).float()
        engine = Engine(model, settings=settings.optimizer, micro_batches=1)
        policy = DiffusionPolicy(engine, settings, kind=kind_of(model.config), ends=(END_ID,), reference=None)
        changed = replace(rollout, completions=replace(rollout.completions, **changes))
        told.append(policy.update(model, changed, step=Step(0, 0.0)).figures())
    assert [told[0][name] for name in FIGURES] == pytest.approx([told[1][name] for name in FIGURES], rel=1e-4)
    assert told[0]["response_length"] == 11 / 4
    assert told[0]["truncated"] == 0
    assert told[0]["global_ar_ness"] == 1
    # Every ratio is one: minus the advantages' mean over the eleven tokens of the four that were judged.
    half = 1 / math.sqrt(2)
    assert told[0]["loss"] == pytest.approx(-half * (3 - 2 - 4 + 2) / 11, abs=1e-4)


def test_a_group_without_a_verdict_is_no_group_of_equal_rewards() -> None:
    rollout = Rollout(
        questions=[],
        prompts=[[1]] * 6,
        completions=Completions([[1, 2]] * 2 + [[1]] * 4, [[0.0]] * 6, [True] * 6),
        texts=[],
        rewards_PG=torch.tensor([[UNKNOWN, UNKNOWN], [1.0, 0.0], [1.0, 1.0]]),
        weights="",
    )
    told = rollout.described()
    assert told == pytest.approx(
        {"reward": 0.75, "response_length": 1.0, "truncated": 0.0, "zero_variance_groups": 0.5}
    )
