"""Packed documents, as masked diffusion trains on them."""

import numpy as np
import torch

from octo.data.packed import PADDING_SLICE
from octo.ml.batches import packed_batch
from octo.ml.diffusion.denoiser import hidden_states
from octo.ml.diffusion.packed import clean_batch, extent, maskable, num_maskable, opened, openness
from octo.settings.noising import NoisingSettings
from tests.unit.ml.diffusion.models import small_model
from tests.unit.ml.seeing import seen
from tests.unit.ml.test_batches import packed

WHOLE = NoisingSettings(truncated=0.0, conditioned=0.0)
DEVICE = torch.device("cpu")


def clean(settings: NoisingSettings = WHOLE, *, open_share: float = 1.0, seed: int = 0):
    batch = packed_batch(packed(), 0, 3, device=DEVICE)
    return batch, clean_batch(batch, range(3), seed=seed, open_share=open_share, settings=settings)


def test_the_first_token_of_a_document_and_padding_are_never_masked() -> None:
    batch, made = clean()
    assert torch.equal(made.maskable_BS, (batch.positions_BS > 0) & (batch.slices_BS != PADDING_SLICE))
    assert num_maskable(packed(), 0, 3, seed=0, settings=WHOLE) == made.maskable_BS.sum()


def test_a_token_sees_its_own_document_and_no_other() -> None:
    batch, made = clean()
    same_BSS = batch.slices_BS[:, :, None] == batch.slices_BS[:, None, :]
    assert torch.equal(made.mask_B1SS[:, 0], same_BSS)


def test_while_nothing_is_open_the_states_are_those_of_the_causal_model() -> None:
    model = small_model()
    batch, made = clean(open_share=0.0)
    hidden = hidden_states(model, batch.tokens_BS, mask_B1SS=made.mask_B1SS, positions_BS=batch.positions_BS)
    causal_B1SS = seen(batch.documents())
    expected = hidden_states(model, batch.tokens_BS, mask_B1SS=causal_B1SS, positions_BS=batch.positions_BS)
    assert torch.equal(hidden, expected)


def test_what_is_open_grows_evenly_and_stays_open() -> None:
    settings = NoisingSettings(anneal_steps=4)
    assert [openness(step, settings) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert openness(0, WHOLE) == 1.0
    before = opened(5, 200, seed=1, share=0.0)
    assert np.array_equal(before, np.tri(200, dtype=bool))
    for share in (0.25, 0.5, 0.75):
        now = opened(5, 200, seed=1, share=share)
        assert (now | ~before).all()
        assert abs(now[np.triu_indices(200, 1)].mean() - share) < 0.02
        before = now
    assert opened(5, 200, seed=1, share=1.0).all()


def test_a_cut_sequence_ends_there_and_a_condition_stays_without_noise() -> None:
    cut = NoisingSettings(truncated=1.0, conditioned=1.0)
    batch = packed_batch(packed(), 0, 3, device=DEVICE)
    made = clean_batch(batch, range(3), seed=2, open_share=1.0, settings=cut)
    for row in range(3):
        ends = extent(row, 16, seed=2, settings=cut)
        assert 0 < ends.first < ends.last <= 16
        assert not made.maskable_BS[row, : ends.first].any()
        assert not made.maskable_BS[row, ends.last :].any()
        seeing = batch.slices_BS[row, : ends.last] != PADDING_SLICE
        assert not made.mask_B1SS[row, 0, : ends.last, ends.last :][seeing].any()
    assert torch.equal(made.maskable_BS, maskable(batch, range(3), seed=2, settings=cut))


def test_as_many_sequences_are_cut_or_conditioned_as_the_settings_say() -> None:
    settings = NoisingSettings(truncated=0.1, conditioned=0.2)
    extents = [extent(number, 128, seed=0, settings=settings) for number in range(5000)]
    assert abs(np.mean([each.last < 128 for each in extents]) - 0.1) < 0.015
    assert abs(np.mean([each.first > 0 for each in extents]) - 0.2) < 0.02
