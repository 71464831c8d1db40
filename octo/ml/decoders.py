"""What completes prompts: a diffusion model, a causal model on torch, or vLLM; what each says of how it did."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
from transformers import PreTrainedModel

from octo.data.tokenizer import TextTokenizer
from octo.errors import UsageError
from octo.findings import Interval
from octo.job import Job
from octo.ml.chat import Prompter, prompter
from octo.ml.diffusion.analyses import RULES, Analyses, ar_ness_sums, entropy_picture, entropy_sink, order_map
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.completing import Text, texts_of
from octo.ml.diffusion.denoiser import is_diffusion, kind_of
from octo.ml.draft_times import MOST_TOKENS, draft_times
from octo.ml.models import load_model
from octo.ml.placement import device_of
from octo.ml.rl.rollout import Completions, complete
from octo.randomness import generator
from octo.settings.decoding import DecodingSettings
from octo.settings.denoising import DenoisingSettings, Exactness
from octo.settings.midtraining import OptimizerSettings
from octo.settings.rl import RlSettings, RolloutSettings
from octo.storage.artifacts import Artifact


@dataclass(frozen=True)
class Prompt:
    """What is to be completed."""

    id: str
    text: str


@dataclass(frozen=True)
class Agreement:
    """How far approximate texts are those of exact decoding, on a sample."""

    num_tokens: int
    """Of the longer of each two texts."""
    num_equal_tokens: int
    num_texts: int
    num_equal_texts: int

    @property
    def share(self) -> float:
        """Of tokens that are the same."""
        return self.num_equal_tokens / max(1, self.num_tokens)

    def counters(self) -> dict[str, int]:
        """To be added up over shards."""
        return {
            "agreement.tokens": self.num_tokens,
            "agreement.tokens_equal": self.num_equal_tokens,
            "agreement.texts": self.num_texts,
            "agreement.texts_equal": self.num_equal_texts,
        }


def agreement_of(found: Sequence[Text], exact: Sequence[Text]) -> Agreement:
    """Texts compared position by position."""
    pairs = [(one.tokens, other.tokens) for one, other in zip(found, exact, strict=True)]
    return Agreement(
        num_tokens=sum(max(len(one), len(other)) for one, other in pairs),
        num_equal_tokens=sum(here == there for one, other in pairs for here, there in zip(one, other, strict=False)),
        num_texts=len(pairs),
        num_equal_texts=sum(one == other for one, other in pairs),
    )


class Decoder(Protocol):
    """A model that completes prompts."""

    def draft_times(self, prompt: Prompt) -> Interval | None:
        """How many times as long drafts take here as plain decoding; None where there are none."""

    @property
    def exactness(self) -> Exactness:
        """Whether the tokens are those of one plain step after another."""

    def write(self, prompts: Sequence[Prompt]) -> list[list[Text]]:
        """The samples of each prompt."""

    def agreement(self, prompts: Sequence[Prompt], written: Sequence[Sequence[Text]]) -> Agreement | None:
        """How far a sample of approximate texts is exact; None where all are."""

    def analyses(self, prompts: Sequence[Prompt], texts: Sequence[Text], *, picture: bool) -> Analyses | None:
        """What decoding by diffusion was like; None of a model that has one order only."""


_LOADED: dict[tuple[str, str, str], Any] = {}
"""What this process decodes with, by engine, precision and address: loaded once, however many shards it does."""


def decoder_of(job: Job[DecodingSettings], artifact: Artifact, tokenizer: TextTokenizer) -> Decoder:
    """What completes prompts: the model's own kind decides.

    Raises:
        UsageError: the settings ask for what this kind of model cannot do.
    """
    settings = job.settings
    key = (settings.engine, settings.precision, artifact.address)
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = _loaded(job, artifact)
    model = _LOADED[key]
    if settings.engine == "torch" and is_diffusion(model.config):
        return Denoiser(model, tokenizer, settings)
    if settings.draft_length:
        raise UsageError(f"--draft-length={settings.draft_length} is for diffusion models, and this is a causal one")
    return (Vllm if settings.engine == "vllm" else Reader)(model, tokenizer, settings)


def _loaded(job: Job[DecodingSettings], artifact: Artifact) -> object:
    settings = job.settings
    if settings.engine == "torch":
        model = load_model(artifact, scratch=job.scratch, on=device_of(settings), precision=settings.precision)
        model.train(mode=False)
        return model
    if "mask_token_id" in json.loads(artifact.read_one("config.json")):
        raise UsageError("--engine=vllm decodes causal models alone: take torch for a diffusion model")
    # Imported here: vLLM is in an image of its own.
    from octo.ml.rl.vllm_engine import VllmEngine  # noqa: PLC0415

    asked = RlSettings(
        seed=settings.seed,
        role="rollout",
        rollout=RolloutSettings(engine="vllm", tensor_parallel=max(1, settings.need.accelerators)),
        optimizer=OptimizerSettings(precision=settings.precision),
        need=settings.need,
    )
    return VllmEngine(artifact, asked, job.scratch)


@dataclass(frozen=True)
class Denoiser:
    """A diffusion model."""

    model: PreTrainedModel
    tokenizer: TextTokenizer
    settings: DecodingSettings

    @property
    def exactness(self) -> Exactness:
        """By the settings."""
        return self.settings.denoising.exactness

    def write(self, prompts: Sequence[Prompt]) -> list[list[Text]]:
        """By denoising, drafted or step by step."""
        return _by_prompt(self._texts(prompts, self._how, self.settings.draft_length), self.settings)

    def draft_times(self, prompt: Prompt) -> Interval | None:
        """How many times as long drafts take here as plain decoding, of one prompt; None where there are none."""
        if not self.settings.draft_length:
            return None
        [request, *_] = self._requests([prompt])
        short = [replace(request, length=min(request.length, MOST_TOKENS))]
        drafted, plain = (
            partial(self._completed, short, self._how, length) for length in (self.settings.draft_length, 0)
        )
        return draft_times(drafted, plain)

    def agreement(self, prompts: Sequence[Prompt], written: Sequence[Sequence[Text]]) -> Agreement | None:
        """The first prompts of a shard once more, exactly."""
        sample = prompts[: self.settings.agreement_prompts]
        if self.exactness == "exact" or not sample:
            return None
        found = [text for texts in written[: len(sample)] for text in texts]
        return agreement_of(found, self._texts(sample, self._how.made_exact(), 0))

    def analyses(self, prompts: Sequence[Prompt], texts: Sequence[Text], *, picture: bool) -> Analyses | None:
        """Of texts as they were written; the sink takes a forward pass for each prompt, the picture a decoding."""
        if not self.settings.analyses:
            return None
        orders = [text.order for text in texts]
        requests = self._requests(prompts)
        return Analyses(
            decoding=self.exactness,
            ar_ness=[ar_ness_sums(orders, rules=rules) for rules in RULES],
            order_map=order_map(
                [text.steps for text in texts],
                length=self.settings.max_new_tokens,
                settings=self._how,
                kind=kind_of(self.model.config),
            ),
            entropy_sink=entropy_sink(self.model, requests[:: self.settings.num_samples], banned=self._banned),
            entropy_picture=entropy_picture(
                self.model,
                requests[0],
                prompt_id=prompts[0].id,
                settings=self._how,
                seed=self.settings.seed,
                ends=self._ends,
                banned=self._banned,
            )
            if picture
            else None,
        )

    @property
    def _how(self) -> DenoisingSettings:
        return self.settings.denoising.model_copy(update={"temperature": self.settings.temperature})

    @cached_property
    def _asks(self) -> Prompter:
        return prompter(self.tokenizer, chat_template=self.settings.chat_template)

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return *self.tokenizer.ends, kind_of(self.model.config).pad_id

    @property
    def _banned(self) -> range:
        return range(self.tokenizer.vocabulary_size, self.model.config.vocab_size)

    def _requests(self, prompts: Sequence[Prompt]) -> list[Request]:
        return [
            Request(self._asks.prompt(prompt.text), self.settings.max_new_tokens, ("decoding", prompt.id, sample))
            for prompt in prompts
            for sample in range(self.settings.num_samples)
        ]

    def _texts(self, prompts: Sequence[Prompt], how: DenoisingSettings, draft_length: int) -> list[Text]:
        return self._completed(self._requests(prompts), how, draft_length)

    def _completed(self, requests: Sequence[Request], how: DenoisingSettings, draft_length: int) -> list[Text]:
        return texts_of(
            self.model,
            requests,
            ends=self._ends,
            num_tokens=self.tokenizer.vocabulary_size,
            settings=how,
            seed=self.settings.seed,
            draft_length=draft_length,
        )


@dataclass(frozen=True)
class Reader:
    """A causal model, which writes from left to right as one reads."""

    model: Any
    tokenizer: TextTokenizer
    settings: DecodingSettings
    exactness: Exactness = "exact"

    @cached_property
    def _asks(self) -> Prompter:
        return prompter(self.tokenizer, chat_template=self.settings.chat_template)

    def write(self, prompts: Sequence[Prompt]) -> list[list[Text]]:
        """With octo's own sampler."""
        settings = self.settings
        draws = [
            generator(settings.seed, "decoding", prompt.id, sample).random(settings.max_new_tokens)
            for prompt in prompts
            for sample in range(settings.num_samples)
        ]
        completions = complete(
            self.model,
            [self._asks.prompt(prompt.text) for prompt in prompts],
            group_size=settings.num_samples,
            max_new_tokens=settings.max_new_tokens,
            ends=self.tokenizer.ends,
            temperature=settings.temperature or 1.0,
            draws_BT=np.stack(draws) if settings.temperature else None,
        )
        return _by_prompt(_from_left_to_right(completions), settings)

    def draft_times(self, prompt: Prompt) -> Interval | None:  # noqa: ARG002
        """None: there are no drafts."""
        return None

    def agreement(self, prompts: Sequence[Prompt], written: Sequence[Sequence[Text]]) -> Agreement | None:  # noqa: ARG002
        """None: all is exact."""
        return None

    def analyses(self, prompts: Sequence[Prompt], texts: Sequence[Text], *, picture: bool) -> Analyses | None:  # noqa: ARG002
        """None: there is one order."""
        return None


