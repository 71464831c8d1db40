import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.errors import InvariantError
from octo.ml.engine import Engine
from octo.ml.rl.causal_policy import update
from octo.ml.rl.sampling import chunks_of, sample
from octo.ml.rl.step import Rollout
from octo.settings.rl import RlSettings

SETTINGS = RlSettings(prompts_per_step=2, group_size=2, micro_batch_size=4, max_new_tokens=5, temperature=1.0)


def rollout_at(model: PreTrainedModel, temperature: float) -> Rollout:
    prompts = [[5, 6, 7], [9, 10, 11]]
    settings = SETTINGS.model_copy(update={"temperature": temperature})
    [chunk] = chunks_of(prompts, settings, step=0, ends=(0,))
    return Rollout(
        questions=[],
        prompts=[prompt for prompt in prompts for _ in range(2)],
        completions=sample(model, chunk),
        texts=[],
        rewards_PG=torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        weights="",
    )


def test_completions_of_another_policy_are_refused_before_anything_is_learnt(model: PreTrainedModel) -> None:
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InvariantError, match="sampled by another policy than the one that is trained"):
        update(engine, rollout_at(model, 0.05), settings=SETTINGS, step=0, rate=1e-2)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())

    figures = update(engine, rollout_at(model, 1.0), settings=SETTINGS, step=0, rate=1e-2)
    assert figures["logprob_gap"] < 1e-5
    assert figures["clip_fraction"] == 0
    assert np.isfinite(figures["loss"])
    assert not all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
