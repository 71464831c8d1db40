from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.data.packed import PADDING_SLICE, PackedSequences, RecordFormat
from octo.errors import InvariantError
from octo.ml.batches import language_model_loss, packed_batch

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
    batch = packed_batch(given, device=torch.device("cpu"))
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


def test_a_model_that_would_ignore_documents_is_not_trained(model: PreTrainedModel) -> None:
    model.set_attn_implementation("sdpa")
    with pytest.raises(InvariantError, match="would let documents see each other"):
        language_model_loss(model, packed_batch(packed(), device=torch.device("cpu")), num_predicted=1)


def test_nothing_leaks_from_one_document_into_another(model: PreTrainedModel) -> None:
    given = packed()
    changed = given.tokens_NS.copy()
    changed[0, :7] = (changed[0, :7] + 11) % 46 + 2  # another first document
    changed[2, -3:] = 7  # other padding
    others = [(0, slice(7, 16)), (1, slice(0, 16)), (2, slice(0, 13))]
    outputs = []
    for tokens_NS in (given.tokens_NS, changed):
        batch = packed_batch(replace(given, tokens_NS=tokens_NS), device=torch.device("cpu"))
        outputs.append(
            model(input_ids=batch.tokens_BS, documents=batch.documents(), position_ids=batch.positions_BS).logits
        )
    for row, columns in others:
        assert torch.equal(outputs[0][row, columns], outputs[1][row, columns])
    assert not torch.allclose(outputs[0][0, :7], outputs[1][0, :7])
