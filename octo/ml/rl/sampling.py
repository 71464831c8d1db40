"""The completions of a step, in chunks that are sampled alike wherever that happens.

A chunk holds all that decides its completions but the weights: prompts side by side, since padding and batching round
sums, and the key of the draws. So it makes no difference which process samples it, nor how many do.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict
from transformers import PreTrainedModel

from octo.errors import InvariantError
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.completing import Text, texts_of
from octo.ml.rl.rollout import Completions, complete
from octo.ml.stops import Stops
from octo.randomness import generator
from octo.settings.denoising import DenoisingSettings
from octo.settings.rl import RlSettings


class Denoising(BaseModel):
    """How a diffusion model completes prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: DenoisingSettings
    pad_id: int
    """It ends a completion, as the end of text does."""
    num_tokens: int
    """The tokenizer's; ids from here on are never drawn."""


class Chunk(BaseModel):
    """Prompts to complete side by side, and how; the body of a request to a worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]
    """Any of these ends a completion."""
    stops: tuple[str, ...] = ()
    """So does any of these strings in its text."""
    group_size: int
    max_new_tokens: int
    temperature: float
    seed: int
    step: int
    first: int
    """Place of its first prompt in the step."""
    denoising: Denoising | None = None
    """Where a diffusion model is to complete them."""

    @property
    def rows(self) -> int:
        """Completions that it will have."""
        return len(self.prompts) * self.group_size


class SamplingEngine(Protocol):
    """What a worker samples with."""

    def load(self, weights: Path) -> None:
        """Take the weights of a safetensors file; UsageError when they are not of this model."""

    def complete(self, chunk: Chunk) -> Completions:
        """The chunk's completions under the weights that were loaded last."""


def chunks_of(
    prompts: Sequence[Sequence[int]],
    settings: RlSettings,
    *,
    step: int,
    ends: tuple[int, ...],
    denoising: Denoising | None = None,
) -> list[Chunk]:
    """A step's prompts in chunks, in their order."""
    size = settings.rollout.prompts_per_chunk
    return [
        Chunk(
            prompts=tuple(tuple(prompt) for prompt in prompts[first : first + size]),
            ends=(*ends, denoising.pad_id) if denoising else ends,
            stops=settings.stops,
            group_size=settings.group_size,
            max_new_tokens=settings.max_new_tokens,
            temperature=settings.temperature,
            seed=settings.seed,
            step=step,
            first=first,
            denoising=denoising,
        )
        for first in range(0, len(prompts), size)
    ]


def sample(model: PreTrainedModel, chunk: Chunk, stops: Stops | None = None) -> Completions:
    """The chunk's completions by octo's own sampler. The draws of a prompt depend on its place in the step alone.

    Its stop strings are given once more, with the tokenizer that finds them.
    """
    if chunk.stops != (stops.strings if stops else ()):
        raise InvariantError(f"completions are asked for that end with {chunk.stops}, which are not looked for here")
    if chunk.denoising:
        return _denoised(model, chunk, chunk.denoising, stops)
    draws = [
        generator(chunk.seed, "rollout", chunk.step, chunk.first + place).random(
            (chunk.group_size, chunk.max_new_tokens)
        )
        for place in range(len(chunk.prompts))
    ]
    was_training = model.training
    model.train(mode=False)
    completions = complete(
        model,
        chunk.prompts,
        group_size=chunk.group_size,
        max_new_tokens=chunk.max_new_tokens,
        ends=chunk.ends,
        temperature=chunk.temperature,
        draws_BT=np.concatenate(draws),
        stops=stops,
    )
    model.train(mode=was_training)
    return completions


def _denoised(model: PreTrainedModel, chunk: Chunk, denoising: Denoising, stops: Stops | None) -> Completions:
    requests = [
        Request(prompt, chunk.max_new_tokens, ("rollout", chunk.step, chunk.first + place, member))
        for place, prompt in enumerate(chunk.prompts)
        for member in range(chunk.group_size)
    ]
    texts = texts_of(
        model,
        requests,
        ends=chunk.ends,
        num_tokens=denoising.num_tokens,
        settings=denoising.settings,
        seed=chunk.seed,
        stops=stops,
    )
    return completions_of(texts)


def completions_of(texts: Sequence[Text]) -> Completions:
    """What a diffusion model wrote, in the form of any model's completions."""
    return Completions(
        tokens=[text.tokens for text in texts],
        logprobs=[[0.0] * len(text.tokens) for text in texts],
        finished=[text.finished for text in texts],
        orders=[text.order for text in texts],
    )


def joined(parts: Sequence[Completions]) -> Completions:
    """The completions of several chunks after each other."""
    return Completions(
        tokens=list(chain.from_iterable(part.tokens for part in parts)),
        logprobs=list(chain.from_iterable(part.logprobs for part in parts)),
        finished=list(chain.from_iterable(part.finished for part in parts)),
        orders=list(chain.from_iterable(part.orders for part in parts)),
    )
