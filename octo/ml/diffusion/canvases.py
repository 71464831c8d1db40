"""Completions that are being unmasked, side by side, and how far each of them is.

Axes: B completions, L positions of a completion, S positions of prompt and completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from octo.errors import UsageError
from octo.ml.diffusion.denoiser import Kind
from octo.randomness import generator
from octo.settings.denoising import DenoisingSettings

EARLIEST = 1e-3
"""The noise that is left when the last step begins (the paper's epsilon)."""


@dataclass(frozen=True)
class Request:
    """A prompt to be completed."""

    prompt: Sequence[int]
    length: int
    """Tokens of the completion."""
    key: tuple[str | int, ...]
    """What its random numbers are keyed by, so that they depend on no neighbour."""


@dataclass(frozen=True)
class Canvases:
    """Prompts, padded on the left, and completions, padded on the right."""

    tokens_BS: Tensor
    valid_BS: Tensor
    prompt_BS: Tensor
    width: int
    """Columns of the prompts."""
    masked_BL: Tensor
    steps_BL: Tensor
    """The denoising step at which each position was unmasked; -1 before."""
    places_BL: Tensor
    """How many positions were unmasked before it; -1 while it is masked."""

    def completions(self) -> Tensor:
        """The completions as they stand; shape B, L."""
        return self.tokens_BS[:, self.width :]

    def unmasked(self, tokens_BL: Tensor, places_BL: Tensor, steps_B: Sequence[int]) -> "Canvases":
        """These with some tokens revealed: where `places_BL`, the order among them, is not negative."""
        steps_B1 = torch.tensor(steps_B, device=tokens_BL.device)[:, None]
        chosen_BL = places_BL >= 0
        num_before_B1 = (self.places_BL >= 0).sum(dim=-1, keepdim=True)
        completions_BL = torch.where(chosen_BL, tokens_BL, self.completions())
        return replace(
            self,
            tokens_BS=torch.cat([self.tokens_BS[:, : self.width], completions_BL], dim=1),
            masked_BL=self.masked_BL & ~chosen_BL,
            steps_BL=self.steps_BL.where(~chosen_BL, steps_B1),
            places_BL=self.places_BL.where(~chosen_BL, places_BL + num_before_B1),
        )

    def rows(self, chosen_B: Tensor) -> "Canvases":
        """Some of them."""
        return replace(
            self,
            tokens_BS=self.tokens_BS[chosen_B],
            valid_BS=self.valid_BS[chosen_B],
            prompt_BS=self.prompt_BS[chosen_B],
            masked_BL=self.masked_BL[chosen_B],
            steps_BL=self.steps_BL[chosen_B],
            places_BL=self.places_BL[chosen_B],
        )

    def with_rows(self, chosen_B: Tensor, part: "Canvases") -> "Canvases":
        """These with some of them as they have become."""
        return replace(
            self,
            tokens_BS=self.tokens_BS.index_copy(0, chosen_B, part.tokens_BS),
            masked_BL=self.masked_BL.index_copy(0, chosen_B, part.masked_BL),
            steps_BL=self.steps_BL.index_copy(0, chosen_B, part.steps_BL),
            places_BL=self.places_BL.index_copy(0, chosen_B, part.places_BL),
        )


def joined(parts: Sequence[Canvases]) -> Canvases:
    """Canvases of one width and length below each other."""
    return replace(
        parts[0],
        tokens_BS=torch.cat([part.tokens_BS for part in parts]),
        valid_BS=torch.cat([part.valid_BS for part in parts]),
        prompt_BS=torch.cat([part.prompt_BS for part in parts]),
        masked_BL=torch.cat([part.masked_BL for part in parts]),
        steps_BL=torch.cat([part.steps_BL for part in parts]),
        places_BL=torch.cat([part.places_BL for part in parts]),
    )


def blank(requests: Sequence[Request], kind: Kind, *, device: torch.device) -> Canvases:
    """The canvases at the beginning: every completion is all masks.

    Raises:
        UsageError: a prompt is empty, and nothing predicts the first token.
    """
    if kind.shift and any(not request.prompt for request in requests):
        raise UsageError("expected prompts of a token or more, got an empty one: begin it with the end-of-text token")
    width = max(len(request.prompt) for request in requests)
    length = max(request.length for request in requests)
    tokens_BS = torch.full((len(requests), width + length), kind.pad_id)
    valid_BS = torch.zeros_like(tokens_BS, dtype=torch.bool)
    for row, request in enumerate(requests):
        tokens_BS[row, width - len(request.prompt) : width] = torch.tensor(request.prompt)
        tokens_BS[row, width : width + request.length] = kind.mask_id
        valid_BS[row, width - len(request.prompt) : width + request.length] = True
    columns_S = torch.arange(width + length)
    return Canvases(
        tokens_BS=tokens_BS.to(device),
        valid_BS=valid_BS.to(device),
        prompt_BS=(valid_BS & (columns_S < width)).to(device),
        width=width,
        masked_BL=valid_BS[:, width:].to(device),
        steps_BL=torch.full((len(requests), length), -1, device=device),
        places_BL=torch.full((len(requests), length), -1, device=device),
    )


@dataclass(frozen=True)
class Turn:
    """What one denoising step of one completion does, known before any forward pass."""

    first: int
    last: int
    """The positions of its block: first, ..., last - 1."""
    count: int
    """How many of its masked positions are unmasked; with order `origin`, chance decides."""
    keep: float = 0.0
    """With order `origin`, the probability that a mask stays."""


@dataclass(frozen=True)
class Blocks:
    """How a completion is cut into blocks, which are completed from left to right."""

    length: int = 0
    """Of a block; 0 where the whole completion is one."""
    begun: int = 0
    """Positions of the first that the prompt has: a model's own blocks are counted from the text's beginning."""

    def spans(self, length: int) -> list[tuple[int, int]]:
        """The blocks of a completion: first, ..., last - 1."""
        if not self.length:
            return [(0, length)]
        ends = [*range(self.length - self.begun, length, self.length), length]
        return list(zip([0, *ends[:-1]], ends, strict=True))


def blocks_of(request: Request, kind: Kind, settings: DenoisingSettings) -> Blocks:
    """The blocks that a request is completed in: the model's own, or those that are asked for.

    Raises:
        UsageError: others are asked for than the model has.
    """
    if not kind.block_length:
        return Blocks(settings.block_length)
    if settings.block_length not in (0, kind.block_length):
        raise UsageError(
            f"this model completes blocks of {kind.block_length} tokens: expected block_length=0, which leaves it at "
            f"that, got {settings.block_length}"
        )
    return Blocks(kind.block_length, len(request.prompt) % kind.block_length)


def plan(length: int, settings: DenoisingSettings, blocks: Blocks) -> dict[int, Turn]:
    """The steps of a completion that may unmask anything, by number.

    Their counts add up to its length, and differ by one at most within a block. Steps are shared out over the blocks
    by their lengths; a block has one at least.
    """
    num_steps = settings.steps_of(length)
    turns: list[Turn] = []
    for first, last in blocks.spans(length):
        steps = max(1, last * num_steps // length - first * num_steps // length)
        noises = np.linspace(1.0, EARLIEST, steps + 1)
        for step in range(steps):
            keep = 0.0 if step == steps - 1 else float(noises[step + 1] / noises[step])
            turns.append(Turn(first, last, _share(step, steps, last - first), keep))
    return {step: turn for step, turn in enumerate(turns) if turn.count or settings.order == "origin"}


def most_steps(length: int, settings: DenoisingSettings, kind: Kind) -> int:
    """The denoising steps of a completion of that length, of the prompt for which they are most."""
    blocks = [Blocks(kind.block_length, begun) for begun in range(kind.block_length)] or [Blocks(settings.block_length)]
    return max(1 + max(plan(length, settings, each)) for each in blocks)


def next_turn(masked_L: Tensor, blocks: Blocks) -> Turn:
    """A step that unmasks what is sure enough, and one in any case, in a completion's first block that has masks."""
    masked = int(masked_L.int().argmax())
    first, last = next(span for span in blocks.spans(len(masked_L)) if masked < span[1])
    return Turn(first, last, count=1)


def uniforms(seed: int, request: Request, step: int) -> np.ndarray:
    """Two rows of numbers in [0, 1) for the positions of a completion: for its tokens, and for the order."""
    return generator(seed, "denoising", *request.key, step).random((2, request.length))


def _share(part: int, parts: int, whole: int) -> int:
    """How many of the whole fall to a part, when it is dealt out as evenly as can be."""
    return (part + 1) * whole // parts - part * whole // parts
