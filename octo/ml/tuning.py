"""Tuning on questions and answers: of a causal model, or of a diffusion model."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial

import torch
from transformers import PretrainedConfig

from octo.data.benchmarks import STATEMENT
from octo.data.practice import read_practice
from octo.data.questions import Question
from octo.data.tokenizer import TextTokenizer, read_tokenizer
from octo.errors import UsageError
from octo.job import Job
from octo.ml.chat import prompter
from octo.ml.diffusion.denoiser import Kind, is_diffusion, kind_of
from octo.ml.diffusion.examples import Example, clean_examples, conditional_share, is_conditional, num_maskable
from octo.ml.diffusion.noising import add_noise, diffusion_loss, noise_levels
from octo.ml.engine import Engine
from octo.ml.lengths import check_examples
from octo.ml.loading import load_to_train, make_ready
from octo.ml.loop import METRICS, Lines, Phases, Plan, Step, Update, described, train_by, written
from octo.ml.models import model_parts, use_threads
from octo.ml.placement import take_place
from octo.ml.rl.logprobs import completion_batch, completion_logprobs
from octo.ml.schedule import rates
from octo.randomness import permutation
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import IndexResult
from octo.storage.checkpoints import discard
from octo.trainings import models_of

Loss = Callable[[torch.nn.Module], torch.Tensor]
_HOST = torch.device("cpu")
"""Where batches are made: an accelerator is brought what it needs of them, and is not waited for."""


@dataclass(frozen=True)
class Batch:
    """The examples of one update, and how often each has been seen before."""

    examples: Sequence[Example]
    visits: Sequence[int]
    epoch: float
    """How far into the tuning, in passes over the examples."""


def tune(job: Job[TuningSettings]) -> None:
    """Tune the model and commit it with its metrics."""
    job.each(train, range(1))
    if job.rank == 0:
        discard(job.store, job.output.digest)


def train(job: Job[TuningSettings], _index: int) -> IndexResult:
    """The whole tuning as one result: every step is done, or nothing is committed."""
    settings = job.settings
    use_threads(settings.threads)
    take_place(settings)
    start = models_of(job.input("model"))[0]
    tokenizer = read_tokenizer(start)
    practice = read_practice(
        job.input("examples"), source=settings.source, benchmarks=job.inputs["benchmarks"], settings=settings
    )
    examples, num_left_out = fitting_examples(practice.questions, tokenizer, settings)
    num_steps = math.ceil(len(examples) * settings.num_epochs / settings.batch_size)
    rate = rates(settings, num_steps=num_steps, warmup_steps=int(settings.warmup_share * num_steps))
    model = load_to_train(start, scratch=job.scratch, settings=settings.optimizer, gang=settings.gang)
    check_examples(model.config, *zip(*(_lengths(each, settings, model.config) for each in examples), strict=True))
    make_ready(model, lora=settings.lora, seed=settings.seed)
    kind = kind_of(model.config) if is_diffusion(model.config) else None
    engine = Engine(
        model,
        settings=settings.optimizer,
        micro_batches=settings.batch_size // settings.micro_batch_size,
        gang=settings.gang,
        sequence_parallel=settings.sequence_parallel,
    )
    model.train()
    updates = Updates(examples, settings)

    def update(batch: Batch, step: Step) -> Update:
        losses = losses_of(batch, settings, step=step.number, kind=kind)
        result = engine.step(losses, learning_rate=step.rate, most_loss=step.most_loss)
        done = (step.number + 1) * settings.batch_size
        ids = dict.fromkeys(example.id for example in batch.examples)
        return Update(
            [result], [losses], lambda: {**described([result], step.rate), "examples": done}, lambda: list(ids)
        )

    def result(steps: int, lines: Lines) -> IndexResult:
        return IndexResult(
            parts={
                **model_parts(model.config, engine.weights(), job.scratch / "model"),
                **tokenizer.files,
                METRICS: written(lines),
                STATEMENT: practice.statement.written(),
            },
            counters={
                **practice.counters(),
                "steps": steps,
                "examples": len(examples),
                "examples.left_out": num_left_out,
                "tokens": steps * settings.batch_size * settings.max_new_tokens,
            },
        )

    phases = Phases(partial(map, updates.of), update, dict, result)
    return train_by(job, engine, Plan(num_steps, rate), lambda _first, _saved: nullcontext(phases))


def fitting_examples(
    questions: Iterable[Question], tokenizer: TextTokenizer, settings: TuningSettings
) -> tuple[list[Example], int]:
    """The examples that fit, and how many do not.

    Raises:
        UsageError: none fits.
    """
    asks = prompter(tokenizer, chat_template=settings.chat_template)
    occurrences: Counter[str] = Counter()
    encoded = []
    for question in questions:
        occurrences[question.id] += 1
        encoded.append(
            Example(
                # Equal examples are noised otherwise, too.
                f"{question.id}#{occurrences[question.id]}",
                *asks.example(question.text, question.answer),
            )
        )
    fitting = [
        example
        for example in encoded
        if len(example.answer) <= settings.max_new_tokens and len(example.question) <= settings.max_question_tokens
    ]
    if not fitting:
        shortest = min(len(example.answer) for example in encoded)
        raise UsageError(
            f"none of the {len(encoded)} examples fits: the shortest answer has {shortest} tokens, raise "
            f"--max-new-tokens={settings.max_new_tokens} or --max-question-tokens={settings.max_question_tokens}"
        )
    return fitting, len(encoded) - len(fitting)


def _lengths(example: Example, settings: TuningSettings, config: PretrainedConfig) -> tuple[int, int]:
    """How many tokens a question has, and its answer as the model reads it."""
    filled_up = is_diffusion(config) and settings.padding == "fixed"
    return len(example.question), settings.max_new_tokens if filled_up else len(example.answer)


class Updates:
    """Which examples each update takes: every epoch goes through all of them in an order of its own."""

    def __init__(self, examples: Sequence[Example], settings: TuningSettings) -> None:
        self._examples = examples
        self._settings = settings
        self._order = cache(self._order_of)

    def of(self, step: int) -> Batch:
        """The update of a step, counted from 0."""
        first = step * self._settings.batch_size
        places = [divmod(first + offset, len(self._examples)) for offset in range(self._settings.batch_size)]
        return Batch(
            examples=[self._examples[self._order(epoch)[place]] for epoch, place in places],
            visits=[epoch for epoch, _ in places],
            epoch=first / len(self._examples),
        )

    def _order_of(self, epoch: int) -> list[int]:
        return permutation([example.id for example in self._examples], self._settings.seed, "examples", epoch)


def losses_of(taken: Batch, settings: TuningSettings, *, step: int, kind: Kind | None) -> list[Loss]:
    """The losses of an update's micro-batches, which add up to its mean over the tokens that are predicted."""
    starts = range(0, settings.batch_size, settings.micro_batch_size)
    rows = [range(first, first + settings.micro_batch_size) for first in starts]
    make = _diffusion_loss(taken, settings, step=step, kind=kind) if kind else _causal_loss(taken)
    return [partial(make, rows=each) for each in rows]


