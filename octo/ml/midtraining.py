"""Mid-training on packed documents, at a stable or a decaying rate: of the next token, or of masked ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel

from octo.data.mixture import Mixture, mixture_of
from octo.data.packed import PackedSequences
from octo.data.sequences import SequenceReader, names_of
from octo.data.token_presence import check_whole
from octo.data.token_shards import TokenShards, open_token_shards
from octo.data.tokenizer import TextTokenizer, read_tokenizer, tokenizer_of
from octo.errors import InputError, UsageError
from octo.job import Job
from octo.kept_steps import KeptSteps, kept_steps
from octo.ml.batches import language_model_loss, num_predicted, packed_batch
from octo.ml.compiled import compile_layers
from octo.ml.diffusion.adaptation import adapt
from octo.ml.diffusion.denoiser import Kind, check_causal, is_diffusion, kind_of
from octo.ml.diffusion.noising import add_noise, diffusion_loss, noise_levels
from octo.ml.diffusion.packed import clean_batch, num_maskable, openness
from octo.ml.engine import Engine, gathering
from octo.ml.lengths import check_sequences
from octo.ml.loading import load_to_train, make_ready
from octo.ml.loop import METRICS, Lines, Phases, Plan, Step, Update, described, train_by, written
from octo.ml.meter import Work
from octo.ml.models import model_parts, new_model, use_threads
from octo.ml.optimizer_files import check_optimizer, continue_optimizer, optimizer_parts
from octo.ml.placement import take_place
from octo.ml.schedule import rates
from octo.ml.sequences import (
    Tokens,
    epochs_of,
    micro_batches,
    mixture_record,
    plan_steps,
    schedule,
    sequences_of,
    warn_of_epochs,
)
from octo.ml.source_losses import SourceLosses
from octo.ml.told import BY_SOURCE
from octo.model_files import OPTIMIZER, TOKENIZER
from octo.processes import rank, world_size
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import Artifact, IndexResult
from octo.trainings import train_each, training_of
from octo.transformer_shape import operations_of_a_token, shape_of

Loss = Callable[[torch.nn.Module], torch.Tensor]
Note = Callable[[range, torch.Tensor], None]
"""Takes the sums of a micro-batch's losses, by its sequences."""
Batches = Mapping[range, PackedSequences]
"""The micro-batches of a step that this rank computes, by the indexes of their sequences."""


class Start(NamedTuple):
    """What a training begins with."""

    model: PreTrainedModel
    tokenizer: TextTokenizer
    """That goes on with the model."""


def midtrain(job: Job[MidtrainingSettings]) -> None:
    """Train a model on the packed tokens, once for each seed, and commit it with its metrics."""
    train_each(job, train)
    if job.rank == 0:
        _kept(job).finish()


def train(job: Job[MidtrainingSettings], index: int) -> IndexResult:
    """The whole training of a seed as one result: every step is done, or nothing is committed."""
    kept = _kept(job)
    job = training_of(job, index)
    settings = job.settings
    use_threads(settings.threads)
    take_place(settings)
    shards, mixture, num_steps = _data_of(job)
    if job.rank == 0:
        check_whole(shards, mixture.sources)
    rate = rates(settings, num_steps=settings.schedule_steps or num_steps, warmup_steps=settings.warmup_steps)
    start = _start_of(job, shards)
    engine = Engine(
        start.model,
        settings=settings.optimizer,
        micro_batches=settings.batch_size // settings.micro_batch_size,
        gang=settings.gang,
        sequence_parallel=settings.sequence_parallel,
    )
    start.model.train()
    if job.rank == 0:
        warn_of_epochs(mixture, (settings.first_step + num_steps) * settings.batch_size, most=settings.most_epochs)
    plan = Plan(
        num_steps,
        rate,
        num_trainings=settings.num_seeds,
        kept=kept,
        work=_work_of(start.model, settings, length=shards.format.sequence_length),
        epochs=lambda steps: epochs_of(mixture, (settings.first_step + steps) * settings.batch_size),
    )
    opened = partial(_opened, job, engine, start, shards, mixture, plan=plan)
    return train_by(job, engine, plan, opened)


def _data_of(job: Job[MidtrainingSettings]) -> tuple[TokenShards, Mixture, int]:
    """The tokens, how they are mixed, and how many updates are made of them."""
    shards = open_token_shards(job.inputs["tokens"])
    mixture = mixture_of(job.settings.weights, shards.counts, seed=job.settings.seed)
    return shards, mixture, plan_steps(job.settings, mixture)


def _kept(job: Job[MidtrainingSettings]) -> KeptSteps:
    """The steps that are committed on the way, of the job's trainings together."""
    return kept_steps(job, num_steps=_data_of(job)[2] if job.settings.keep_steps else 0)


