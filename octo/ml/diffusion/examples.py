"""Questions and answers for training by masked diffusion: the question is given, the answer is predicted.

Answers are filled up with the pad token, which is predicted like any other: so a model learns where to end.

Axes: B examples, S positions of question and answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from octo.ml.diffusion.denoiser import Kind, sight_of
from octo.ml.diffusion.noising import CleanBatch
from octo.randomness import keyed_fraction


@dataclass(frozen=True)
class Example:
    """A question and its answer as tokens; the answer ends with the end of text."""

    id: str
    question: list[int]
    answer: list[int]


def conditional_share(epoch: float, unconditional_epochs: float) -> float:
    """The share of examples whose question is not noised, so far into the tuning: rises from 0 to 1."""
    return min(1.0, epoch / unconditional_epochs) if unconditional_epochs else 1.0


def is_conditional(example_id: str, visit: int, *, seed: int, share: float) -> bool:
    """Whether a visit of an example leaves its question without noise."""
    return keyed_fraction(seed, "conditional", example_id, visit) < share


def clean_examples(
    examples: Sequence[Example], conditional: Sequence[bool], *, length: int, kind: Kind, device: torch.device
) -> CleanBatch:
    """Questions padded on the left, answers of one length filled up with the pad token.

    Args:
        examples: no answer longer than `length`, no question empty.
        conditional: for each, whether its question stays without noise; where not, all of it may be masked that is
            predicted: without its first token where the model's kind has a shift.
        length: tokens of an answer.
        kind: of the model.
        device: where to lay them out.
    """
    width = max(len(example.question) for example in examples)
    tokens_BS = torch.full((len(examples), width + length), kind.pad_id)
    valid_BS = torch.zeros_like(tokens_BS, dtype=torch.bool)
    maskable_BS = torch.zeros_like(valid_BS)
    for row, (example, given) in enumerate(zip(examples, conditional, strict=True)):
        first = width - len(example.question)
        written = [*example.question, *example.answer]
        tokens_BS[row, first : first + len(written)] = torch.tensor(written)
        valid_BS[row, first:] = True
        maskable_BS[row, width if given else first + kind.lag :] = True
    prompt_BS = valid_BS & (torch.arange(width + length) < width)
    return CleanBatch(
        tokens_BS=tokens_BS.to(device),
        maskable_BS=maskable_BS.to(device),
        sight=sight_of(valid_BS.to(device), prompt_BS.to(device), kind),
    )


def num_maskable(examples: Sequence[Example], conditional: Sequence[bool], *, kind: Kind, length: int) -> int:
    """How many tokens of the examples may be masked."""
    questions = sum(
        len(each.question) - kind.lag for each, given in zip(examples, conditional, strict=True) if not given
    )
    return questions + length * len(examples)
