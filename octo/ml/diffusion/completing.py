"""Completions of prompts by denoising, in the form that trainers and evaluations take them from any model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from transformers import PreTrainedModel

from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.drafting import denoise_by_drafts
from octo.ml.diffusion.sampler import Completed, denoise
from octo.ml.stops import Stops
from octo.settings.denoising import DenoisingSettings


@dataclass(frozen=True)
class Text:
    """What is read of a completion: up to its end, or all of it."""

    tokens: list[int]
    """With the token that ends it, if one does."""
    finished: bool
    order: list[int]
    """The text's positions in the order in which they were unmasked."""
    steps: list[int]
    """By position, the denoising step that unmasked it."""
    num_forward_passes: int


def texts_of(
    model: PreTrainedModel,
    requests: Sequence[Request],
    *,
    ends: Sequence[int],
    num_tokens: int,
    settings: DenoisingSettings,
    seed: int,
    draft_length: int = 0,
    stops: Stops | None = None,
) -> list[Text]:
    """Complete every prompt.

    Args:
        model: a diffusion model.
        requests: prompts, lengths and keys.
        ends: ids of which any ends a completion: the end of text, and the pad token.
        num_tokens: the tokenizer's: ids above are rows of the head that stand for nothing, and are never drawn.
        settings: how tokens are unmasked.
        seed: key of everything random, beside each request's own.
        draft_length: denoising steps to guess ahead and verify together; the texts are the same.
        stops: strings that end a completion, too: what is written behind them is not read.
    """
    was_training = model.training
    model.train(mode=False)
    nothing = range(num_tokens, model.config.vocab_size)
    how = partial(denoise_by_drafts, draft_length=draft_length) if draft_length else denoise
    completed = how(model, requests, settings=settings, seed=seed, ends=ends, banned=nothing)
    model.train(mode=was_training)
    return [text_of(each, ends=ends, stops=stops) for each in completed]


def text_of(completed: Completed, *, ends: Sequence[int], stops: Stops | None = None) -> Text:
    """A completion up to the first token that ends it, and how it came to be."""
    end = next((place for place, token in enumerate(completed.tokens, start=1) if token in ends), None)
    stopped = stops.length(completed.tokens[:end]) if stops else None
    tokens = completed.tokens[: stopped or end]
    order = [position for position in completed.order if position < len(tokens)]
    finished = stopped is not None or end is not None
    return Text(tokens, finished, order, completed.steps[: len(tokens)], completed.num_forward_passes)
