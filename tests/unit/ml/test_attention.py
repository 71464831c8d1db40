"""Attention within documents is that of a mask of all positions, to rounding, and never makes one."""

from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    Lfm2Config,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    Olmo2Config,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from octo.data.packed import PADDING_SLICE
from octo.errors import UsageError
from octo.ml import attention_tiles
from octo.ml.attention import attend_by_documents
from octo.ml.attention_tiles import attended_by_tiles
from octo.ml.documents import (
    TILE,
    Documents,
    block_documents,
    causal_documents,
    open_documents,
    prefix_documents,
)
from tests.unit.ml.largest import Largest
from tests.unit.ml.seeing import attended

SMALL: dict[str, Any] = {
    "vocab_size": 48,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
ARCHITECTURES: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**SMALL),
    "qwen2": Qwen2Config(**SMALL),
    "qwen3": Qwen3Config(**SMALL, head_dim=8),
    "gemma3": Gemma3TextConfig(
        **SMALL, head_dim=8, sliding_window=7, layer_types=["sliding_attention", "full_attention"]
    ),
    "mistral": MistralConfig(**SMALL, sliding_window=9),
    "smollm3": SmolLM3Config(**SMALL),
    "olmo2": Olmo2Config(**SMALL),
}
LENGTHS = [[40, 290, 200, 60, 10], [600]]
"""Short documents together, long ones by themselves, one alone in its sequence."""
NARROW = [[7, 5, 20], [32]]