class Vllm(Reader):
    """A causal model on vLLM; `model` is its engine."""

    def write(self, prompts: Sequence[Prompt]) -> list[list[Text]]:
        """With vLLM's sampler, each sample by a seed of its own."""
        settings = self.settings
        each = [(prompt, sample) for prompt in prompts for sample in range(settings.num_samples)]
        completions = self.model.generate(
            [self._asks.prompt(prompt.text) for prompt, _ in each],
            [int(generator(settings.seed, "decoding", prompt.id, sample).integers(2**31)) for prompt, sample in each],
            ends=self.tokenizer.ends,
            max_new_tokens=settings.max_new_tokens,
            temperature=settings.temperature,
        )
        return _by_prompt(_from_left_to_right(completions), settings)


def _from_left_to_right(completions: Completions) -> list[Text]:
    """A causal model's completions: a token a forward pass, each right of the one before."""
    return [
        Text(
            tokens,
            finished,
            order=list(range(len(tokens))),
            steps=list(range(len(tokens))),
            num_forward_passes=len(tokens),
        )
        for tokens, finished in zip(completions.tokens, completions.finished, strict=True)
    ]


def _by_prompt(texts: Sequence[Text], settings: DecodingSettings) -> list[list[Text]]:
    return [list(texts[row : row + settings.num_samples]) for row in range(0, len(texts), settings.num_samples)]
