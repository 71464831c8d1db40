"""Scores of completions as the paper writes them down: logits of every column, one pass of one completion at a time.

Nothing here is shared with octo's scores but the masks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.ml.diffusion.masking import Pass


def score_plainly(
    model: PreTrainedModel,
    prompt: Sequence[int],
    completion: Sequence[int],
    drawn: Sequence[Pass],
    *,
    length: int,
    ends: Sequence[int],
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """The scores of the tokens up to the first end, and the entropies there when the whole completion is masked."""
    num_scored = next((place + 1 for place, token in enumerate(completion) if token in ends), len(completion))
    text = [*completion[:num_scored], *[model.config.completion_pad_token_id] * (length - num_scored)]
    columns = torch.arange(num_scored)
    scores, entropies = torch.zeros(num_scored, dtype=model.dtype), []
    for each in drawn:
        canvas = torch.tensor([*prompt, *text])
        masked = torch.cat([torch.from_numpy(each.masked_prompt_P), torch.from_numpy(each.masked_L)])
        canvas[masked] = model.config.mask_token_id
        logits = logits_everywhere(model, canvas, torch.tensor([*prompt, *text]), len(prompt))
        logprobs = logits.div(temperature).log_softmax(dim=-1)[len(prompt) :]
        told = logprobs[columns, torch.tensor(text[:num_scored])]
        scores = scores + each.weight * torch.from_numpy(each.masked_L[:num_scored]) * told
        entropies.append(-(logprobs.exp() * logprobs).sum(dim=-1)[:num_scored])
    return scores, entropies[0].detach()


def logits_everywhere(model: PreTrainedModel, canvas: Tensor, clean: Tensor, num_prompt_tokens: int) -> Tensor:
    """By position of the canvas: its own prediction, or a causal model's prediction of the next token, moved by one.

    Of a model of blocks, each block is read by itself, after what is before it as it is known in the end.
    """
    size = model.config.diffusion_block_length or len(canvas)
    rows = []
    for first in range(0, len(canvas), size):
        read = torch.cat([clean[:first], canvas[first : first + size]])
        sees = torch.ones(1, 1, len(read), len(read), dtype=torch.bool)
        if model.config.diffusion_attention == "prefix":
            sees[..., :num_prompt_tokens, num_prompt_tokens:] = False
        for block in range(0, len(read), size):
            sees[..., block : block + size, block + size :] = False
        logits = model(input_ids=read[None], attention_mask=sees, use_cache=False).logits[0]
        rows.append((torch.cat([logits[:1], logits[:-1]]) if model.config.diffusion_shift else logits)[first:])
    return torch.cat(rows)
