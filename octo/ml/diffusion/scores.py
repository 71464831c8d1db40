"""Scores of completions under a diffusion model: weighted log-probabilities of their tokens, masked in several passes.

All passes of a micro-batch are one forward pass of the model. Canvases that are the same, as the wholly masked ones of
one prompt are, are computed once. Only the states that predict masked tokens that are scored reach the vocabulary. A
model of blocks is asked for a token after what is before its block, unmasked, as it is in decoding.

Axes: C completions, S columns of a prompt and its completion, L columns of a completion, J passes of a completion, R of
all canvases, B of different ones, N states that predict, K masked tokens, D width.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from octo.errors import UsageError
from octo.ml.devices import brought
from octo.ml.diffusion.denoiser import Kind, sight_of
from octo.ml.diffusion.masking import Pass, passes
from octo.ml.diffusion.sight import view
from octo.ml.documents import Documents
from octo.ml.heads import Asked, model_logprobs
from octo.settings.coupling import CouplingSettings


@dataclass(frozen=True)
class Written:
    """Prompts, padded on the left, and completions of one length, padded after their ends."""

    tokens_CS: Tensor
    valid_CS: Tensor
    """Not the padding before a prompt; that after an end is what a diffusion model writes there."""
    num_prompt_tokens: tuple[int, ...]
    """By completion, of its prompt."""
    width: int
    """Columns of the prompts."""
    scored_CL: Tensor
    """The columns up to and including the first end."""


@dataclass(frozen=True)
class Scores:
    """What the passes say of each completion; 0 where nothing is scored."""

    scores_CL: Tensor
    """Nats, with a gradient: the weighted sum over passes."""
    logprobs_JCL: Tensor
    """By pass, of the tokens that it masks; without a gradient."""
    entropies_CL: Tensor
    """Nats, of what the first pass, which masks all, predicts; without a gradient."""


def written(
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    length: int,
    ends: Collection[int],
    pad_id: int,
    device: torch.device,
) -> Written:
    """Lay out prompts and completions to be scored.

    Args:
        prompts: of each completion.
        completions: their tokens; what is after the first end is not looked at.
        length: columns of a completion, as many as it was decoded in.
        ends: ids that end a completion.
        pad_id: fills up what is left.
        device: where to.

    Raises:
        UsageError: a prompt is empty, so that nothing predicts the first token.
    """
    if any(not prompt for prompt in prompts):
        raise UsageError("expected prompts of a token or more, got an empty one: begin it with the end-of-text token")
    width = max(map(len, prompts))
    tokens_CS = torch.full((len(prompts), width + length), pad_id)
    valid_CS = torch.ones_like(tokens_CS, dtype=torch.bool)
    scored_CL = torch.zeros(len(prompts), length, dtype=torch.bool)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        end = next((place for place, token in enumerate(completion) if token in ends), len(completion) - 1)
        tokens_CS[row, width - len(prompt) : width] = torch.tensor(prompt)
        valid_CS[row, : width - len(prompt)] = False
        tokens_CS[row, width : width + end + 1] = torch.tensor(completion[: end + 1])
        scored_CL[row, : end + 1] = True
    return Written(
        tokens_CS=tokens_CS.to(device),
        valid_CS=valid_CS.to(device),
        num_prompt_tokens=tuple(map(len, prompts)),
        width=width,
        scored_CL=scored_CL.to(device),
    )


def draw_passes(
    batch: Written,
    keys: Sequence[tuple[str | int, ...]],
    *,
    settings: CouplingSettings,
    seed: int,
    occasion: tuple[str | int, ...],
) -> list[list[Pass]]:
    """The passes of each completion by its key; `occasion` is what masks are drawn anew for, see `passes`."""
    return [
        passes(
            key,
            num_prompt_tokens=num_prompt_tokens,
            length=batch.scored_CL.shape[1],
            settings=settings,
            seed=seed,
            occasion=occasion,
        )
        for key, num_prompt_tokens in zip(keys, batch.num_prompt_tokens, strict=True)
    ]


def scores(
    model: torch.nn.Module, batch: Written, drawn: Sequence[Sequence[Pass]], *, kind: Kind, temperature: float = 1.0
) -> Scores:
    """Score completions, each by its own passes, of which all have as many.

    Args:
        model: a diffusion model, or DeepSpeed's engine around one.
        batch: the completions.
        drawn: by completion.
        kind: the model's.
        temperature: divides the logits.
    """
    reading = _reading(batch, drawn, kind)
    logprobs_K, entropies_N = model_logprobs(
        model,
        Asked(reading.sites_N, reading.sites_K, reading.targets_K),
        temperature=temperature,
        input_ids=reading.tokens_BS,
        position_ids=reading.positions_BS,
        documents=reading.documents,
    )
    shape = (len(drawn[0]), *batch.scored_CL.shape)
    device = logprobs_K.device
    tokens_JCL = tuple(brought(each, device) for each in reading.tokens_JCL)
    logprobs_JCL = logprobs_K.new_zeros(shape).index_put(tokens_JCL, logprobs_K)
    entropies_K = entropies_N.index_select(0, brought(reading.sites_K, device))
    entropies_JCL = entropies_N.new_zeros(shape).index_put(tokens_JCL, entropies_K)
    weights_CJ = torch.tensor([[each.weight for each in own] for own in drawn])
    weights_JC = brought(weights_CJ.to(logprobs_JCL.dtype), device).t()
    return Scores((weights_JC[..., None] * logprobs_JCL).sum(dim=0), logprobs_JCL.detach(), entropies_JCL[0])


@dataclass(frozen=True)
class _Reading:
    """One forward pass: the canvases, and what is asked of them."""

    tokens_BS: Tensor
    positions_BS: Tensor
    documents: Documents
    sites_N: Tensor
    """Places of the states that predict, counted through all canvases."""
    tokens_JCL: tuple[Tensor, ...]
    """The pass, the completion and the column of each token that is asked for; shapes K."""
    sites_K: Tensor
    """By which of the N states it is predicted."""
    targets_K: Tensor


def _reading(batch: Written, drawn: Sequence[Sequence[Pass]], kind: Kind) -> _Reading:
    device = batch.tokens_CS.device
    masked_JCS = torch.from_numpy(np.stack([[_masked_columns(each, batch) for each in own] for own in drawn], axis=1))
    masked_JCS = masked_JCS.to(device)
    asked_JCL = masked_JCS[..., batch.width :] & batch.scored_CL
    # A canvas of which nothing is asked, as nothing before the end is masked, is not read.
    passes_R, completions_R = asked_JCL.any(dim=-1).nonzero(as_tuple=True)
    tokens_RS = batch.tokens_CS[completions_R].masked_fill(masked_JCS[passes_R, completions_R], kind.mask_id)
    num_columns = tokens_RS.shape[1]
    parts_R = [tokens_RS, batch.valid_CS[completions_R]]
    if kind.block_length:
        # What stands there in the end tells canvases of blocks apart, too.
        parts_R.append(batch.tokens_CS[completions_R])
    canvases_BT, canvases_R = torch.unique(torch.cat(parts_R, dim=1), dim=0, return_inverse=True)
    tokens_BS, valid_BS, *rest = canvases_BT.split(num_columns, dim=1)
    canvases_JC = torch.zeros(asked_JCL.shape[:2], dtype=torch.long, device=device)
    canvases_JC[passes_R, completions_R] = canvases_R
    passes_K, completions_K, columns_K = asked_JCL.nonzero(as_tuple=True)
    columns_K = batch.width + columns_K
    prompt_BS = valid_BS.bool() & (torch.arange(num_columns, device=device) < batch.width)
    read = view(
        tokens_BS,
        rest[0] if rest else tokens_BS,
        sight_of(valid_BS.bool(), prompt_BS, kind),
        (canvases_JC[passes_K, completions_K], columns_K),
        lag=kind.lag,
    )
    sites_N, sites_K = torch.unique(read.sites_N, return_inverse=True)
    return _Reading(
        tokens_BS=read.tokens_BT,
        positions_BS=read.positions_BT,
        documents=read.documents,
        sites_N=sites_N,
        tokens_JCL=(passes_K, completions_K, columns_K - batch.width),
        sites_K=sites_K,
        targets_K=batch.tokens_CS[completions_K, columns_K],
    )


def _masked_columns(each: Pass, batch: Written) -> NDArray[np.bool_]:
    padding = np.zeros(batch.width - len(each.masked_prompt_P), dtype=np.bool_)
    return np.concatenate([padding, each.masked_prompt_P, each.masked_L])