def _work_of(model: PreTrainedModel, settings: MidtrainingSettings, *, length: int) -> Work:
    """What a step asks of a device."""
    optimizer, operations = settings.optimizer, 0.0
    # Of a model whose shape is not known nothing is guessed.
    with suppress(InputError):
        operations = operations_of_a_token(
            shape_of(model.config.to_dict()),
            seen=length if settings.objective == "diffusion" else length / 2,
            computed_again=optimizer.gradient_checkpointing * optimizer.checkpointed_layers,
        )
    return Work(settings.batch_size * length, operations, in_bfloat16=optimizer.precision == "bfloat16")


def _start_of(job: Job[MidtrainingSettings], shards: TokenShards) -> Start:
    """A new model, or the one that is continued."""
    settings = job.settings
    if settings.continue_optimizer:
        check_optimizer(job.input("model"), settings.optimizer)
    if settings.model:
        tokenizer = tokenizer_of_both(job.input("model"), shards.tokenizer)
        model = load_to_train(
            job.input("model"),
            scratch=job.scratch,
            settings=settings.optimizer,
            gang=settings.gang,
            whole=lambda config: settings.objective == "diffusion" and not is_diffusion(config),
        )
    else:
        tokenizer = read_tokenizer(shards.tokenizer)
        model = new_model(
            settings.shape,
            vocabulary_size=shards.vocabulary_size,
            context=shards.format.sequence_length,
            seed=settings.seed,
            end_id=tokenizer.end_id,
        )
    check_vocabulary(model, shards)
    check_sequences(model.config, shards.format.sequence_length)
    if settings.objective == "diffusion":
        # A model that has a mask keeps it, and is not given another; the corpus's tokenizer may know of none.
        tokenizer = read_tokenizer(job.input("model")) if is_diffusion(model.config) else tokenizer.with_mask()
        with gathering(model):
            adapt(model, tokenizer, attention=settings.noising.attention)
    else:
        check_causal(model.config, asked="--objective causal")
    make_ready(model, lora=settings.lora, seed=settings.seed)
    if settings.compile == "layers":
        compile_layers(model, scratch=job.scratch)
    return Start(model, tokenizer)


@contextmanager
def _opened(
    job: Job[MidtrainingSettings],
    engine: Engine,
    start: Start,
    shards: TokenShards,
    mixture: Mixture,
    first: int,
    saved: Mapping[str, Any],
    *,
    plan: Plan,
) -> Iterator[Phases[Batches]]:
    """The phases of this training, which goes on after its first so many steps."""
    settings, length = job.settings, shards.format.sequence_length
    kind = kind_of(start.model.config) if settings.objective == "diffusion" else None
    tokens = Tokens(engine, mixture, saved.get("tokens", {}))
    if settings.continue_optimizer and not first:
        continue_optimizer(job.input("model"), start.model, engine, scratch=job.scratch)

    def update(batches: Batches, step: Step) -> Update:
        tokens.count(batches)
        dealt = micro_batches(settings, step.number)
        sums = SourceLosses(mixture, dealt, together=settings.sequence_parallel) if len(mixture.sources) > 1 else None
        made = train_step(engine, batches, settings, step=step, kind=kind, sums=sums)
        return replace(made, names=partial(names_of, shards, mixture, sequences_of(settings, step.number)))

    def result(steps: int, lines: Lines) -> IndexResult:
        folder = job.scratch / f"model-{job.training}-{steps}"
        sequences = steps * settings.batch_size
        told = mixture_record(settings, shards, mixture, num_sequences=sequences, tokens=tokens.whole())
        return IndexResult(
            parts={
                **model_parts(start.model.config, engine.weights(), folder),
                **(optimizer_parts(engine, folder / OPTIMIZER) if settings.keep_optimizer else {}),
                **start.tokenizer.files,
                METRICS: written(lines),
                "mixture.json": told,
            },
            counters={"steps": steps, "tokens": sequences * length},
        )

    with SequenceReader(
        shards,
        mixture,
        folder=job.scratch / "tokens",
        cache_bytes=int(settings.cache_gib * 2**30),
        schedule=schedule(settings, range(first, plan.num_steps), **_share(settings)),
    ) as reader:
        read = partial(map, partial(read_step, reader, settings))
        yield Phases(read, update, lambda: {"tokens": tokens.whole()}, result)


def check_vocabulary(model: PreTrainedModel, shards: TokenShards) -> None:
    """UsageError when the tokens have ids that the model has no embedding for."""
    room = model.config.vocab_size
    if shards.vocabulary_size > room:
        raise UsageError(
            f"the tokens of {shards.tokenizer.address} have ids below {shards.vocabulary_size}, and the model has "
            f"embeddings for {room}: tokenize the corpus with --tokenizer and the model's address"
        )


