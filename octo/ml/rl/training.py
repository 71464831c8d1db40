"""GRPO: sample a group of completions for each prompt, reward them, and follow the ones above their group's mean."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from transformers import PreTrainedModel

from octo.data.benchmarks import STATEMENT
from octo.data.practice import read_practice
from octo.data.tokenizer import TextTokenizer, read_tokenizer
from octo.errors import UsageError
from octo.job import Job
from octo.ml.attention import attend_by_documents
from octo.ml.chat import prompter
from octo.ml.checkpoint import Checkpoints
from octo.ml.diffusion.denoiser import is_diffusion, kind_of
from octo.ml.engine import Engine, gathering
from octo.ml.lengths import check_questions
from octo.ml.loading import load_to_train
from octo.ml.models import model_parts, use_threads
from octo.ml.rl import causal_policy
from octo.ml.rl.diffusion_policy import DiffusionPolicy, Reference
from octo.ml.rl.ranks import Sampler, collect_weights, open_sampler
from octo.ml.rl.rewards import rewarding
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Denoising, chunks_of
from octo.ml.rl.step import all_asked, questions_of, roll_out
from octo.ml.rl.weights import Weights
from octo.ml.schedule import learning_rate
from octo.ml.stops import Stops
from octo.settings.rl import RlSettings
from octo.storage.artifacts import IndexResult
from octo.trainings import advance, train_each, training_of

NUM_KEPT_STEPS = 5

Update = Callable[..., dict[str, float]]
"""From a rollout, with the step and the rate, to the figures of its update."""


@dataclass
class Record:
    """What is kept of a training for people: figures of each step, and a few rollouts."""

    metrics: list[dict[str, float]] = field(default_factory=list)
    rollouts: list[dict[str, object]] = field(default_factory=list)


def reinforce(job: Job[RlSettings]) -> None:
    """Train the policy, once for each seed, and commit it with its metrics and some of its rollouts."""
    train_each(job, train)


def train(job: Job[RlSettings], index: int) -> IndexResult:
    """The whole training of a seed as one result: every step is done, or nothing is committed."""
    job = training_of(job, index)
    settings = job.settings
    use_threads(settings.threads)
    num_completions = settings.prompts_per_step * settings.group_size
    start = job.input("model")
    tokenizer = read_tokenizer(start)
    asks = prompter(tokenizer, chat_template=settings.chat_template)
    practice = read_practice(
        job.input("problems"), source=settings.source, benchmarks=job.inputs["benchmarks"], settings=settings
    )
    questions = practice.questions
    model = load_to_train(start, scratch=job.scratch, settings=settings.optimizer, gang=settings.gang)
    check_questions(model.config, asks, all_asked(questions, settings), max_new_tokens=settings.max_new_tokens)
    with gathering(model):
        attend_by_documents(model)
    engine = Engine(
        model,
        settings=settings.optimizer,
        micro_batches=num_completions // settings.micro_batch_size,
        gang=settings.gang,
    )
    stops = Stops(tokenizer, settings.stops)
    sampler = open_sampler(job, model, device=engine.device, stops=stops)
    denoising = _denoising(model, tokenizer, settings)
    update = _update_of(job, engine, model, tokenizer)
    checkpoints = Checkpoints(job, engine, num_steps=settings.num_steps, every=settings.gang.checkpoint_every)
    first, restored = checkpoints.restore()
    record = Record(**restored)
    with rewarding(settings.reward, questions, device=engine.device) as reward, checkpoints:
        for step in range(first, settings.num_steps):
            with job.telemetry.span("octo.rl.step", {"octo.step": step + 1}):
                with job.telemetry.span("octo.rl.rollout", {"octo.step": step + 1}) as span:
                    weights = collect_weights(job, engine)
                    span.set_attribute("octo.rollout.weights", weights.digest)
                    rollout = roll_out(
                        partial(_complete, sampler, weights, tokenizer, settings, denoising, step=step),
                        asks,
                        questions_of(questions, settings, step),
                        group_size=settings.group_size,
                        reward=reward,
                        read=stops.text,
                        weights=weights.digest,
                    )
                figures = update(rollout, step=step, rate=_rate(settings, step))
            record.metrics.append({"step": step + 1, **figures})
            if step % max(1, settings.num_steps // NUM_KEPT_STEPS) == 0 or step == settings.num_steps - 1:
                record.rollouts.extend(rollout.kept(step + 1))
            advance(job, step + 1, settings.num_steps, reward=figures["reward"])
            checkpoints.after(step + 1, asdict(record))
    return IndexResult(
        parts={
            **model_parts(model.config, engine.weights(), job.scratch / "model"),
            **tokenizer.files,
            "metrics.jsonl": _lines(record.metrics),
            "rollouts.jsonl": _lines(record.rollouts),
            STATEMENT: practice.statement.written(),
        },
        counters={
            **practice.counters(),
            "steps": settings.num_steps,
            "completions": settings.num_steps * num_completions,
        },
    )


def _complete(
    sampler: Sampler,
    weights: Weights,
    tokenizer: TextTokenizer,
    settings: RlSettings,
    denoising: Denoising | None,
    prompts: Sequence[Sequence[int]],
    *,
    step: int,
) -> Completions:
    """The completions of a step."""
    return sampler(chunks_of(prompts, settings, step=step, ends=tokenizer.ends, denoising=denoising), weights)


def _denoising(model: PreTrainedModel, tokenizer: TextTokenizer, settings: RlSettings) -> Denoising | None:
    """How completions are sampled, where the policy is a diffusion model."""
    if not is_diffusion(model.config):
        return None
    if settings.rollout.engine == "vllm":
        raise UsageError("--rollout.engine=vllm samples causal models alone: take torch for a diffusion model")
    return Denoising(
        settings=settings.diffusion.denoising.model_copy(update={"temperature": settings.temperature}),
        pad_id=kind_of(model.config).pad_id,
        num_tokens=tokenizer.vocabulary_size,
    )


def _update_of(job: Job[RlSettings], engine: Engine, model: PreTrainedModel, tokenizer: TextTokenizer) -> Update:
    """How the policy is updated: by the likelihoods of its tokens, or by scores that stand for them."""
    settings = job.settings
    if not is_diffusion(model.config):
        return partial(causal_policy.update, engine, settings=settings)
    reference = Reference(job, model) if settings.diffusion.kl_weight else None
    policy = DiffusionPolicy(engine, settings, kind=kind_of(model.config), ends=tokenizer.ends, reference=reference)
    return partial(policy.update, model)


def _rate(settings: RlSettings, step: int) -> float:
    return learning_rate(
        step,
        num_steps=settings.num_steps,
        peak=settings.learning_rate,
        schedule="constant",
        warmup_steps=settings.warmup_steps,
        final_share=1.0,
    )


def _lines(rows: Sequence[object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
