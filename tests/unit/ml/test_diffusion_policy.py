"""Coupled-GRPO's update, beside the formula carried out by hand."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from octo.ml.adapters import merging
from octo.ml.diffusion.denoiser import kind_of
from octo.ml.diffusion.masking import passes
from octo.ml.engine import Engine
from octo.ml.loop import Step
from octo.ml.lora import add_adapters
from octo.ml.rl.diffusion_policy import DiffusionPolicy
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Denoising, chunks_of, joined, sample
from octo.ml.rl.step import Rollout
from octo.processes import rank
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import OptimizerSettings
from octo.settings.rl import DiffusionPolicySettings, RlSettings
from tests.unit.ml.diffusion.models import END_ID, PAD_ID, VOCABULARY_SIZE, small_model
from tests.unit.ml.diffusion.plain_scores import score_plainly
from tests.unit.ml.unread import NothingRead

LENGTH = 6
PROMPTS = [[1, 2, 3], [4, 5, 6, 7]]
REWARDS_PG = torch.tensor([[0.0, 2.0, 1.0], [2.5, 0.5, 0.5]])
STEP, RATE = 5, 1e-3


def settings_of(**changes: object) -> RlSettings:
    diffusion = DiffusionPolicySettings(**{"num_passes": 2, "kl_weight": 0.1, "variance_every": 5, **changes})
    return RlSettings(
        prompts_per_step=2,
        group_size=3,
        micro_batch_size=2,
        max_new_tokens=LENGTH,
        clip_low=0.02,
        clip_high=0.02,
        normalize_advantages=False,
        baseline="leave_one_out",
        temperature=1.2,
        optimizer=OptimizerSettings(zero_stage=0, weight_decay=0.0, beta2=0.99),
        diffusion=diffusion,
    )


def model_in_float32():
    return small_model(spread=4.0).float()


class OtherPolicy:
    """A reference whose weights stay as they are."""

    def __init__(self) -> None:
        self.model = model_in_float32()
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.mul_(1.02)

    def begin(self, step: int, engine: Engine) -> None:
        assert (step, rank()) == (STEP, 0)
        assert engine.micro_batches == 3


def rollout_of(model, settings: RlSettings) -> Rollout:
    denoising = Denoising(
        settings=settings.diffusion.denoising.model_copy(update={"temperature": settings.temperature}),
        pad_id=PAD_ID,
        num_tokens=VOCABULARY_SIZE - 1,
    )
    chunks = chunks_of(PROMPTS, settings, step=STEP, ends=(END_ID,), denoising=denoising)
    return Rollout(
        questions=[],
        prompts=[prompt for prompt in PROMPTS for _ in range(3)],
        completions=joined([sample(model, chunk) for chunk in chunks]),
        texts=[],
        rewards_PG=REWARDS_PG,
        weights="",
    )


def policy_of(model, settings: RlSettings, reference) -> DiffusionPolicy:
    engine = Engine(model, settings=settings.optimizer, micro_batches=3)
    return DiffusionPolicy(engine, settings, kind=kind_of(model.config), ends=(END_ID,), reference=reference)


def scores_by_hand(model, rollout: Rollout, settings: RlSettings, number: int) -> list[Tensor]:
    return [
        score_plainly(
            model,
            rollout.prompts[row],
            tokens,
            passes(
                (row,),
                num_prompt_tokens=len(rollout.prompts[row]),
                length=LENGTH,
                settings=settings.diffusion.coupling,
                seed=settings.seed,
                occasion=(STEP, number),
            ),
            length=LENGTH,
            ends=(END_ID, PAD_ID),
            temperature=settings.temperature,
        )[0]
        for row, tokens in enumerate(rollout.completions.tokens)
    ]


def updated_by_hand(model, reference, rollout: Rollout, settings: RlSettings) -> list[float]:
    """Two updates by the formulas of DiffuCoder, sections 6.1 and 6.2; the gradient's norms before they are clipped."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    advantages = [
        (group[member] - (group.sum() - group[member]) / 2).item() for group in REWARDS_PG for member in range(3)
    ]
    with torch.no_grad():
        old = [scores_by_hand(model, rollout, settings, number) for number in range(2)]
        far = [scores_by_hand(reference, rollout, settings, number) for number in range(2)]
    num_tokens = sum(map(len, rollout.completions.tokens))
    norms = []
    for number in range(2):
        loss = torch.zeros(())
        for row, scores in enumerate(scores_by_hand(model, rollout, settings, number)):
            for token, score in enumerate(scores):
                ratio = (score - old[number][row][token]).exp()
                gain = torch.minimum(ratio * advantages[row], ratio.clamp(0.98, 1.02) * advantages[row])
                away = far[number][row][token] - score
                loss = loss - (gain - 0.1 * (away.exp() - away - 1)) / num_tokens
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
    return norms


