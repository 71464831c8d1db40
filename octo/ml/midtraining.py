"""Mid-training on packed documents, at a stable or a decaying rate: of the next token, or of masked ones."""

import json
from collections.abc import Callable
from functools import partial

import torch

from octo.data.packed import PackedTokens, read_packed
from octo.data.tokenizer import read_tokenizer
from octo.errors import UsageError
from octo.job import Job
from octo.ml.attention import attend_by_documents
from octo.ml.batches import language_model_loss, num_predicted, packed_batch
from octo.ml.checkpoint import Checkpoints
from octo.ml.diffusion.adaptation import adapt
from octo.ml.diffusion.denoiser import Kind, check_causal, kind_of
from octo.ml.diffusion.noising import add_noise, diffusion_loss, noise_levels
from octo.ml.diffusion.packed import clean_batch, num_maskable, openness
from octo.ml.engine import Engine, StepResult
from octo.ml.models import load_model, model_parts, new_model, use_threads
from octo.ml.schedule import learning_rate
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import IndexResult
from octo.storage.checkpoints import discard

Loss = Callable[[torch.nn.Module], torch.Tensor]


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
    tokenizer = read_tokenizer(tokens)
    if settings.model:
        model = load_model(job.input("model"), scratch=job.scratch)
    else:
        model = new_model(
            settings.shape,
            vocabulary_size=packed.vocabulary_size,
            context=packed.sequence_length,
            seed=settings.seed,
            end_id=tokenizer.end_id,
        )
    if settings.objective == "diffusion":
        tokenizer = tokenizer.with_mask()
        adapt(model, tokenizer, attention=settings.noising.attention)
    else:
        check_causal(model.config, asked="--objective causal")
    attend_by_documents(model)
    kind = kind_of(model.config) if settings.objective == "diffusion" else None
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
            metrics.append(_step(job, engine, packed, step=step, num_steps=num_steps, kind=kind))
            job.progress.advance(step + 1, num_steps, "steps", loss=metrics[-1]["loss"])
            checkpoints.after(step + 1, {"metrics": metrics})
    return IndexResult(
        parts={
            **model_parts(model.config, engine.weights().items(), job.scratch / "model"),
            **tokenizer.files,
            "metrics.jsonl": "".join(json.dumps(line) + "\n" for line in metrics).encode(),
        },
        counters={"steps": num_steps, "tokens": num_steps * settings.batch_size * packed.sequence_length},
    )


def _step(
    job: Job[MidtrainingSettings],
    engine: Engine,
    packed: PackedTokens,
    *,
    step: int,
    num_steps: int,
    kind: Kind | None,
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
        result = train_step(engine, packed, settings, step=step, rate=rate, kind=kind)
    return {
        "step": step + 1,
        "loss": result.loss,
        "learning_rate": rate,
        "gradient_norm": result.gradient_norm,
        "tokens": (step + 1) * settings.batch_size * packed.sequence_length,
    }


def train_step(
    engine: Engine,
    packed: PackedTokens,
    settings: MidtrainingSettings,
    *,
    step: int,
    rate: float,
    kind: Kind | None = None,
) -> StepResult:
    """One update on the step's sequences, in micro-batches; of a diffusion model where its kind is given."""
    first, size = step * settings.batch_size, settings.micro_batch_size
    starts = range(first, first + settings.batch_size, size)
    if kind:
        losses = _diffusion_losses(packed, settings, starts, step=step, kind=kind, device=engine.device)
    else:
        losses = _causal_losses(packed, settings, starts, device=engine.device)
    return engine.step(losses, learning_rate=rate)


def _causal_losses(
    packed: PackedTokens, settings: MidtrainingSettings, starts: range, *, device: torch.device
) -> list[Loss]:
    whole = num_predicted(packed, starts[0], settings.batch_size)

    def loss(model: torch.nn.Module, *, first: int) -> torch.Tensor:
        # Only the rank that computes a micro-batch brings it to its device.
        batch = packed_batch(packed, first, settings.micro_batch_size, device=device)
        return language_model_loss(model, batch, num_predicted=whole)

    return [partial(loss, first=start) for start in starts]


def _diffusion_losses(
    packed: PackedTokens, settings: MidtrainingSettings, starts: range, *, step: int, kind: Kind, device: torch.device
) -> list[Loss]:
    noising, seed = settings.noising, settings.seed
    levels_B = noise_levels(batch_size=settings.batch_size, seed=seed, step=step, least=noising.least_noise)
    whole = num_maskable(packed, starts[0], settings.batch_size, kind=kind, seed=seed, settings=noising)

    def loss(model: torch.nn.Module, *, first: int) -> torch.Tensor:
        sequences = range(first, first + settings.micro_batch_size)
        batch = packed_batch(packed, first, settings.micro_batch_size, device=device)
        clean = clean_batch(
            batch, sequences, kind=kind, seed=seed, open_share=openness(step, noising), settings=noising
        )
        levels = levels_B[first - starts[0] :][: settings.micro_batch_size]
        keys = [(sequence,) for sequence in sequences]
        noisy = add_noise(clean, levels, keys=keys, seed=seed, mask_id=kind.mask_id, settings=noising)
        return diffusion_loss(model, clean, noisy, kind=kind, num_maskable=whole)

    return [partial(loss, first=start) for start in starts]


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
