"""Log-probabilities of completions under a policy.

Axes: C completions, T tokens of a completion, S positions of prompt and completion, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from octo.ml.attention import attends_by_documents
from octo.ml.devices import brought
from octo.ml.documents import Documents, causal_documents
from octo.ml.heads import Asked, model_logprobs


@dataclass(frozen=True)
class CompletionBatch:
    """Prompts and completions side by side, padded at the end."""

    tokens_CS: Tensor
    targets_CT: Tensor
    mask_CT: Tensor
    """1 where a token belongs to the completion."""
    columns_CT: Tensor
    """The position whose logits predict the token."""


def completion_batch(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, device: torch.device
) -> CompletionBatch:
    """Lay prompts and completions out for one forward pass; no completion may be empty."""
    width = max(len(prompt) + len(completion) for prompt, completion in zip(prompts, completions, strict=True))
    longest = max(len(completion) for completion in completions)
    tokens_CS = torch.zeros(len(prompts), width, dtype=torch.long)
    targets_CT = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask_CT = torch.zeros(len(prompts), longest)
    columns_CT = torch.zeros(len(prompts), longest, dtype=torch.long)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        end = len(prompt) + len(completion)
        tokens_CS[row, :end] = torch.tensor([*prompt, *completion])
        targets_CT[row, : len(completion)] = torch.tensor(completion)
        mask_CT[row, : len(completion)] = 1.0
        columns_CT[row, : len(completion)] = torch.arange(len(prompt) - 1, end - 1)
    return CompletionBatch(*(tensor.to(device) for tensor in (tokens_CS, targets_CT, mask_CT, columns_CT)))


def completion_logprobs(model: torch.nn.Module, batch: CompletionBatch, *, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probability of each completion token, and the entropy (nats, no gradient) where it was drawn; shapes C, T.

    Zero where there is no token. Both are where the model is, and nobody waits for it where the batch is on the host.
    Padding comes after the completion, so causal attention alone keeps it out of sight.
    """
    rows_K, places_K = batch.mask_CT.nonzero(as_tuple=True)
    logprobs_K, entropies_K = model_logprobs(
        model,
        Asked(
            sites_N=rows_K * batch.tokens_CS.shape[1] + batch.columns_CT[rows_K, places_K],
            sites_K=torch.arange(len(rows_K), device=rows_K.device),
            targets_K=batch.targets_CT[rows_K, places_K],
        ),
        temperature=temperature,
        input_ids=batch.tokens_CS,
        **({"documents": _one_each(batch)} if attends_by_documents(model) else {}),
    )
    logprobs_CT, entropies_CT = (
        each_K.new_zeros(batch.mask_CT.shape).index_put(
            (brought(rows_K, each_K.device), brought(places_K, each_K.device)), each_K
        )
        for each_K in (logprobs_K, entropies_K)
    )
    return logprobs_CT, entropies_CT


def _one_each(batch: CompletionBatch) -> Documents:
    """A prompt and its completion are a document, and whatever is behind it, too."""
    return causal_documents(torch.zeros(batch.tokens_CS.shape, dtype=torch.long))