def laid_out(lengths: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The slices of the documents, and the positions in them."""
    slices_BS = torch.stack([torch.arange(len(row)).repeat_interleave(torch.tensor(row)) for row in lengths])
    positions_BS = torch.stack([torch.cat([torch.arange(length) for length in row]) for row in lengths])
    return slices_BS, positions_BS


def new(config: PreTrainedConfig) -> PreTrainedModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config).eval()
    return model


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_documents_side_by_side_are_read_and_learned_as_each_by_itself(architecture: str) -> None:
    model = new(ARCHITECTURES[architecture])
    for lengths in (LENGTHS, NARROW):
        slices_BS, positions_BS = laid_out(lengths)
        tokens_BS = torch.randint(0, 48, slices_BS.shape)
        model.set_attn_implementation("sdpa")
        alone = [
            model(input_ids=tokens_BS[row : row + 1, first:last], use_cache=False).logits[0]
            for row, own in enumerate(lengths)
            for first, last in pairwise([0, *accumulate(own)])
        ]
        expected = torch.cat(alone).view(*tokens_BS.shape, -1)
        attend_by_documents(model)
        logits = together(model, tokens_BS, slices_BS, positions_BS)
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
        weights = torch.randn_like(logits)
        found, wanted = gradients(model, (logits * weights).sum()), gradients(model, (expected * weights).sum())
        for name in wanted:
            torch.testing.assert_close(
                found[name], wanted[name], rtol=1e-4, atol=1e-5 * float(wanted[name].abs().max())
            )
        model.train()
        model.gradient_checkpointing_enable({"use_reentrant": False})
        again = gradients(model, (together(model, tokens_BS, slices_BS, positions_BS) * weights).sum())
        model.gradient_checkpointing_disable()
        model.eval()
        assert all(torch.equal(found[name], again[name]) for name in found)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_not_a_bit_of_a_document_changes_with_another(architecture: str) -> None:
    model = new(ARCHITECTURES[architecture])
    attend_by_documents(model)
    slices_BS, positions_BS = laid_out(LENGTHS)
    slices_BS[0, -10:] = PADDING_SLICE
    tokens_BS = torch.randint(0, 48, slices_BS.shape)
    changed_BS = tokens_BS.clone()
    for number in (1, 3, PADDING_SLICE):
        changed_BS[0] = torch.where(slices_BS[0] == number, (tokens_BS[0] + 5) % 48, changed_BS[0])
    before, after = (together(model, tokens, slices_BS, positions_BS) for tokens in (tokens_BS, changed_BS))
    kept_S = (slices_BS[0] == 0) | (slices_BS[0] == 2)
    assert torch.equal(before[0, kept_S], after[0, kept_S])
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[0, ~kept_S], after[0, ~kept_S])


def together(model: PreTrainedModel, tokens_BS: Tensor, slices_BS: Tensor, positions_BS: Tensor) -> Tensor:
    logits: Tensor = model(
        input_ids=tokens_BS, position_ids=positions_BS, documents=causal_documents(slices_BS), use_cache=False
    ).logits
    return logits


def gradients(model: PreTrainedModel, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


def every_third(row: int, queries_Q1: Tensor, keys_1K: Tensor) -> Tensor:
    """The earlier ones, and of the later ones some."""
    return (keys_1K <= queries_Q1) | ((queries_Q1 * 7 + keys_1K + row) % 3 == 0)


MODES: dict[str, Callable[[Tensor, Tensor], Documents]] = {
    "causal": lambda slices, _: causal_documents(slices),
    "open": lambda slices, _: open_documents(slices),
    "prefix": lambda slices, positions: prefix_documents(slices, positions < 15),
    "blocks of 4": lambda slices, positions: block_documents(slices, positions, length=4),
    "blocks of 600": lambda slices, positions: block_documents(slices, positions, length=600),
    "by a function": lambda slices, _: Documents(slices, torch.zeros_like(slices), every_third),
}


@pytest.mark.parametrize("window", [None, 11, 300])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel", ["of the processor", "of anything else"])
def test_what_is_attended_to_is_what_the_mask_of_all_positions_says(
    mode: str, window: int | None, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    if kernel == "of anything else":
        monkeypatch.setattr(attention_tiles, "_KERNELS", {})
    documents = MODES[mode](*laid_out([[20, TILE + 90, 30, 8], [TILE + 148]]))
    generator = torch.Generator().manual_seed(1)
    heads = [torch.randn(2, number, TILE + 148, 8, generator=generator).requires_grad_() for number in (4, 2, 2)]
    weights = torch.randn(2, TILE + 148, 4, 8, generator=generator)
    found = attended_by_tiles(*heads, documents, window=window, scaling=8**-0.5)
    expected = attended(*heads, documents, window=window)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-6)
    for mine, theirs in zip(
        torch.autograd.grad((found * weights).sum(), heads),
        torch.autograd.grad((expected * weights).sum(), heads),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "window"), [("causal", None), ("causal", 100), ("prefix", None), ("by a function", None)]
)
def test_no_tensor_is_made_that_grows_with_the_square_of_the_positions(mode: str, window: int | None) -> None:
    torch.set_num_threads(1)
    largest = []
    for length in (2048, 4096):
        documents = MODES[mode](*laid_out([[length]]))
        heads = [torch.zeros(1, 1, length, 8).requires_grad_() for _ in range(3)]
        with Largest() as within:
            attended_by_tiles(*heads, documents, window=window, scaling=1.0).sum().backward()
        largest.append(within.elements)
    assert largest[1] <= 2 * largest[0]
    assert largest[1] <= max(TILE * 4096, 8 * 4096)


def test_without_documents_padded_prompts_are_completed_as_by_transformers_own_attention() -> None:
    model = new(ARCHITECTURES["gemma3"])
    tokens_BS, given_BS = torch.randint(0, 48, (2, 12)), torch.ones(2, 12, dtype=torch.long)
    given_BS[0, :4] = 0
    written = []
    for implementation in ("sdpa", "octo_documents"):
        model.set_attn_implementation(implementation)
        written.append(
            model.generate(tokens_BS, attention_mask=given_BS, max_new_tokens=9, do_sample=False, pad_token_id=0)
        )
    assert torch.equal(*written)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (Gemma2Config(**SMALL, head_dim=8), r"attention bounds its scores \(softcap\), and octo's does not"),
        (
            MambaConfig(vocab_size=48, hidden_size=32, num_hidden_layers=1),
            "a mamba model lets documents in one sequence",
        ),
        (Lfm2Config(**SMALL, full_attn_idxs=[1]), "a lfm2 model lets documents in one sequence see each other"),
    ],
    ids=["softcap", "no attention", "convolutions beside attention"],
)
def test_a_model_that_cannot_be_kept_within_documents_is_refused(config: PreTrainedConfig, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        attend_by_documents(new(config))


@pytest.mark.parametrize("mode", MODES)
def test_in_bfloat16_what_is_attended_to_is_true_to_its_rounding(mode: str) -> None:
    torch.set_num_threads(1)
    lengths = [[20, 290, 70, 8], [388]]
    documents = MODES[mode](*laid_out(lengths))
    generator = torch.Generator().manual_seed(2)
    rounded = [torch.randn(2, number, 388, 8, generator=generator).bfloat16() for number in (4, 2, 2)]
    weights = torch.randn(2, 388, 4, 8, generator=generator)
    heads = [each.clone().requires_grad_() for each in rounded]
    exact = [each.double().requires_grad_() for each in rounded]
    found = attended_by_tiles(*heads, documents, window=None, scaling=8**-0.5)
    expected = attended(*exact, documents, window=None)
    pairs = [
        (found, expected),
        *zip(
            torch.autograd.grad((found * weights).sum(), heads),
            torch.autograd.grad((expected * weights).sum(), exact),
            strict=True,
        ),
    ]
    for mine, theirs in pairs:
        assert (mine.double() - theirs).norm() < 0.01 * theirs.norm()
