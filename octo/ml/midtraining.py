"""Mid-training: next-token prediction on packed documents, at a stable or a decaying rate."""

import json
from functools import partial

import torch

from octo.data.packed import PackedTokens, read_packed
from octo.errors import UsageError
from octo.job import Job
from octo.ml.batches import language_model_loss, num_predicted, packed_batch
from octo.ml.checkpoint import Checkpoints
from octo.ml.engine import Engine, StepResult
from octo.ml.models import load_model, model_parts, new_model, use_threads
from octo.ml.schedule import learning_rate
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import IndexResult
from octo.storage.checkpoints import discard


def midtrain(job: Job[MidtrainingSettings]) -> None:
    """Train a model on the packed tokens and commit it with its metrics."""
    job.each(train, range(1))
    if job.rank == 0:
        discard(job.store, job.output.digest)


def train(job: Job[MidtrainingSettings], _index: int) -> IndexResult:
    """The whole training as one result: every step is done, or nothing is committed."""
    settings = job.settings
    use_threads(settings.threads)
    tokens = job.input("tokens")
    packed = read_packed(tokens)
    num_steps = plan_steps(settings, packed.num_sequences)
    if settings.model:
        model = load_model(job.input("model"))
    else:
        model = new_model(
            settings.shape, vocabulary_size=packed.vocabulary_size, context=packed.sequence_length, seed=settings.seed
        )
    engine = Engine(
        model,
        settings=settings.optimizer,
        micro_batches=settings.batch_size // settings.micro_batch_size,
        nccl=settings.gang.nccl,
    )
    model.train()
    checkpoints = Checkpoints(job, engine, num_steps=num_steps, every=settings.gang.checkpoint_every)
    first, restored = checkpoints.restore()
    metrics = restored.get("metrics", [])
    with checkpoints:
        for step in range(first, num_steps):
            metrics.append(_step(job, engine, packed, step=step, num_steps=num_steps))
            job.progress.advance(step + 1, num_steps, "steps", loss=metrics[-1]["loss"])
            checkpoints.after(step + 1, {"metrics": metrics})
    return IndexResult(
        parts={
            **model_parts(model, engine.weights()),
            "tokenizer.json": tokens.read_one("tokenizer.json"),
            "metrics.jsonl": "".join(json.dumps(line) + "\n" for line in metrics).encode(),
        },
        counters={"steps": num_steps, "tokens": num_steps * settings.batch_size * packed.sequence_length},
    )


def _step(
    job: Job[MidtrainingSettings], engine: Engine, packed: PackedTokens, *, step: int, num_steps: int
) -> dict[str, float]:
    """One update, under a span of its own, and the figures that describe it."""
    settings = job.settings
    rate = learning_rate(
        step,
        num_steps=num_steps,
        peak=settings.learning_rate,
        schedule=settings.schedule,
        warmup_steps=settings.warmup_steps,
        final_share=settings.final_share,
    )
    with job.telemetry.span("octo.midtraining.step", {"octo.step": step + 1}):
        result = train_step(engine, packed, settings, step=step, rate=rate)
    return {
        "step": step + 1,
        "loss": result.loss,
        "learning_rate": rate,
        "gradient_norm": result.gradient_norm,
        "tokens": (step + 1) * settings.batch_size * packed.sequence_length,
    }


def train_step(
    engine: Engine, packed: PackedTokens, settings: MidtrainingSettings, *, step: int, rate: float
) -> StepResult:
    """One update on the step's sequences, in micro-batches."""
    first, size = step * settings.batch_size, settings.micro_batch_size
    whole = num_predicted(packed, first, settings.batch_size)
    starts = range(first, first + settings.batch_size, size)
    return engine.step(
        [partial(_loss, packed=packed, first=start, count=size, num_predicted=whole) for start in starts],
        learning_rate=rate,
    )


def _loss(model: torch.nn.Module, *, packed: PackedTokens, first: int, count: int, num_predicted: int) -> torch.Tensor:
    """The loss of one micro-batch, which only the rank that computes it brings to its device."""
    batch = packed_batch(packed, first, count, device=next(model.parameters()).device)
    return language_model_loss(model, batch, num_predicted=num_predicted)


def plan_steps(settings: MidtrainingSettings, num_sequences: int) -> int:
    """How many updates to do: as many as asked, or one pass over the sequences."""
    if settings.batch_size % settings.micro_batch_size:
        raise UsageError(
            f"--micro-batch-size {settings.micro_batch_size} must divide --batch-size {settings.batch_size}"
        )
    available = num_sequences // settings.batch_size
    if max(1, settings.num_steps) > available:
        raise UsageError(
            f"{max(1, settings.num_steps)} steps of {settings.batch_size} sequences need more than the {num_sequences} "
            "that the tokens hold: lower --num-steps or --batch-size, or ask tokenization for more tokens"
        )
    return settings.num_steps or available