def test_two_updates_are_those_of_the_formula_with_masks_of_their_own() -> None:
    settings, model, reference = settings_of(), model_in_float32(), OtherPolicy()
    by_hand = copy.deepcopy(model)
    rollout = rollout_of(model, settings)
    norms = updated_by_hand(by_hand, reference.model, rollout, settings)
    figures = policy_of(model, settings, reference).update(model, rollout, step=Step(STEP, RATE)).figures()
    assert figures["gradient_norm"] == pytest.approx(sum(norms) / 2, rel=1e-4)
    for (name, weight), expected in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=2e-5, msg=name)
    assert figures["divergence"] > 0
    assert 0 < figures["clip_fraction"] < 1


def test_the_first_update_is_of_the_policy_that_sampled() -> None:
    settings, model = settings_of(num_passes=1, kl_weight=0.0), model_in_float32()
    rollout = rollout_of(model, settings)
    figures = policy_of(model, settings, None).update(model, rollout, step=Step(STEP, RATE)).figures()
    lengths = [len(tokens) for tokens in rollout.completions.tokens]
    advantages = [-1.5, 1.5, 0.0, 2.0, -1.0, -1.0]
    # Every ratio is one, so the loss is minus the mean advantage.
    expected = -sum(length * each for length, each in zip(lengths, advantages, strict=True)) / sum(lengths)
    assert figures["loss"] == pytest.approx(expected, abs=1e-6)
    assert figures["clip_fraction"] == 0
    assert "divergence" in figures
    assert figures["divergence"] == 0


def test_the_figures_say_how_much_scores_depend_on_masks_and_how_far_decoding_goes_from_left_to_right() -> None:
    settings, model = settings_of(kl_weight=0.0), model_in_float32()
    rollout = rollout_of(model, settings)
    figures = policy_of(model, settings, None).update(model, rollout, step=Step(STEP, 0.0)).figures()
    assert 0 < figures["variance_coupled"] < math.inf
    assert 0 < figures["variance_decoupled"] < math.inf
    assert 0 <= figures["local_ar_ness"] <= 1
    assert 0 < figures["global_ar_ness"] <= 1
    assert figures["entropy"] > 0
    assert (
        "variance_coupled"
        not in policy_of(model, settings, None).update(model, rollout, step=Step(STEP + 1, 0.0)).figures()
    )


def test_completions_are_sampled_alike_in_any_chunks() -> None:
    settings, model = settings_of(), small_model(spread=4.0)
    apart = settings.model_copy(update={"rollout": settings.rollout.model_copy(update={"prompts_per_chunk": 1})})
    together, alone = (rollout_of(model, each).completions for each in (settings, apart))
    assert isinstance(together, Completions)
    assert together == alone
    assert any(together.finished)
    assert all(
        sorted(order) == list(range(len(tokens)))
        for order, tokens in zip(together.orders, together.tokens, strict=True)
    )


def test_updates_wait_for_no_number_of_their_device() -> None:
    settings, model = settings_of(), model_in_float32()
    rollout = rollout_of(model, settings)
    policy = policy_of(model, settings, OtherPolicy())
    with NothingRead():
        made = policy.update(model, rollout, step=Step(STEP, RATE))
    assert made.figures()["variance_coupled"] > 0
    elsewhere = copy.deepcopy(model).to("meta")
    for loss in made.losses[0]:
        # What was scored before is of the device that it was scored on.
        micro = loss.keywords["micro"]
        scored = {name: getattr(micro, name) for name in ("old_scores_CL", "reference_scores_CL")}
        moved = {name: None if each is None else each.to("meta") for name, each in scored.items()}
        found = loss(elsewhere, micro=replace(micro, **moved))
        assert found.is_meta
        found.backward()


def test_of_a_policy_with_adapters_these_alone_are_updated_and_its_reference_becomes_it_whole() -> None:
    settings, model = settings_of(), model_in_float32()
    add_adapters(model, LoraSettings(rank=2, modules=("q_proj", "down_proj")), seed=0)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    policy = policy_of(model, settings, OtherPolicy())
    with merging(model):
        rollout = rollout_of(model, settings)
    figures = policy.update(model, rollout, step=Step(STEP, RATE)).figures()
    assert figures["divergence"] > 0
    for name, each in model.named_parameters():
        # What the first matrix learns comes by way of the second, which is zero at first: at the second update.
        assert torch.equal(each, before[name]) == (".lora_" not in name), name
    reference = copy.deepcopy(model)
    for each in reference.parameters():
        each.data.zero_()
    policy._engine.copy_weights_to(reference)
    assert all(torch.equal(*pair) for pair in zip(reference.parameters(), model.parameters(), strict=True))