def tokenizer_of_both(model: Artifact, tokens: Artifact) -> TextTokenizer:
    """What a model that is trained on goes on with: its own tokenizer, whose files say how it chats and what ends it.

    Either may have more tokens behind those of the other, such as a mask; the one that has more knows all.

    Raises:
        UsageError: the model's gives texts other ids than the tokens' own does.
    """
    held = [part.sha256 for part in model.parts(TOKENIZER)]
    if not held:
        return read_tokenizer(tokens)
    mine = read_tokenizer(model)
    if held == [part.sha256 for part in tokens.parts(TOKENIZER)]:
        return mine
    theirs = read_tokenizer(tokens)
    shared = min(mine.vocabulary_size, theirs.vocabulary_size)
    pairs = mine.tokenizer.get_vocab().items() ^ theirs.tokenizer.get_vocab().items()
    first = min((number for _, number in pairs if number < shared), default=None)
    if first is not None:
        spelt = [each.tokenizer.id_to_token(first) for each in (theirs, mine)]
        raise UsageError(
            f"the tokens of {tokens.address} are of another tokenizer than the model {model.address}: token {first} is "
            f"{spelt[0]!r} to one and {spelt[1]!r} to the other: tokenize the corpus with --tokenizer {model.address}"
        )
    if mine.vocabulary_size >= theirs.vocabulary_size:
        return mine
    return tokenizer_of({**mine.files, TOKENIZER: theirs.files[TOKENIZER]}, name=model.address)


def read_step(reader: SequenceReader, settings: MidtrainingSettings, step: int) -> Batches:
    """This rank's micro-batches of a step."""
    own = micro_batches(settings, step, **_share(settings))
    return {wanted: reader.rows(wanted.start, len(wanted)) for wanted in own}


def _share(settings: MidtrainingSettings) -> dict[str, int]:
    """Which micro-batches this rank computes: ranks that compute sequences together are dealt to as one."""
    together = settings.sequence_parallel
    return {"rank": rank() // together, "ranks": world_size() // together}


def train_step(
    engine: Engine,
    batches: Batches,
    settings: MidtrainingSettings,
    *,
    step: Step,
    kind: Kind | None = None,
    sums: SourceLosses | None = None,
) -> Update:
    """One update on the step's sequences, in micro-batches; of a diffusion model where its kind is given.

    Each rank has its own micro-batches alone. Where there are `sums`, the loss of each source is among the figures.
    """
    note = sums.note if sums else None
    if kind:
        losses = _diffusion_losses(engine, batches, settings, step=step.number, kind=kind, note=note)
    else:
        losses = _causal_losses(engine, batches, settings, step=step.number, note=note)
    result = engine.step(losses, learning_rate=step.rate, most_loss=step.most_loss)
    if sums:
        sums.send()
    done = (step.number + 1) * settings.batch_size * next(iter(batches.values())).tokens_NS.shape[1]

    def figures() -> Mapping[str, float]:
        by_source = {f"{BY_SOURCE}{source}": loss for source, loss in sums.by_source().items()} if sums else {}
        return {**described([result], step.rate), "tokens": done, **by_source}

    return Update([result], [losses], figures)


def _causal_losses(
    engine: Engine, batches: Batches, settings: MidtrainingSettings, *, step: int, note: Note | None
) -> list[Loss]:
    whole = engine.count(sum(map(num_predicted, batches.values())))

    def loss(model: torch.nn.Module, *, wanted: range) -> torch.Tensor:
        batch = packed_batch(batches[wanted])
        return language_model_loss(model, batch, num_predicted=whole, note=partial(note, wanted) if note else None)

    return [partial(loss, wanted=wanted) for wanted in micro_batches(settings, step)]


def _diffusion_losses(
    engine: Engine, batches: Batches, settings: MidtrainingSettings, *, step: int, kind: Kind, note: Note | None
) -> list[Loss]:
    noising, seed, place = settings.noising, settings.seed, settings.first_step + step
    levels_B = noise_levels(batch_size=settings.batch_size, seed=seed, step=place, least=noising.least_noise)
    own = sum(
        num_maskable(packed, wanted, kind=kind, seed=seed, settings=noising) for wanted, packed in batches.items()
    )
    whole = engine.count(own)

    def loss(model: torch.nn.Module, *, wanted: range) -> torch.Tensor:
        batch = packed_batch(batches[wanted])
        clean = clean_batch(batch, wanted, kind=kind, seed=seed, open_share=openness(place, noising), settings=noising)
        levels = levels_B[wanted.start - place * settings.batch_size :][: len(wanted)]
        keys = [(sequence,) for sequence in wanted]
        noisy = add_noise(clean, levels, keys=keys, seed=seed, mask_id=kind.mask_id, settings=noising)
        told = partial(note, wanted) if note else None
        return diffusion_loss(model, clean, noisy, kind=kind, num_maskable=whole, note=told)

    return [partial(loss, wanted=wanted) for wanted in micro_batches(settings, step)]
