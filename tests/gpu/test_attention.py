"""Attention within documents on a device, beside that of the processor, in every way that positions see each other."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.ml.attention import attend_by_documents
from octo.ml.documents import (
    Documents,
    block_documents,
    causal_documents,
    open_documents,
    prefix_documents,
)
from tests.gpu.conftest import CPU, VOCABULARY

ModelOn = Callable[..., PreTrainedModel]
LENGTHS = ((300, 20, 290, 30), (7, 333, 1, 299))
"""Of the slices of each sequence: long ones, each attended to by itself, and short ones; the first ends in padding."""
SLICES_BS = torch.from_numpy(
    np.stack([np.repeat([0, 1, 2, number], row) for number, row in zip((-1, 3), LENGTHS, strict=True)])
)
POSITIONS_BS = torch.from_numpy(np.stack([np.concatenate([np.arange(length) for length in row]) for row in LENGTHS]))
WAYS: dict[str, Callable[[], Documents]] = {
    "causal": lambda: causal_documents(SLICES_BS),
    "open": lambda: open_documents(SLICES_BS),
    "prefix": lambda: prefix_documents(SLICES_BS, POSITIONS_BS < 5),
    "blocks": lambda: block_documents(SLICES_BS, POSITIONS_BS, length=32),
    "by rows": lambda: Documents(
        SLICES_BS,
        torch.zeros_like(SLICES_BS),
        sees=lambda _row, queries_Q1, keys_1K: (keys_1K <= queries_Q1) | (keys_1K % 3 == 0),
    ),
}
CLOSE = {torch.float32: {"rtol": 1e-3, "atol": 1e-4}, torch.bfloat16: {"rtol": 5e-2, "atol": 5e-2}}


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
def test_documents_are_attended_to_as_on_the_processor(
    way: str, precision: torch.dtype, device: torch.device, model_on: ModelOn
) -> None:
    expected_BSD, expected_gradient = _states(model_on(CPU), WAYS[way]())
    states_BSD, gradient = _states(model_on(device, precision), WAYS[way]())
    seen_BS = SLICES_BS >= 0
    torch.testing.assert_close(states_BSD[seen_BS], expected_BSD[seen_BS], **CLOSE[precision])
    assert torch.cosine_similarity(gradient, expected_gradient, dim=0) > (
        0.9999 if precision is torch.float32 else 0.99
    )


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
def test_what_stands_in_one_document_moves_no_bit_of_another(
    way: str, precision: torch.dtype, device: torch.device, model_on: ModelOn
) -> None:
    model = model_on(device, precision)
    others_BS = _tokens()
    others_BS[SLICES_BS == 1] = (others_BS[SLICES_BS == 1] + 1) % VOCABULARY
    with torch.no_grad():
        before_BSD = _forward(model, _tokens(), WAYS[way]())
        after_BSD = _forward(model, others_BS, WAYS[way]())
    same = [torch.equal(before_BSD[SLICES_BS.eq(number)], after_BSD[SLICES_BS.eq(number)]) for number in range(3)]
    assert same == [True, False, True]


def _states(model: PreTrainedModel, documents: Documents) -> tuple[torch.Tensor, torch.Tensor]:
    """The last layer's states, and the gradient of all weights below them, on the processor."""
    states_BSD = _forward(model, _tokens(), documents)
    seen_BSD = states_BSD[SLICES_BS >= 0]
    directions = torch.from_numpy(np.random.default_rng(2).normal(size=tuple(seen_BSD.shape))).float()
    (seen_BSD * directions).sum().backward()
    gradients = [each.grad.float().cpu().flatten() for each in model.parameters() if each.grad is not None]
    return states_BSD.detach(), torch.cat(gradients)


def _forward(model: PreTrainedModel, tokens_BS: torch.Tensor, documents: Documents) -> torch.Tensor:
    attend_by_documents(model)
    states_BSD: torch.Tensor = model.base_model(
        input_ids=tokens_BS.to(model.device),
        position_ids=POSITIONS_BS.to(model.device),
        documents=documents,
        use_cache=False,
    ).last_hidden_state
    return states_BSD.float().cpu()


def _tokens() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, tuple(SLICES_BS.shape)))
