import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.errors import InvariantError
from octo.ml.engine import Engine
from octo.ml.loop import Step
from octo.ml.rl.causal_policy import update
from octo.ml.rl.gate import Gate
from octo.ml.rl.logprobs import completion_batch, completion_logprobs
from octo.ml.rl.sampling import chunks_of, sample
from octo.ml.rl.step import Rollout
from octo.settings.rl import RlSettings
from tests.unit.ml.unread import NothingRead

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


def learnt(engine: Engine, rollout: Rollout, settings: RlSettings, *, rate: float = 0.0) -> Mapping[str, float]:
    """The figures of an update; what is objected to it is raised, as the loop does when it looks at them."""
    made = update(engine, rollout, settings=settings, step=Step(0, rate))
    objection = made.objection()
    # Nothing that is objected to has changed the weights.
    assert bool(objection) != all(each.applied for each in made.results)
    if objection:
        raise InvariantError(objection)
    return made.figures()


@pytest.mark.parametrize("temperature", [0.9, 0.99, 1.01, 1.1])
def test_another_temperature_is_refused_however_near_it_is(model: PreTrainedModel, temperature: float) -> None:
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    with pytest.raises(InvariantError, match=r"differ by .* over .*, 3 times what rounding in float32 does"):
        learnt(engine, rollout_at(model, temperature), SETTINGS, rate=1e-2)


def test_the_bound_is_that_of_the_settings_where_they_give_one(model: PreTrainedModel) -> None:
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    generous, strict = (
        SETTINGS.model_copy(update={"rollout": SETTINGS.rollout.model_copy(update={"largest_gap": gap})})
        for gap in (5.0, 1e-9)
    )
    with pytest.raises(InvariantError, match=r"over 1e-09, which is --rollout\.largest-gap"):
        learnt(engine, rollout_at(model, 1.0), strict)
    assert learnt(engine, rollout_at(model, 0.9), generous)["logprob_gap"] > 1e-3


def logprobs_of(
    model: PreTrainedModel, written: list[tuple[list[int], list[int]]]
) -> tuple[torch.Tensor, torch.Tensor]:
    batch = completion_batch(*map(list, zip(*written, strict=True)), device=torch.device("cpu"))
    with torch.no_grad():
        return completion_logprobs(model, batch, temperature=1.0)[0], batch.mask_CT


def test_the_noise_is_that_of_the_precision_and_what_rounds_as_coarsely_is_let_in(model: PreTrainedModel) -> None:
    """As workers do that compute in bfloat16 for a learner that does: their sums have another order."""
    drawn = np.random.default_rng(0)
    written = [(drawn.integers(0, 48, 5).tolist(), drawn.integers(0, 48, 20).tolist()) for _ in range(32)]
    bounds = []
    for each in (model, copy.deepcopy(model).bfloat16()):
        logprobs_CT, mask_CT = logprobs_of(each, written)
        alone_CT = torch.cat([logprobs_of(each, [row])[0] for row in written])
        gate = Gate(SETTINGS)
        assert gate.admit(each, written, logprobs_CT, (alone_CT - logprobs_CT).abs(), mask_CT) == 0
        gate.send()
        assert gate.objection() == ""
        bounds.append(float(gate.bound))
        farther_CT = torch.full_like(logprobs_CT, 1.5 * bounds[-1])
        assert gate.admit(each, written, logprobs_CT, farther_CT, mask_CT).isnan()
        gate.send()
        assert "sampled by another policy" in gate.objection()
    assert 1e-8 < bounds[0] < 1e-5
    # The unit of roundoff of bfloat16 is 65,536 times that of float32.
    assert 1e2 < bounds[1] / bounds[0] < 1e6


def test_what_a_model_is_sure_of_may_be_off_by_what_rounds_its_logits(model: PreTrainedModel) -> None:
    with torch.no_grad():
        for weights in model.get_output_embeddings().parameters():
            weights.mul_(4000)
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    sure = rollout_at(model, 1.0)
    assert np.mean([value for row in sure.completions.logprobs for value in row]) > -0.1

    def learn(off: float) -> None:
        logprobs = [[value - off for value in row] for row in sure.completions.logprobs]
        completions = replace(sure.completions, logprobs=logprobs)
        learnt(engine, replace(sure, completions=completions), SETTINGS)

    learn(1e-6)
    with pytest.raises(InvariantError, match="sampled by another policy"):
        learn(1e-3)


def test_completions_in_bfloat16_are_let_in_where_settings_say_how_far_they_may_be(model: PreTrainedModel) -> None:
    coarse = copy.deepcopy(model).bfloat16()
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    rollout = rollout_at(coarse, 1.0)
    with pytest.raises(InvariantError, match=r"say with --rollout\.largest-gap by how much they may differ"):
        learnt(engine, rollout, SETTINGS)
    allowed = SETTINGS.model_copy(update={"rollout": SETTINGS.rollout.model_copy(update={"largest_gap": 0.02})})
    assert learnt(engine, rollout, allowed)["logprob_gap"] > 0


def test_a_rank_scores_one_in_thirty_two_twice_however_small_micro_batches_are(model: PreTrainedModel) -> None:
    scored = 0

    def count(_module: object, given: tuple[torch.Tensor], _made: object) -> None:
        nonlocal scored
        scored += 1

    [[logprobs_CT], [mask_CT]] = ([each[:1]] for each in logprobs_of(model, [([1, 2], [3, 4])]))
    gate = Gate(SETTINGS)
    handle = model.get_input_embeddings().register_forward_hook(count)
    for _ in range(64):
        gate.admit(model, [([1, 2], [3, 4])], logprobs_CT[None], torch.zeros(1, 2), mask_CT[None])
    handle.remove()
    assert scored == 2
    assert gate.num_tokens == 4


def test_completions_of_another_policy_are_refused_before_anything_is_learnt(model: PreTrainedModel) -> None:
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InvariantError, match="sampled by another policy than the one that is trained"):
        learnt(engine, rollout_at(model, 0.05), SETTINGS, rate=1e-2)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())

    figures = learnt(engine, rollout_at(model, 1.0), SETTINGS, rate=1e-2)
    assert figures["logprob_gap"] < 1e-5
    assert figures["clip_fraction"] == 0
    assert np.isfinite(figures["loss"])
    assert not all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_update_waits_for_no_number_of_its_device(model: PreTrainedModel) -> None:
    """Of those that figures are made of, and of those that say whether anything is to be learnt."""
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    rollout = rollout_at(model, 1.0)
    with NothingRead():
        made = update(engine, rollout, settings=SETTINGS, step=Step(0, 1e-2))
    assert made.figures()["entropy"] > 0
    with pytest.raises(AssertionError, match="a number was read"), NothingRead():
        made.results[0]._figures_3[0].item()


def test_the_loss_of_completions_and_who_is_let_in_ask_nothing_of_the_device(model: PreTrainedModel) -> None:
    """On a device that holds no numbers: whatever waits for one of its numbers, or for their number, fails."""
    allowed = SETTINGS.model_copy(update={"rollout": SETTINGS.rollout.model_copy(update={"largest_gap": 0.02})})
    made = update(
        Engine(model, settings=SETTINGS.optimizer, micro_batches=1),
        rollout_at(model, 1.0),
        settings=allowed,
        step=Step(0, 0.0),
    )
    elsewhere = copy.deepcopy(model).to("meta")
    for [loss] in made.losses:
        found = loss(elsewhere)
        assert found.is_meta
        found.backward()
    assert all(each.grad is not None for each in elsewhere.parameters())
