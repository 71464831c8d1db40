"""Attention within documents, by transformers' own interface: linear in the positions, where a mask of all is square.

A model attends so once `attend_by_documents` has had it; then it is called with `documents=Documents(...)` and without
`attention_mask`, and its attention layers are given them by way of its keywords, as often as they are computed. Called
without documents, it does what transformers' models do by `sdpa`.

Axes: B sequences, S positions, H heads, K heads of keys and values, E width of a head.
"""

from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import pad
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from octo.errors import UsageError
from octo.ml.attention_tiles import attended_by_tiles
from octo.ml.documents import Documents, Lengths, causal_documents
from octo.ml.sequence_parallel import SharedDocuments

IMPLEMENTATION = "octo_documents"
"""What transformers calls it."""
WIDEST_VARLEN = 256
"""Of a head, in flash attention on a GPU."""
_VARLEN_KNOWS = frozenset(signature(varlen_attn).parameters)
"""Machines with GPUs bring a torch of their own, and it has learnt of some parameters only lately."""
_UNKNOWN = {
    "softcap": "bounds its scores (softcap)",
    "s_aux": "has sinks (s_aux)",
    "position_bias": "adds to its scores (position_bias)",
}
"""What some models hand to their attention, and what it would have to do."""


def attend_by_documents(model: PreTrainedModel) -> None:
    """Have the model honour `documents`, from now on.

    Raises:
        UsageError: it computes its attention in a way of its own.
    """
    model.set_attn_implementation(IMPLEMENTATION)
    if not attends_by_documents(model):
        raise UsageError(
            f"a {model.config.model_type} model computes attention in a way of its own, which cannot be kept within "
            "documents: take a model whose attention goes through transformers' AttentionInterface"
        )
    if not _keeps_within_documents(model):
        raise UsageError(
            f"a {model.config.model_type} model lets documents in one sequence see each other in other ways than by "
            "attention: octo cannot train it on packed sequences"
        )


def attends_by_documents(model: torch.nn.Module) -> bool:
    """Whether a model, or the one that DeepSpeed's engine is around, honours `documents`."""
    owner: Any = getattr(model, "module", model)
    return bool(owner.config._attn_implementation == IMPLEMENTATION)  # noqa: SLF001 - transformers has no other name


@torch.no_grad()
def _keeps_within_documents(model: PreTrainedModel) -> bool:
    """Whether a document's states are the same beside one document and beside another, tried on a few tokens."""
    owner: Any = model
    slices_BS, positions_BS = torch.tensor([[0, 0, 0, 1, 1, 1]]), torch.tensor([[0, 1, 2, 0, 1, 2]])
    was_training = model.training
    model.train(mode=False)
    first, second = (
        owner.base_model(
            input_ids=torch.tensor([[*other, 0, 1, 2]], device=model.device) % model.config.vocab_size,
            position_ids=positions_BS.to(model.device),
            documents=causal_documents(slices_BS),
            use_cache=False,
        ).last_hidden_state[:, 3:]
        for other in ((3, 4, 5), (6, 7, 8))
    )
    model.train(mode=was_training)
    # Experts that get other tokens beside these round otherwise.
    rounding = 16 * torch.finfo(first.dtype).eps * float(first.abs().max())
    return float((first - second).abs().max()) <= rounding


def _attend(  # noqa: PLR0913 - transformers' own
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    documents: Documents | SharedDocuments | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What each position takes from those that it sees; shape B, S, H, E. The parameters' names are transformers'."""
    for name, does in _UNKNOWN.items():
        if others.get(name) is not None:
            raise UsageError(f"this model's attention {does}, and octo's does not: take another model")
    if documents is None:
        whole = attention_mask is None and query.shape[2] == key.shape[2]
        if not whole or not (getattr(module, "is_causal", True) if is_causal is None else is_causal):
            return sdpa_attention_forward(
                module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, is_causal=is_causal
            )
        documents = causal_documents(torch.zeros(len(query), query.shape[2], dtype=torch.long))
    if dropout:
        raise UsageError(
            f"this model drops {dropout:g} of its attention while it is trained: set attention_dropout to 0"
        )
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    width = value.shape[-1]
    if width < query.shape[-1]:
        value = pad(value, (0, query.shape[-1] - width))
    if isinstance(documents, SharedDocuments):
        attend = partial(_attended, documents=documents.documents, window=sliding_window, scaling=scaling)
        attended_BSHE = documents.group.attended((query, key, value), attend, length=documents.length)
    else:
        attended_BSHE = _attended(query, key, value, documents, window=sliding_window, scaling=scaling)
    return attended_BSHE[..., :width].contiguous(), None


def _mask(*, q_length: int, kv_length: int, attention_mask: Tensor | None = None, **others: Any) -> Tensor | None:
    """No mask where positions see what is before them, or documents say what they see; transformers' elsewhere."""
    if attention_mask is None and q_length == kv_length:
        return None
    mask: Tensor | None = sdpa_mask(q_length=q_length, kv_length=kv_length, attention_mask=attention_mask, **others)
    return mask


def stay_out_of_graphs() -> None:
    """Have compiled layers call attention as it is: which tiles there are differs from batch to batch."""
    disable: Any = torch.compiler.disable
    AttentionInterface.register(IMPLEMENTATION, disable(_attend))


AttentionInterface.register(IMPLEMENTATION, _attend)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)


def _attended(
    query_BHSE: Tensor,
    key_BKSE: Tensor,
    value_BKSE: Tensor,
    documents: Documents,
    *,
    window: int | None,
    scaling: float,
) -> Tensor:
    width = query_BHSE.shape[-1]
    halves = query_BHSE.dtype in (torch.float16, torch.bfloat16)
    fits = halves and width <= WIDEST_VARLEN and width % 8 == 0 and {"scale", "window_size"} <= _VARLEN_KNOWS
    if query_BHSE.device.type == "cuda" and fits and documents.lengths:
        return _varlen(query_BHSE, key_BKSE, value_BKSE, documents.lengths, window=window, scaling=scaling)
    return attended_by_tiles(query_BHSE, key_BKSE, value_BKSE, documents, window=window, scaling=scaling)


def _varlen(
    query_BHSE: Tensor, key_BKSE: Tensor, value_BKSE: Tensor, lengths: Lengths, *, window: int | None, scaling: float
) -> Tensor:
    """Flash attention over the documents of all sequences, laid end to end."""
    query_NHE, key_NKE, value_NKE = (each.transpose(1, 2).flatten(0, 1) for each in (query_BHSE, key_BKSE, value_BKSE))
    shared = query_NHE.shape[1] // key_NKE.shape[1]
    groups: dict[str, Any] = {"enable_gqa": shared > 1} if "enable_gqa" in _VARLEN_KNOWS else {}
    if shared > 1 and not groups:
        key_NKE, value_NKE = (each.repeat_interleave(shared, dim=1) for each in (key_NKE, value_NKE))
    reach = window - 1 if window else -1
    edges = lengths.edges(query_BHSE.device)
    attended_NHE = varlen_attn(
        query_NHE,
        key_NKE,
        value_NKE,
        edges,
        edges,
        lengths.longest,
        lengths.longest,
        scale=scaling,
        window_size=(reach, 0 if lengths.causal else reach),
        **groups,
    )
    assert isinstance(attended_NHE, Tensor)  # noqa: S101 - it has no other result where none is asked for
    return attended_NHE.view(len(query_BHSE), -1, *attended_NHE.shape[1:])
