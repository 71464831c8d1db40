"""Whether a causal model's columns can be made to see what comes after them: tried out, not looked up."""

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel

from octo.errors import UsageError
from octo.ml.attention import attend_by_documents
from octo.ml.documents import Documents, Tile, open_documents

_TOKENS = 6


@dataclass(frozen=True, eq=False)
class _Watched(Documents):
    """Documents that know how far attention reached in them."""

    windows: set[int | None] = field(default_factory=set)

    def tiles(self, window: int | None) -> tuple[Tile, ...]:
        self.windows.add(window)
        return super().tiles(window)


@torch.no_grad()
def open_attention(model: PreTrainedModel) -> None:
    """Have the model honour `documents`, in which columns see others on both sides of them.

    Raises:
        UsageError: it would not.
    """
    attend_by_documents(model)
    owner: Any = model
    slices_BS = torch.zeros(1, _TOKENS, dtype=torch.long)
    plain = open_documents(slices_BS)
    documents = _Watched(plain.slices_BS, plain.ranks_BS)
    was_training = model.training
    model.train(mode=False)
    firsts = [
        owner.base_model(
            input_ids=torch.tensor([[*range(_TOKENS - 1), last]], device=model.device) % model.config.vocab_size,
            position_ids=torch.arange(_TOKENS, device=model.device)[None],
            documents=documents,
            use_cache=False,
        ).last_hidden_state[:, 0]
        for last in (_TOKENS - 1, _TOKENS)
    ]
    model.train(mode=was_training)
    of = f"a {model.config.model_type} model"
    if window := max(filter(None, documents.windows), default=0):
        raise UsageError(
            f"{of} attends to {window} positions at most in some of its layers, and a diffusion model to all: it "
            "cannot become one, take a model without windows"
        )
    if torch.equal(*firsts):
        raise UsageError(
            f"{of} reads from left to right whatever its attention is told: it cannot be a diffusion model"
        )
