"""Packed documents, as masked diffusion trains on them."""

import numpy as np
import pytest
import torch

from octo.data.packed import PADDING_SLICE
from octo.errors import UsageError
from octo.ml.batches import packed_batch
from octo.ml.diffusion.denoiser import hidden_states
from octo.ml.diffusion.packed import OPENED_ROWS, clean_batch, extent, maskable, num_maskable, opened, openness
from octo.settings.noising import NoisingSettings
from tests.unit.ml.diffusion.models import KINDS, small_model
from tests.unit.ml.seeing import seen
from tests.unit.ml.test_batches import packed

WHOLE = NoisingSettings(truncated=0.0, conditioned=0.0)
DEVICE = torch.device("cpu")


def clean(settings: NoisingSettings = WHOLE, *, open_share: float = 1.0, seed: int = 0, kind: str = "adapted"):
    batch = packed_batch(packed(), device=DEVICE)
    return batch, clean_batch(batch, range(3), kind=KINDS[kind], seed=seed, open_share=open_share, settings=settings)


def test_the_first_token_of_a_document_and_padding_are_never_masked() -> None:
    batch, made = clean()
    assert torch.equal(made.maskable_BS, (batch.positions_BS > 0) & (batch.slices_BS != PADDING_SLICE))
    assert num_maskable(packed(), range(3), kind=KINDS["adapted"], seed=0, settings=WHOLE) == made.maskable_BS.sum()


def test_where_a_state_predicts_its_own_token_the_first_of_a_document_is_masked_too() -> None:
    batch, made = clean(kind="unshifted")
    assert torch.equal(made.maskable_BS, batch.slices_BS != PADDING_SLICE)
    assert num_maskable(packed(), range(3), kind=KINDS["unshifted"], seed=0, settings=WHOLE) == made.maskable_BS.sum()


def test_a_model_of_blocks_sees_blocks_of_its_document_and_is_not_opened_by_and_by() -> None:
    batch, made = clean(kind="blocks")
    blocks_BS = batch.positions_BS // 4
    expected_BSS = (batch.slices_BS[:, :, None] == batch.slices_BS[:, None, :]) & (
        blocks_BS[:, :, None] >= blocks_BS[:, None, :]
    )
    assert torch.equal(made.sight.mask()[:, 0], expected_BSS)
    with pytest.raises(UsageError, match="anneal-steps=0 for a model of blocks, got 7"):
        clean(NoisingSettings(anneal_steps=7), kind="blocks", open_share=0.5)


def test_noise_is_seen_within_a_block_and_before_it_is_none() -> None:
    _, made = clean(kind="blocks")
    sees_BSS = made.sight.with_copy().mask()[:, 0]
    noisy, copy = slice(0, 16), slice(16, 32)
    documents_BS, blocks_BS = made.sight.documents_BS, made.sight.positions_BS // 4
    same_BSS = documents_BS[:, :, None] == documents_BS[:, None, :]
    assert torch.equal(sees_BSS[:, noisy, noisy], same_BSS & (blocks_BS[:, :, None] == blocks_BS[:, None, :]))
    assert torch.equal(sees_BSS[:, noisy, copy], same_BSS & (blocks_BS[:, :, None] > blocks_BS[:, None, :]))
    assert not sees_BSS[:, copy, noisy].any()
    assert torch.equal(sees_BSS[:, copy, copy], made.sight.mask()[:, 0])


def test_a_token_sees_its_own_document_and_no_other() -> None:
    batch, made = clean()
    same_BSS = batch.slices_BS[:, :, None] == batch.slices_BS[:, None, :]
    assert torch.equal(made.sight.mask()[:, 0], same_BSS)


def test_while_nothing_is_open_the_states_are_those_of_the_causal_model() -> None:
    model = small_model()
    batch, made = clean(open_share=0.0)
    hidden = hidden_states(model, batch.tokens_BS, sight=made.sight)
    expected = model.model(
        input_ids=batch.tokens_BS, attention_mask=seen(batch.documents()), position_ids=batch.positions_BS
    ).last_hidden_state
    assert torch.equal(hidden, expected)


def test_what_is_open_grows_evenly_and_stays_open() -> None:
    settings = NoisingSettings(anneal_steps=4)
    assert [openness(step, settings) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert openness(0, WHOLE) == 1.0
    before = all_opened(0.0)
    assert torch.equal(before, torch.ones(200, 200, dtype=torch.bool).tril().expand(2, -1, -1))
    for share in (0.25, 0.5, 0.75):
        now = all_opened(share)
        assert (now | ~before).all()
        later = now[:, torch.ones(200, 200, dtype=torch.bool).triu(1)].double()
        assert (later.mean(dim=1) - share).abs().max() < 0.02
        before = now
    assert all_opened(1.0).all()


def all_opened(share: float) -> torch.Tensor:
    return opened((5, 6), 200, 0, 200, seed=1, share=share, device=DEVICE)


def test_rows_are_opened_alike_however_many_are_looked_at_and_in_whichever_batch() -> None:
    whole = all_opened(0.5)
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(whole[:, :64], whole[:, OPENED_ROWS : OPENED_ROWS + 64])
    for first, last in ((0, 1), (100, 140), (OPENED_ROWS, 200), (127, 129)):
        assert torch.equal(opened((6,), 200, first, last, seed=1, share=0.5, device=DEVICE)[0], whole[1, first:last])


def test_a_cut_sequence_ends_there_and_a_condition_stays_without_noise() -> None:
    cut = NoisingSettings(truncated=1.0, conditioned=1.0)
    batch = packed_batch(packed(), device=DEVICE)
    made = clean_batch(batch, range(3), kind=KINDS["adapted"], seed=2, open_share=1.0, settings=cut)
    for row in range(3):
        ends = extent(row, 16, seed=2, settings=cut)
        assert 0 < ends.first < ends.last <= 16
        assert not made.maskable_BS[row, : ends.first].any()
        assert not made.maskable_BS[row, ends.last :].any()
        seeing = batch.slices_BS[row, : ends.last] != PADDING_SLICE
        assert not made.sight.mask()[row, 0, : ends.last, ends.last :][seeing].any()
    assert torch.equal(made.maskable_BS, maskable(batch, range(3), kind=KINDS["adapted"], seed=2, settings=cut))


def test_as_many_sequences_are_cut_or_conditioned_as_the_settings_say() -> None:
    settings = NoisingSettings(truncated=0.1, conditioned=0.2)
    extents = [extent(number, 128, seed=0, settings=settings) for number in range(5000)]
    assert abs(np.mean([each.last < 128 for each in extents]) - 0.1) < 0.015
    assert abs(np.mean([each.first > 0 for each in extents]) - 0.2) < 0.02
