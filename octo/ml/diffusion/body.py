"""A model's body as decoding runs it: some columns of some canvases, and of the last layer what is asked for alone.

Of Llama's shape, which most models have, it is run layer by layer, of weights that are at hand whole. Left out is what
transformers' own forward pass cannot leave out: in the last layer, the queries of positions that nobody asks about and
all that would follow, and a mask where there is nothing to hide. Other models are run by transformers, whole.

Axes: B canvases, S their columns, C of them that are computed, M of those that are asked for in a canvas, N in all,
D width, F that of the feed-forward part, H heads, K heads of keys and values, E width of a head.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

OF_LLAMAS_SHAPE = {"LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer"}
"""Layers of transformers that do what `_through` does, and nothing else."""


class Memory(Protocol):
    """Keys and values of columns that are not computed."""

    def update(self, keys_BKCE: Tensor, values_BKCE: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """Those of all columns of a layer, by means of those that were computed; as transformers' caches have it."""


class Asked(NamedTuple):
    """Columns whose states are wanted, as many for each canvas: some are there to fill up."""

    columns_BM: Tensor
    wanted_BM: Tensor


def states(
    model: PreTrainedModel,
    tokens_BC: Tensor,
    *,
    positions_BC: Tensor,
    sees_BCS: Tensor,
    asked_BC: Tensor,
    memory: Memory | None = None,
) -> Tensor:
    """The last layer's states of the columns that are asked for, canvas by canvas; shape N, D.

    Args:
        model: one of transformers' whose attention could be opened.
        tokens_BC: of the columns that are computed.
        positions_BC: of these columns in their text.
        sees_BCS: what each of them sees: of all columns where there is a memory, else of those that are computed; of
            shape B, 1, S where all see the same.
        asked_BC: true for the columns whose states are wanted.
        memory: where the keys and values of other columns are.
    """
    owner: Any = model
    body = owner.base_model
    layers: Any = getattr(body, "layers", ())
    if not {type(layer).__name__ for layer in layers or [body]} <= OF_LLAMAS_SHAPE:
        return _by_transformers(body, tokens_BC, positions_BC, sees_BCS, memory)[asked_BC]
    sees = None if bool(sees_BCS.all()) else sees_BCS
    hidden_BCD = body.embed_tokens(tokens_BC)
    turns = body.rotary_emb(hidden_BCD, position_ids=positions_BC)
    *earlier, last = layers
    for layer in earlier:
        hidden_BCD = _through(layer, hidden_BCD, turns, sees, memory)
    found_ND: Tensor = body.norm(_through(last, hidden_BCD, turns, sees, memory, _ragged(asked_BC)))
    return found_ND


def _by_transformers(
    body: Any, tokens_BC: Tensor, positions_BC: Tensor, sees_BCS: Tensor, memory: Memory | None
) -> Tensor:
    hidden_BCD: Tensor = body(
        input_ids=tokens_BC,
        position_ids=positions_BC,
        # Without one, a column would see those before it alone.
        attention_mask=sees_BCS.expand(-1, tokens_BC.shape[1], -1)[:, None],
        past_key_values=_Kept(memory) if memory else None,
        use_cache=memory is not None,
    ).last_hidden_state
    return hidden_BCD


class _Kept:
    """A memory, as transformers' models ask for one."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        return self._memory.update(key_states, value_states, layer_idx)

    def get_seq_length(self, *_: object) -> int:
        return 0


def _ragged(asked_BC: Tensor) -> Asked:
    counts_B1 = asked_BC.sum(dim=-1, keepdim=True)
    columns_BM = asked_BC.int().sort(dim=-1, descending=True, stable=True).indices[:, : int(counts_B1.max())]
    return Asked(columns_BM, torch.arange(columns_BM.shape[1], device=asked_BC.device) < counts_B1)


def _through(
    layer: Any,
    hidden_BCD: Tensor,
    turns: tuple[Tensor, Tensor],
    sees_BCS: Tensor | None,
    memory: Memory | None,
    asked: Asked | None = None,
) -> Tensor:
    """What a layer makes of its columns; shape B, C, D, or N, D for those that are asked for."""
    attention, mlp = layer.self_attn, layer.mlp
    normed_BCD = layer.input_layernorm(hidden_BCD)
    keys_BKSE = _turned(_in_heads(attention, "k", normed_BCD), turns)
    values_BKSE = _in_heads(attention, "v", normed_BCD)
    if memory:
        keys_BKSE, values_BKSE = memory.update(keys_BKSE, values_BKSE, attention.layer_idx)
    if asked:
        rows_B1 = torch.arange(len(hidden_BCD), device=hidden_BCD.device)[:, None]
        here = (rows_B1, asked.columns_BM)
        hidden_BCD, normed_BCD, turns = hidden_BCD[here], normed_BCD[here], (turns[0][here], turns[1][here])
        if sees_BCS is not None and sees_BCS.shape[1] > 1:
            sees_BCS = sees_BCS[here]
    queries_BHCE = _turned(_in_heads(attention, "q", normed_BCD), turns)
    attended_BCD = _attended(attention, queries_BHCE, keys_BKSE, values_BKSE, sees_BCS)
    if asked:
        hidden_BCD, attended_BCD = hidden_BCD[asked.wanted_BM], attended_BCD[asked.wanted_BM]
    hidden_BCD = hidden_BCD + attention.o_proj(attended_BCD)
    normed_BCD = layer.post_attention_layernorm(hidden_BCD)
    gated_BCF = mlp.act_fn(mlp.gate_proj(normed_BCD)).mul_(mlp.up_proj(normed_BCD))
    through_BCD: Tensor = hidden_BCD + mlp.down_proj(gated_BCF)
    return through_BCD


def _in_heads(attention: Any, which: str, normed_BCD: Tensor) -> Tensor:
    projected_BCD = getattr(attention, f"{which}_proj")(normed_BCD)
    heads_BCHE = projected_BCD.view(*projected_BCD.shape[:-1], -1, attention.head_dim)
    # Qwen3 norms each head of its queries and keys.
    norm = getattr(attention, f"{which}_norm", None)
    heads_BHCE: Tensor = (norm(heads_BCHE) if norm else heads_BCHE).transpose(1, 2)
    return heads_BHCE


def _turned(heads_BHCE: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions, in halves."""
    half = heads_BHCE.shape[-1] // 2
    cos_B1CE, sin_B1CE = (each_BCE[:, None, :, :half] for each_BCE in turns)
    first_BHCE, second_BHCE = heads_BHCE[..., :half], heads_BHCE[..., half:]
    turned_BHCE = torch.empty_like(heads_BHCE)
    torch.mul(first_BHCE, cos_B1CE, out=turned_BHCE[..., :half]).addcmul_(second_BHCE, sin_B1CE, value=-1)
    torch.mul(second_BHCE, cos_B1CE, out=turned_BHCE[..., half:]).addcmul_(first_BHCE, sin_B1CE)
    return turned_BHCE


def _attended(
    attention: Any, queries_BHCE: Tensor, keys_BKSE: Tensor, values_BKSE: Tensor, sees_BCS: Tensor | None
) -> Tensor:
    """What each column takes from those that it sees, its heads side by side; shape B, C, D."""
    sees_B1CS = None if sees_BCS is None else sees_BCS[:, None]
    attended_BCHE, _ = sdpa_attention_forward(
        attention, queries_BHCE, keys_BKSE, values_BKSE, sees_B1CS, scaling=attention.scaling, is_causal=False
    )
    return attended_BCHE.flatten(2)
