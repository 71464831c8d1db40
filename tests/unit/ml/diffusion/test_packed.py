"""Packed documents, as masked diffusion trains on them."""

import numpy as np
import pytest
import torch

from octo.data.packed import PADDING_SLICE
from octo.errors import UsageError
from octo.ml.batches import packed_batch
from octo.ml.diffusion.packed import clean_batch, extent, maskable, num_maskable, opening, openness, scrambled
from octo.ml.diffusion.sight import view
from octo.settings.noising import NoisingSettings
from tests.unit.ml.diffusion.models import KINDS, small_model
from tests.unit.ml.seeing import seen
from tests.unit.ml.test_batches import packed

WHOLE = NoisingSettings(truncated=0.0, conditioned=0.0)
DEVICE = torch.device("cpu")


def clean(settings: NoisingSettings = WHOLE, *, open_share: float = 1.0, seed: int = 0, kind: str = "adapted"):
    batch = packed_batch(packed())
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
    assert torch.equal(seen(made.sight.documents())[:, 0], expected_BSS)
    with pytest.raises(UsageError, match="anneal-steps=0 for a model of blocks, got 7"):
        clean(NoisingSettings(anneal_steps=7), kind="blocks", open_share=0.5)


def test_noise_is_seen_within_a_block_and_before_it_is_none() -> None:
    _, made = clean(kind="blocks")
    where_N = made.maskable_BS.nonzero(as_tuple=True)
    # Tokens tell where they came from: the column, and whether it is a copy's.
    copy_BS = torch.arange(16).expand(3, -1)
    read = view(copy_BS + 16, copy_BS, made.sight, where_N, lag=0)
    assert torch.equal(read.tokens_BT.flatten()[read.sites_N], (copy_BS + 16)[where_N])
    columns_BT, is_noisy_BT = read.tokens_BT % 16, read.tokens_BT >= 16
    slices_BT, positions_BT = (each.gather(1, columns_BT) for each in (made.sight.slices_BS, made.sight.positions_BS))
    assert torch.equal(read.positions_BT, positions_BT)
    own_BT1, other_B1T = (positions_BT[:, :, None] // 4, positions_BT[:, None, :] // 4)
    within_BTT = (own_BT1 == other_B1T) & (is_noisy_BT[:, :, None] == is_noisy_BT[:, None, :])
    before_BTT = (own_BT1 > other_B1T) & ~is_noisy_BT[:, None, :]
    expected_BTT = (slices_BT[:, :, None] == slices_BT[:, None, :]) & (within_BTT | before_BTT)
    assert torch.equal(seen(read.documents)[:, 0], expected_BTT)


def test_a_token_sees_its_own_document_and_no_other() -> None:
    batch, made = clean()
    same_BSS = batch.slices_BS[:, :, None] == batch.slices_BS[:, None, :]
    assert torch.equal(seen(made.sight.documents())[:, 0], same_BSS)


def test_while_nothing_is_open_the_states_are_those_of_the_causal_model() -> None:
    model = small_model()
    batch, made = clean(open_share=0.0)
    opened, causal = (
        model.model(
            input_ids=batch.tokens_BS, documents=documents, position_ids=batch.positions_BS, use_cache=False
        ).last_hidden_state
        for documents in (made.sight.documents(), batch.documents())
    )
    is_text_BS = batch.slices_BS != PADDING_SLICE
    assert torch.equal(opened[is_text_BS], causal[is_text_BS])


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
    sees = opening((5, 6), 200, seed=1, share=share)
    return torch.stack([sees(row, torch.arange(200)[:, None], torch.arange(200)[None]) for row in range(2)])


def test_rows_are_opened_alike_however_many_are_looked_at_and_in_whichever_batch() -> None:
    whole = all_opened(0.5)
    alone = opening((6,), 200, seed=1, share=0.5)
    for rows, columns in ((range(1), range(200)), (range(100, 140), range(30, 200)), (range(127, 129), range(128))):
        found = alone(0, torch.tensor(rows)[:, None], torch.tensor(columns)[None])
        assert torch.equal(found, whole[1][torch.tensor(rows)[:, None], torch.tensor(columns)[None]])


def test_what_is_open_of_two_rows_two_columns_or_two_sequences_is_independent() -> None:
    """Of two independent fair coins, half of the pairs are equal, whatever lies between them."""
    whole = all_opened(0.5)
    later = torch.ones(200, 200, dtype=torch.bool).triu(1)
    for distance in (1, 2, 7, 64):
        rows = (whole[:, distance:] == whole[:, :-distance])[:, later[:-distance] & later[distance:]]
        columns = (whole[:, :, distance:] == whole[:, :, :-distance])[:, later[:, :-distance] & later[:, distance:]]
        assert (rows.double().mean(dim=1) - 0.5).abs().max() < 0.02
        assert (columns.double().mean(dim=1) - 0.5).abs().max() < 0.02
    assert abs((whole[0] == whole[1])[later].double().mean() - 0.5) < 0.02


def test_scrambling_gives_each_number_another() -> None:
    numbers = torch.arange(100_000) * 20_011 % (1 << 31)
    assert scrambled(numbers).unique().numel() == numbers.numel()
    assert 0 <= int(scrambled(numbers).min()) <= int(scrambled(numbers).max()) < 1 << 31


def test_a_cut_sequence_ends_there_and_a_condition_stays_without_noise() -> None:
    cut = NoisingSettings(truncated=1.0, conditioned=1.0)
    batch = packed_batch(packed())
    made = clean_batch(batch, range(3), kind=KINDS["adapted"], seed=2, open_share=1.0, settings=cut)
    for row in range(3):
        ends = extent(row, 16, seed=2, settings=cut)
        assert 0 < ends.first < ends.last <= 16
        assert not made.maskable_BS[row, : ends.first].any()
        assert not made.maskable_BS[row, ends.last :].any()
        seeing = batch.slices_BS[row, : ends.last] != PADDING_SLICE
        assert not seen(made.sight.documents())[row, 0, : ends.last, ends.last :][seeing].any()
    assert torch.equal(made.maskable_BS, maskable(batch, range(3), kind=KINDS["adapted"], seed=2, settings=cut))


def test_as_many_sequences_are_cut_or_conditioned_as_the_settings_say() -> None:
    settings = NoisingSettings(truncated=0.1, conditioned=0.2)
    extents = [extent(number, 128, seed=0, settings=settings) for number in range(5000)]
    assert abs(np.mean([each.last < 128 for each in extents]) - 0.1) < 0.015
    assert abs(np.mean([each.first > 0 for each in extents]) - 0.2) < 0.02
