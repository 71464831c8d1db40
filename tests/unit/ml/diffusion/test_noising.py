"""Noise, and the loss of predicting it away."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.noising import CleanBatch, add_noise, context_weights, diffusion_loss, noise_levels
from octo.ml.diffusion.sight import Sight
from octo.settings.noising import NoisingSettings
from tests.unit.ml.diffusion.models import KINDS, MASK_ID, VOCABULARY_SIZE, small_model

SETTINGS = NoisingSettings()
WIDTH = 20
ADAPTED = KINDS["adapted"]


def part_of(clean: CleanBatch, rows: slice) -> CleanBatch:
    sight = Sight(clean.sight.slices_BS[rows], clean.sight.positions_BS[rows])
    return CleanBatch(clean.tokens_BS[rows], clean.maskable_BS[rows], sight)


def clean_of(
    rows: int, *, maskable: Sequence[int] = range(1, WIDTH), seed: int = 0, kind: Kind = ADAPTED
) -> CleanBatch:
    tokens_BS = torch.from_numpy(np.random.default_rng(seed).integers(0, 90, (rows, WIDTH)))
    maskable_BS = torch.zeros(rows, WIDTH, dtype=torch.bool)
    maskable_BS[:, list(maskable)] = True
    slices_BS = torch.zeros(rows, WIDTH, dtype=torch.long)
    positions_BS = torch.arange(WIDTH).expand(rows, WIDTH)
    return CleanBatch(tokens_BS, maskable_BS, Sight(slices_BS, positions_BS, block_length=kind.block_length))


def noisy_of(clean: CleanBatch, *, step: int = 0, settings: NoisingSettings = SETTINGS, first: int = 0):
    rows = len(clean.tokens_BS)
    levels_B = noise_levels(batch_size=rows, seed=3, step=step, least=settings.least_noise)
    keys = [(step, first + row) for row in range(rows)]
    return add_noise(clean, levels_B, keys=keys, seed=3, mask_id=MASK_ID, settings=settings), levels_B


def test_noise_levels_are_uniform_and_fall_one_into_each_part() -> None:
    for step in range(50):
        levels_B = noise_levels(batch_size=8, seed=0, step=step, least=0.2)
        assert ((levels_B - 0.2) / 0.8 * 8).astype(int).tolist() == list(range(8))
    every = np.concatenate([noise_levels(batch_size=2, seed=0, step=step, least=0.2) for step in range(4000)])
    shares = np.histogram(every, bins=10, range=(0.2, 1.0))[0] / len(every)
    assert np.abs(shares - 0.1).max() < 0.012


def test_so_many_tokens_are_masked_as_the_level_says_and_no_other() -> None:
    clean = clean_of(4, maskable=range(5, WIDTH))
    num_masked = np.zeros(4)
    levels = np.zeros(4)
    for step in range(400):
        noisy, levels_B = noisy_of(clean, step=step)
        assert not noisy.masked_BS[:, :5].any()
        assert torch.equal(noisy.tokens_BS == MASK_ID, noisy.masked_BS)
        assert torch.equal(noisy.tokens_BS[~noisy.masked_BS], clean.tokens_BS[~noisy.masked_BS])
        num_masked += noisy.masked_BS.sum(dim=1).numpy()
        levels += levels_B
    deviation = math.sqrt(0.25 * 15 * 400)
    assert np.abs(num_masked - 15 * levels).max() < 4 * deviation


def test_a_sequence_is_noised_alike_in_any_batch() -> None:
    clean = clean_of(4)
    levels_B = np.array([0.2, 0.5, 0.7, 0.9])
    keys = [(7, row) for row in range(4)]
    whole = add_noise(clean, levels_B, keys=keys, seed=1, mask_id=MASK_ID, settings=SETTINGS)
    alone = add_noise(
        part_of(clean, slice(2, 3)), levels_B[2:3], keys=keys[2:3], seed=1, mask_id=MASK_ID, settings=SETTINGS
    )
    assert torch.equal(alone.masked_BS, whole.masked_BS[2:3])
    assert torch.equal(alone.weights_BS, whole.weights_BS[2:3])


def test_the_expected_loss_of_a_model_that_knows_nothing_is_the_logarithm_of_the_vocabulary() -> None:
    model = small_model()
    model.lm_head.weight.data.zero_()
    clean = clean_of(8)
    losses = [
        diffusion_loss(model, clean, noisy_of(clean, step=step)[0], kind=ADAPTED, num_maskable=8 * (WIDTH - 1)).item()
        for step in range(400)
    ]
    deviation = np.std(losses) / math.sqrt(len(losses))
    assert abs(np.mean(losses) - math.log(VOCABULARY_SIZE)) < 4 * deviation
    assert deviation < 0.05


@pytest.mark.parametrize("name", KINDS)
def test_the_loss_is_that_of_the_formula(name) -> None:
    kind = KINDS[name]
    model = small_model(kind=kind)
    clean = clean_of(3, kind=kind, maskable=range(kind.lag, WIDTH))
    noisy, levels_B = noisy_of(clean)
    loss = diffusion_loss(model, clean, noisy, kind=kind, num_maskable=57).item()
    size = kind.block_length or WIDTH
    expected = 0.0
    for row in range(3):
        for first in range(0, WIDTH, size):
            # A block is read with its noise, after what is before it without any.
            canvas = torch.cat([clean.tokens_BS[row, :first], noisy.tokens_BS[row, first : first + size]])
            sees = torch.ones(1, 1, len(canvas), len(canvas), dtype=torch.bool)
            for block in range(0, len(canvas), size):
                sees[..., block : block + size, block + size :] = False
            logprobs = model(input_ids=canvas[None], attention_mask=sees).logits[0].float().log_softmax(dim=-1)
            for column in range(first, len(canvas)):
                if canvas[column] == MASK_ID:
                    token = clean.tokens_BS[row, column]
                    expected -= logprobs[column - kind.lag, token].item() / levels_B[row] / 57
    assert loss == pytest.approx(expected, rel=1e-5)


def test_micro_batches_add_up_to_the_batch() -> None:
    model = small_model()
    clean = clean_of(4)
    noisy, levels_B = noisy_of(clean)
    parts = []
    for rows in (slice(0, 1), slice(1, 4)):
        part = part_of(clean, rows)
        keys = [(0, row) for row in range(4)][rows]
        own = add_noise(part, levels_B[rows], keys=keys, seed=3, mask_id=MASK_ID, settings=SETTINGS)
        parts.append(diffusion_loss(model, part, own, kind=ADAPTED, num_maskable=76).item())
    assert sum(parts) == pytest.approx(
        diffusion_loss(model, clean, noisy, kind=ADAPTED, num_maskable=76).item(), rel=1e-6
    )


def test_an_update_in_which_nothing_is_masked_has_no_loss_and_a_gradient_of_nothing() -> None:
    model = small_model()
    clean = clean_of(2, maskable=())
    noisy, _ = noisy_of(clean)
    loss = diffusion_loss(model, clean, noisy, kind=ADAPTED, num_maskable=1)
    loss.backward()
    assert loss.item() == 0
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in model.parameters())


def test_context_weights_are_those_of_the_formula_within_a_document() -> None:
    known_BS = torch.tensor([[True, False, True, False, False, True, False, False], [False] * 8])
    slices_BS = torch.tensor([[0] * 6 + [1, 1], [0] * 8])
    weights_BS = context_weights(known_BS, slices_BS, 0.8)
    for masked in (1, 3, 4):
        expected = sum(0.5 * 0.8 * 0.2 ** (abs(masked - known) - 1) for known in (0, 2, 5))
        assert weights_BS[0, masked].item() == pytest.approx(expected, rel=1e-6)
    assert not weights_BS[0, 6:].any()
    assert not weights_BS[1].any()


def test_a_masked_token_between_known_ones_counts_more_than_one_among_masks() -> None:
    settings = NoisingSettings(weighting="context")
    noisy, _ = noisy_of(clean_of(8), settings=settings)
    weights = noisy.weights_BS
    assert not weights[~noisy.masked_BS].any()
    neighbours = (~noisy.masked_BS[:, 2:]).float() + (~noisy.masked_BS[:, :-2]).float()
    masked = noisy.masked_BS[:, 1:-1]
    assert weights[:, 1:-1][masked & (neighbours == 2)].min() > weights[:, 1:-1][masked & (neighbours == 0)].max()
