from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.data.packed import PADDING_SLICE, PackedSequences, RecordFormat
from octo.errors import InvariantError
from octo.ml.batches import language_model_loss, packed_batch
from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.noising import add_noise, diffusion_loss
from octo.ml.diffusion.packed import clean_batch
from octo.ml.heads import Asked, model_logprobs
from octo.ml.recomputation import recompute
from octo.ml.rl.logprobs import completion_batch, completion_logprobs
from octo.settings.midtraining import OptimizerSettings
from octo.settings.noising import NoisingSettings

LENGTHS = [[7, 5, 4], [16], [10, 3]]


def packed(*, seed: int = 0) -> PackedSequences:
    """Three sequences of 16 tokens: three documents, one document, two documents and three tokens of padding."""
    tokens_NS = np.random.default_rng(seed).integers(2, 48, (3, 16)).astype(np.uint16)
    written = RecordFormat(16, "uint16")
    records = []
    for row, lengths in enumerate(LENGTHS):
        slices = np.split(tokens_NS[row, : sum(lengths)], np.cumsum(lengths)[:-1])
        records.append(written.encode(slices, padding=1, key="test", row=row))
    return written.decode(b"".join(records))


def documents(given: PackedSequences) -> list[np.ndarray]:
    return [
        row[labels == label].astype(np.int64)
        for row, labels in zip(given.tokens_NS, given.slices_NS, strict=True)
        for label in range(labels.max() + 1)
    ]


def test_slices_and_positions_start_anew_with_every_document() -> None:
    given = packed()
    assert given.slices_NS[0].tolist() == [0] * 7 + [1] * 5 + [2] * 4
    assert given.positions_NS[0].tolist() == [*range(7), *range(5), *range(4)]
    assert given.slices_NS[2, -3:].tolist() == [PADDING_SLICE] * 3


def test_the_packed_loss_is_that_of_the_documents_one_by_one(model: PreTrainedModel) -> None:
    given = packed()
    batch = packed_batch(given)
    num_predicted = int(batch.predicted().sum())
    assert num_predicted == sum(length - 1 for lengths in LENGTHS for length in lengths)
    loss = language_model_loss(model, batch, num_predicted=num_predicted)
    alone = torch.stack(
        [
            model(input_ids=torch.tensor([tokens]), labels=torch.tensor([tokens])).loss * (len(tokens) - 1)
            for tokens in documents(given)
        ]
    )
    assert torch.allclose(loss, alone.sum() / num_predicted, rtol=1e-5)


def test_each_sequences_losses_are_told_beside_their_sum(model: PreTrainedModel) -> None:
    given = packed()
    batch = packed_batch(given)
    noted: list[torch.Tensor] = []
    loss = language_model_loss(model, batch, num_predicted=1, note=noted.append)
    [sums_B2] = noted
    alone = [
        sum(
            float(model(input_ids=torch.tensor([tokens]), labels=torch.tensor([tokens])).loss) * (len(tokens) - 1)
            for tokens in documents(packed_rows(given, row))
        )
        for row in range(len(LENGTHS))
    ]
    assert torch.allclose(sums_B2[:, 0], torch.tensor(alone, dtype=torch.float64), rtol=1e-5)
    assert sums_B2[:, 1].tolist() == [sum(length - 1 for length in lengths) for lengths in LENGTHS]
    assert torch.allclose(sums_B2[:, 0].sum(), loss.double(), rtol=1e-5)
    assert not sums_B2.requires_grad


def packed_rows(given: PackedSequences, row: int) -> PackedSequences:
    return PackedSequences(*(array[row : row + 1] for array in (given.tokens_NS, given.slices_NS, given.positions_NS)))


def test_a_model_that_would_ignore_documents_is_not_trained(model: PreTrainedModel) -> None:
    model.set_attn_implementation("sdpa")
    with pytest.raises(InvariantError, match="would let documents see each other"):
        language_model_loss(model, packed_batch(packed()), num_predicted=1)


def test_nothing_leaks_from_one_document_into_another(model: PreTrainedModel) -> None:
    given = packed()
    changed = given.tokens_NS.copy()
    changed[0, :7] = (changed[0, :7] + 11) % 46 + 2  # another first document
    changed[2, -3:] = 7  # other padding
    others = [(0, slice(7, 16)), (1, slice(0, 16)), (2, slice(0, 13))]
    outputs = []
    for tokens_NS in (given.tokens_NS, changed):
        batch = packed_batch(replace(given, tokens_NS=tokens_NS))
        outputs.append(
            model(input_ids=batch.tokens_BS, documents=batch.documents(), position_ids=batch.positions_BS).logits
        )
    for row, columns in others:
        assert torch.equal(outputs[0][row, columns], outputs[1][row, columns])
    assert not torch.allclose(outputs[0][0, :7], outputs[1][0, :7])


