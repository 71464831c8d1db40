"""Sampling completions with a key-value cache, the draws keyed by completion and position.

Axes: B completions in a batch, A those still computed, T new tokens, V vocabulary, E ids that end a text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from octo.data.packed import PADDING_SLICE
from octo.ml.attention import attends_by_documents
from octo.ml.documents import causal_documents
from octo.ml.lengths import check_lengths
from octo.ml.numbers import NoNumbersError, with_numbers
from octo.ml.rl.likeliest import likeliest_tokens
from octo.ml.stops import Stops


@dataclass(frozen=True)
class Completions:
    """What a model wrote after each prompt."""

    tokens: list[list[int]]
    """Token ids of each completion, with the end-of-text id if it was reached."""
    logprobs: list[list[float]]
    """Log-probability of each of those tokens under the model, at the temperature it was drawn with; zeros of a
    diffusion model, which has none."""
    finished: list[bool]
    """False for a completion that was cut at the limit, without an end or a stop string."""
    orders: list[list[int]] = field(default_factory=list)
    """Of a diffusion model, the positions of each completion in the order in which they were unmasked."""


class _Endings(NamedTuple):
    """What ends a completion."""

    ids: Sequence[int]
    stops: Stops | None


@torch.no_grad()
def complete(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    group_size: int,
    max_new_tokens: int,
    ends: Sequence[int],
    temperature: float,
    draws_BT: np.ndarray | None,
    stops: Stops | None = None,
) -> Completions:
    """Complete every prompt by sampling, or greedily when no draws are given.

    A prompt is read once, however many completions of it are drawn; they come after each other in the result. A model
    that honours documents reads prompts of different lengths without a mask of all pairs of their positions.

    Args:
        model: a causal language model in evaluation mode.
        prompts: token ids, of any lengths.
        group_size: completions of each prompt.
        max_new_tokens: the limit T.
        ends: ids of which any ends a completion.
        temperature: divides the logits; greedy completions have none.
        draws_BT: uniform numbers in [0, 1), one for each completion and position; None when greedy.
        stops: strings that end a completion, too.

    Raises:
        UsageError: a prompt or the limit is of a length that the model cannot have.
        InvariantError: something that the model makes is no number.
    """
    check_lengths(model.config, prompts, [max_new_tokens] * len(prompts))
    with likeliest_tokens(model) as likeliest:
        work = partial(
            _complete,
            model,
            prompts,
            group_size=group_size,
            max_new_tokens=max_new_tokens,
            endings=_Endings(ends, stops if stops and stops.strings else None),
            temperature=temperature,
            draws_BT=draws_BT,
            likeliest=likeliest,
        )
        return with_numbers(model, work)


def _complete(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    group_size: int,
    max_new_tokens: int,
    endings: _Endings,
    temperature: float,
    draws_BT: np.ndarray | None,
    likeliest: Callable[[Tensor], Tensor],
) -> Completions:
    device = next(model.parameters()).device
    ends_E = torch.tensor(list(endings.ids), device=device)
    ids_BS, mask_BS = _padded_left(prompts, device=device)
    # Without padding no mask is needed, and attention takes its fast way.
    padded = bool((mask_BS == 0).any())
    positions_BS = (mask_BS.cumsum(dim=-1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    forward = partial(model, past_key_values=cache, use_cache=True, logits_to_keep=1)
    logits_BV = forward(
        input_ids=ids_BS, position_ids=positions_BS, **(_seen(model, mask_BS) if padded else {})
    ).logits[:, -1]
    if group_size > 1:
        cache.batch_repeat_interleave(group_size)
        logits_BV, mask_BS, positions_BS = (
            each.repeat_interleave(group_size, dim=0) for each in (logits_BV, mask_BS, positions_BS)
        )
    rows = len(logits_BV)
    uniform_BT = None if draws_BT is None else torch.from_numpy(draws_BT).to(device)
    tokens_BT = torch.full((rows, max_new_tokens), endings.ids[0], dtype=torch.long, device=device)
    logprobs_BT = torch.zeros(rows, max_new_tokens, device=device)
    lengths_B = torch.full((rows,), max_new_tokens, dtype=torch.long, device=device)
    finished_B = torch.zeros(rows, dtype=torch.bool, device=device)
    # A is the rows that are still computed: all at first, and fewer whenever half of them have ended.
    active_A = torch.arange(rows, device=device)
    for step in range(max_new_tokens):
        if uniform_BT is None:
            chosen_A = likeliest(logits_BV)
            logprobs_A = logits_BV.float().log_softmax(dim=-1).gather(-1, chosen_A[:, None]).squeeze(-1)
        else:
            chosen_A, logprobs_A = _drawn(logits_BV, uniform_BT[active_A, step], temperature=temperature)
        running_A = ~finished_B[active_A]
        tokens_BT[active_A, step] = torch.where(running_A, chosen_A, endings.ids[0])
        logprobs_BT[active_A, step] = logprobs_A
        ended_A = running_A & torch.isin(chosen_A, ends_E)
        if endings.stops:
            ended_A |= _stopped(
                endings.stops,
                running_A & ~ended_A,
                tokens_BT[active_A, max(0, step + 1 - endings.stops.reach) : step + 1],
            )
        lengths_B[active_A[ended_A]] = step + 1
        finished_B[active_A[ended_A]] = True
        running_A &= ~ended_A
        # Where the device is waited for, it also says whether what was chosen has a chance that is a number.
        # Logits that are all zero are of a state that a norm has lost: see octo.ml.numbers.
        num_running, num_unsound = torch.stack(
            [running_A.sum(), (~logprobs_A.isfinite() | (logits_BV == 0).all(dim=-1)).sum()]
        ).tolist()
        if num_unsound:
            raise NoNumbersError(
                f"the model's logits of token {step + 1} of {num_unsound} completions are no numbers (NaN or infinite)"
            )
        if step == max_new_tokens - 1 or not num_running:
            break
        if num_running <= len(active_A) // 2:
            kept_A = running_A.nonzero().squeeze(-1)
            cache.batch_select_indices(kept_A)
            active_A, mask_BS, positions_BS = active_A[kept_A], mask_BS[kept_A], positions_BS[kept_A]
        positions_BS = positions_BS[:, -1:] + 1
        mask_BS = torch.cat([mask_BS, torch.ones_like(positions_BS)], dim=-1)
        logits_BV = forward(
            input_ids=tokens_BT[active_A, step : step + 1],
            attention_mask=mask_BS if padded else None,
            position_ids=positions_BS,
        ).logits[:, -1]
    lengths = lengths_B.tolist()
    return Completions(
        tokens=[row[:length] for row, length in zip(tokens_BT.tolist(), lengths, strict=True)],
        logprobs=[row[:length] for row, length in zip(logprobs_BT.tolist(), lengths, strict=True)],
        finished=finished_B.tolist(),
    )


def stopped(completions: Completions, stops: Stops) -> Completions:
    """Completions that went on behind a stop string, up to it."""
    lengths = [stops.length(tokens) for tokens in completions.tokens]
    return Completions(
        tokens=[tokens[:length] for tokens, length in zip(completions.tokens, lengths, strict=True)],
        logprobs=[logprobs[:length] for logprobs, length in zip(completions.logprobs, lengths, strict=True)],
        finished=[
            finished or length is not None for finished, length in zip(completions.finished, lengths, strict=True)
        ],
    )


def _stopped(stops: Stops, running_A: Tensor, tokens_AT: Tensor) -> Tensor:
    """Which of the rows that go on end with a stop string, by their last tokens."""
    stopped_A = torch.zeros_like(running_A)
    triggers = torch.tensor(sorted(stops.triggers), device=tokens_AT.device)
    for row in (running_A & torch.isin(tokens_AT[:, -1], triggers)).nonzero().flatten().tolist():
        stopped_A[row] = stops.complete(tokens_AT[row].tolist())
    return stopped_A


def _padded_left(prompts: Sequence[Sequence[int]], *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and a mask of what is not padding, so that every prompt ends in the last column."""
    width = max(len(prompt) for prompt in prompts)
    ids_BS = torch.zeros(len(prompts), width, dtype=torch.long)
    mask_BS = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BS[row, width - len(prompt) :] = torch.tensor(prompt)
        mask_BS[row, width - len(prompt) :] = 1
    return ids_BS.to(device), mask_BS.to(device)


def _seen(model: PreTrainedModel, mask_BS: Tensor) -> dict[str, object]:
    """What tells a model's attention of the padding before its prompts, when it reads them whole."""
    if attends_by_documents(model):
        return {"documents": causal_documents(torch.where(mask_BS == 1, 0, PADDING_SLICE))}
    return {"attention_mask": mask_BS}


def _drawn(logits_BV: Tensor, draws_B: Tensor, *, temperature: float) -> tuple[Tensor, Tensor]:
    """The token that each row's draw falls on, and its log-probability."""
    logprobs_BV = (logits_BV.float() / temperature).log_softmax(dim=-1)
    # Inverse of the cumulative distribution, in float64: a draw close to 1 must not fall off its end.
    cumulative_BV = logprobs_BV.double().exp().cumsum(dim=-1)
    target_B1 = (draws_B.double() * cumulative_BV[:, -1])[:, None]
    chosen_B = torch.searchsorted(cumulative_BV, target_B1, right=True).squeeze(-1).clamp(max=logits_BV.shape[-1] - 1)
    return chosen_B, logprobs_BV.gather(-1, chosen_B[:, None]).squeeze(-1)