def _causal_loss(taken: Batch) -> Callable[..., torch.Tensor]:
    num_tokens = sum(len(example.answer) for example in taken.examples)

    def loss(model: torch.nn.Module, *, rows: range) -> torch.Tensor:
        examples = [taken.examples[row] for row in rows]
        batch = completion_batch([each.question for each in examples], [each.answer for each in examples], device=_HOST)
        logprobs_CT, _ = completion_logprobs(model, batch, temperature=1.0)
        # Zeros where there is no token of an answer.
        return -logprobs_CT.sum() / num_tokens

    return loss


def _diffusion_loss(taken: Batch, settings: TuningSettings, *, step: int, kind: Kind) -> Callable[..., torch.Tensor]:
    seed, noising = settings.seed, settings.noising
    longest = max(len(example.answer) for example in taken.examples)
    length = settings.max_new_tokens if settings.padding == "fixed" else longest
    levels_B = noise_levels(batch_size=settings.batch_size, seed=seed, step=step, least=noising.least_noise)
    share = conditional_share(taken.epoch, settings.unconditional_epochs)
    keys = [(example.id, visit) for example, visit in zip(taken.examples, taken.visits, strict=True)]
    given = [is_conditional(*key, seed=seed, share=share) for key in keys]
    whole = num_maskable(taken.examples, given, kind=kind, length=length)

    def loss(model: torch.nn.Module, *, rows: range) -> torch.Tensor:
        part = slice(rows.start, rows.stop)
        clean = clean_examples(taken.examples[part], given[part], length=length, kind=kind, device=_HOST)
        noisy = add_noise(clean, levels_B[part], keys=keys[part], seed=seed, mask_id=kind.mask_id, settings=noising)
        return diffusion_loss(model, clean, noisy, kind=kind, num_maskable=whole)

    return loss