@pytest.mark.parametrize("loss", ["of the next token", "of masked tokens", "of completions"])
def test_a_loss_and_its_gradient_ask_nothing_of_the_device_that_computes_them(
    loss: str, model: PreTrainedModel
) -> None:
    """On a device that holds no numbers: whatever waits for one of its numbers, or for their number, fails."""
    elsewhere = deepcopy(model).to("meta")
    batch = packed_batch(packed())
    if loss == "of the next token":
        found = language_model_loss(elsewhere, batch, num_predicted=1)
    elif loss == "of masked tokens":
        kind, settings = Kind(47, 46, "open"), NoisingSettings()
        clean = clean_batch(batch, range(3), kind=kind, seed=0, open_share=0.5, settings=settings)
        keys = [(0,), (1,), (2,)]
        noisy = add_noise(clean, np.full(3, 0.5), keys=keys, seed=0, mask_id=47, settings=settings)
        found = diffusion_loss(elsewhere, clean, noisy, kind=kind, num_maskable=1)
    else:
        completions = completion_batch([[5, 6], [7]], [[8], [9, 10, 11]], device=torch.device("cpu"))
        found = completion_logprobs(elsewhere, completions, temperature=1.0)[0].sum()
    assert found.is_meta
    found.backward()
    assert all(each.grad is not None for each in elsewhere.parameters())


LONG = [700, 5000, 90, 2402]
"""Of four documents, 8,192 tokens: in strips, by a kernel of its own, and two whose edges are in the middle."""


@pytest.mark.parametrize("objective", ["causal", "diffusion"])
@pytest.mark.parametrize("activations", ["kept", "computed again"])
def test_at_8192_positions_a_documents_loss_teaches_nothing_about_another(
    objective: str, activations: str, model: PreTrainedModel
) -> None:
    """Of a loss of one document's tokens, the gradient at every other document's embeddings is zero, to the bit."""
    recompute(model.train(), OptimizerSettings(gradient_checkpointing=activations != "kept"))
    tokens_S = np.random.default_rng(0).integers(2, 47, sum(LONG)).astype(np.uint16)
    written = RecordFormat(len(tokens_S), "uint16")
    batch = packed_batch(
        written.decode(written.encode(np.split(tokens_S, np.cumsum(LONG)[:-1]), padding=1, key="", row=0))
    )
    read: list[torch.Tensor] = []
    model.get_input_embeddings().register_forward_hook(lambda _module, _given, made: read.append(made))
    wanted_BS = batch.slices_BS == 1
    if objective == "causal":
        # Padding predicts nothing, and is no part of what the others see.
        asked = replace(batch, slices_BS=batch.slices_BS.where(wanted_BS, PADDING_SLICE))
        full = language_model_loss(model, batch, num_predicted=1)
        alone = language_model_loss(model, asked, num_predicted=1)
        assert full > alone
        logprobs = model_logprobs(
            model,
            Asked(torch.arange(700, 5699), torch.arange(4999), batch.tokens_BS[0, 701:5700]),
            input_ids=batch.tokens_BS,
            position_ids=batch.positions_BS,
            documents=batch.documents(),
        )[0]
        torch.testing.assert_close(-logprobs.sum(), alone, rtol=1e-6, atol=0)
        (found,) = torch.autograd.grad(logprobs.sum(), read[-1])
    else:
        kind, settings = Kind(47, 46, "open"), NoisingSettings()
        clean = clean_batch(batch, range(1), kind=kind, seed=0, open_share=1.0, settings=settings)
        clean = replace(clean, maskable_BS=clean.maskable_BS & wanted_BS)
        noisy = add_noise(clean, np.full(1, 0.5), keys=[(0,)], seed=0, mask_id=47, settings=settings)
        (found,) = torch.autograd.grad(
            diffusion_loss(model, clean, noisy, kind=kind, num_maskable=1), read[-1], retain_graph=False
        )
    assert not found[~wanted_BS].any()
    assert found[wanted_BS].any(dim=-1).float().mean() > 0.99
