"""Masked-diffusion decoding as the paper writes it down: one prompt, one step after the other, logits everywhere.

Nothing here is shared with octo's sampler but the random numbers, and nothing is fast: every step computes the logits
of every position, sorts the whole vocabulary, and draws a token for every mask. Logits and confidence are float32; what
lies between them is added up in float64, so that positions of which the model is sure tie, and not by chance.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.randomness import generator

EPSILON = 1e-3


@dataclass(frozen=True)
class Plainly:
    """How to decode."""

    order: str
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    order_temperature: float = 0.0
    num_steps: int | None = None
    block_length: int | None = None
    judge_by_model: bool = False
    prompt_is_apart: bool = False
    """Whether the prompt sees itself alone."""
    shift: bool = True
    """Whether a state predicts the next token, and not its own."""
    models_blocks: int = 0
    """Of a model of blocks, their length, which is then that of the blocks that are completed, too."""


@torch.no_grad()
def decode_plainly(
    model: PreTrainedModel, prompt: list[int], length: int, how: Plainly, *, mask_id: int, key: tuple, seed: int = 0
) -> tuple[list[int], list[int]]:
    """The completion, and its positions in the order in which they were unmasked."""
    canvas = torch.tensor([*prompt, *[mask_id] * length])
    order: list[int] = []
    step = 0
    for first, last, num_steps in blocks(length, how, len(prompt)):
        noises = torch.linspace(1.0, EPSILON, num_steps + 1, dtype=torch.float64)
        for turn in range(num_steps):
            token_draws, order_draws = generator(seed, "denoising", *key, step).random((2, length))
            masked = [position for position in range(first, last) if canvas[len(prompt) + position] == mask_id]
            logits = logits_everywhere(model, canvas, len(prompt), how)
            rows = logits[[len(prompt) + position for position in masked]].double()
            rows[:, mask_id] = -torch.inf
            drawn, sureness = judged(rows, torch.from_numpy(token_draws[masked]), how)
            tokens = dict(zip(masked, drawn.tolist(), strict=True))
            confidences = dict(zip(masked, sureness.float().tolist(), strict=True))
            if how.order == "origin":
                keep = 0.0 if turn == num_steps - 1 else float(noises[turn + 1] / noises[turn])
                chosen = [position for position in masked if order_draws[position] >= keep]
            else:
                count = (turn + 1) * (last - first) // num_steps - turn * (last - first) // num_steps
                if how.order_temperature:
                    for position in masked:
                        noise = -torch.log(-torch.log(torch.tensor(order_draws[position]))).item()
                        confidences[position] = confidences[position] / how.order_temperature + noise
                chosen = sorted(masked, key=lambda position: (-confidences[position], position))[:count]
            for position in chosen:
                canvas[len(prompt) + position] = tokens[position]
            order += chosen
            step += 1
    return canvas[len(prompt) :].tolist(), order


def blocks(length: int, how: Plainly, num_prompt_tokens: int) -> list[tuple[int, int, int]]:
    """First and last position of each block, and its steps."""
    size = how.models_blocks or how.block_length or length
    steps = how.num_steps or length
    ends = [position for position in range(1, length) if position % size == 0]
    if how.models_blocks:
        ends = [position for position in range(1, length) if (num_prompt_tokens + position) % size == 0]
    ends.append(length)
    starts = [0, *ends[:-1]]
    return [
        (first, last, max(1, last * steps // length - first * steps // length))
        for first, last in zip(starts, ends, strict=True)
    ]


def logits_everywhere(model: PreTrainedModel, canvas: Tensor, num_prompt_tokens: int, how: Plainly) -> Tensor:
    """By position of the canvas: its own prediction, or a causal model's prediction of the next token, moved by one."""
    sees = torch.ones(1, 1, len(canvas), len(canvas), dtype=torch.bool)
    if how.prompt_is_apart:
        sees[:, :, :num_prompt_tokens, num_prompt_tokens:] = False
    if how.models_blocks:
        for first in range(0, len(canvas), how.models_blocks):
            sees[:, :, first : first + how.models_blocks, first + how.models_blocks :] = False
    logits = model(input_ids=canvas[None], attention_mask=sees, use_cache=False).logits[0].float()
    return torch.cat([logits[:1], logits[:-1]]) if how.shift else logits


def judged(logits: Tensor, draws: Tensor, how: Plainly) -> tuple[Tensor, Tensor]:
    """The token of each position, a row each, and the confidence in it."""
    p = torch.softmax(filtered(logits, how), dim=-1)
    tokens = p.argmax(dim=-1)
    if how.temperature:
        cumulative = p.cumsum(dim=-1)
        tokens = torch.searchsorted(cumulative, draws[:, None] * cumulative[:, -1:], right=True).squeeze(-1)
    if how.order == "maskgit_plus":
        return tokens, p.gather(1, tokens[:, None]).squeeze(-1)
    if how.judge_by_model:
        p = torch.softmax(logits, dim=-1)
    if how.order == "topk_margin":
        highest = p.sort(dim=-1, descending=True).values
        return tokens, highest[:, 0] - highest[:, 1]
    return tokens, torch.special.xlogy(p, p).sum(dim=-1)


def filtered(logits: Tensor, how: Plainly) -> Tensor:
    """The logits at a temperature, without the tokens that top_p and top_k leave out."""
    if how.temperature:
        logits = logits / how.temperature
    if how.top_p is not None:
        sorted_logits, order = torch.sort(logits, dim=-1, descending=True, stable=True)
        beyond = torch.softmax(sorted_logits, dim=-1).cumsum(dim=-1) > how.top_p
        # The first token beyond the threshold still belongs to the nucleus.
        dropped = torch.cat([torch.zeros_like(beyond[:, :1]), beyond[:, :-1]], dim=-1)
        logits = logits.masked_fill(torch.zeros_like(dropped).scatter(-1, order, dropped), -torch.inf)
    if how.top_k is not None:
        logits = logits.masked_fill(logits < logits.topk(how.top_k).values[:, -1:], -torch.inf)
    return logits
