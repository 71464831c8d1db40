"""GRPO: sample a group of completions for each prompt, reward them, and follow the ones above their group's mean."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import torch
from tokenizers import Tokenizer

from octo.data.questions import Question, read_questions
from octo.data.tokenizer import end_of_text
from octo.data.tokenizer import load as load_tokenizer
from octo.errors import InvariantError, UsageError
from octo.job import Job
from octo.ml.checkpoint import Checkpoints
from octo.ml.engine import Engine
from octo.ml.models import load_model, model_parts, use_threads
from octo.ml.rl.grpo import group_advantages, groups_without_variance, policy_loss
from octo.ml.rl.logprobs import CompletionBatch, completion_batch, completion_logprobs
from octo.ml.rl.ranks import Sampler, collect_weights, open_sampler
from octo.ml.rl.rewards import Rewarder, rewarding
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import chunks_of
from octo.ml.rl.weights import Weights
from octo.ml.schedule import learning_rate
from octo.ml.scoring import Attempt
from octo.randomness import permutation
from octo.settings.rl import RlSettings
from octo.storage.artifacts import IndexResult
from octo.storage.checkpoints import discard

NUM_KEPT_STEPS = 5
KEPT_PER_STEP = 4


@dataclass
class Statistics:
    """What the micro-batches of one update add up to."""

    clip_fraction: float = 0.0
    entropy: float = 0.0
    logprob_gap: float = 0.0


@dataclass(frozen=True)
class Rollout:
    """The completions of one update, in groups of `group_size` after each other, and their rewards."""

    questions: list[Question]
    prompts: list[list[int]]
    completions: Completions
    texts: list[str]
    rewards_PG: torch.Tensor
    """NaN where no verdict could be reached."""
    weights: str
    """Digest of the weights that made all of them."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What the rewards are made of."""


@dataclass
class Record:
    """What is kept of a training for people: figures of each step, and a few rollouts."""

    metrics: list[dict[str, float]] = field(default_factory=list)
    rollouts: list[dict[str, object]] = field(default_factory=list)


def reinforce(job: Job[RlSettings]) -> None:
    """Train the policy and commit it with its metrics and some of its rollouts."""
    job.each(train, range(1))
    if job.rank == 0:
        discard(job.store, job.output.digest)


def train(job: Job[RlSettings], _index: int) -> IndexResult:
    """The whole training as one result: every step is done, or nothing is committed."""
    settings = job.settings
    use_threads(settings.threads)
    num_completions = settings.prompts_per_step * settings.group_size
    if num_completions % settings.micro_batch_size:
        raise UsageError(
            f"--micro-batch-size {settings.micro_batch_size} must divide the {num_completions} completions of a step"
        )
    start = job.input("model")
    tokenizer = load_tokenizer(start.read_one("tokenizer.json"), name=start.address)
    questions = read_questions(job.input("problems"), source=settings.source)
    model = load_model(start)
    engine = Engine(
        model,
        settings=settings.optimizer,
        micro_batches=num_completions // settings.micro_batch_size,
        nccl=settings.gang.nccl,
    )
    sampler = open_sampler(job, model, device=engine.device)
    checkpoints = Checkpoints(job, engine, num_steps=settings.num_steps, every=settings.gang.checkpoint_every)
    first, restored = checkpoints.restore()
    record = Record(**restored)
    with rewarding(settings.reward, questions, device=engine.device) as reward, checkpoints:
        for step in range(first, settings.num_steps):
            with job.telemetry.span("octo.rl.step", {"octo.step": step + 1}):
                with job.telemetry.span("octo.rl.rollout", {"octo.step": step + 1}) as span:
                    weights = collect_weights(job, engine)
                    span.set_attribute("octo.rollout.weights", weights.digest)
                    asked = _questions_of(questions, settings, step)
                    rollout = roll_out(sampler, weights, tokenizer, asked, settings, reward=reward, step=step)
                figures = update(engine, rollout, settings, rate=_rate(settings, step))
            record.metrics.append({"step": step + 1, **figures})
            if step % max(1, settings.num_steps // NUM_KEPT_STEPS) == 0 or step == settings.num_steps - 1:
                record.rollouts.extend(_kept(rollout, step + 1))
            job.progress.advance(step + 1, settings.num_steps, "steps", reward=figures["reward"])
            checkpoints.after(step + 1, asdict(record))
    return IndexResult(
        parts={
            **model_parts(model, engine.weights()),
            "tokenizer.json": start.read_one("tokenizer.json"),
            "metrics.jsonl": _lines(record.metrics),
            "rollouts.jsonl": _lines(record.rollouts),
        },
        counters={"steps": settings.num_steps, "completions": settings.num_steps * num_completions},
    )


def roll_out(
    sampler: Sampler,
    weights: Weights,
    tokenizer: Tokenizer,
    questions: list[Question],
    settings: RlSettings,
    *,
    reward: Rewarder,
    step: int,
) -> Rollout:
    """Sample `group_size` completions of each question and reward them."""
    prompts = [tokenizer.encode(question.text, add_special_tokens=False).ids for question in questions]
    completions = sampler(chunks_of(prompts, settings, step=step, end_id=end_of_text(tokenizer)), weights)
    texts = [tokenizer.decode(tokens) for tokens in completions.tokens]
    rewards = reward(
        [
            Attempt(questions[row // settings.group_size], text, finished)
            for row, (text, finished) in enumerate(zip(texts, completions.finished, strict=True))
        ]
    )
    return Rollout(
        questions=questions,
        prompts=[prompt for prompt in prompts for _ in range(settings.group_size)],
        completions=completions,
        texts=texts,
        rewards_PG=rewards.rewards_C.view(len(prompts), settings.group_size),
        weights=weights.digest,
        figures=rewards.figures,
    )


def update(engine: Engine, rollout: Rollout, settings: RlSettings, *, rate: float) -> dict[str, float]:
    """One optimizer step on the rollout; the figures that describe it."""
    completions = rollout.completions
    advantages_C = group_advantages(rollout.rewards_PG, normalize=settings.normalize_advantages).flatten()
    num_tokens = sum(map(len, completions.tokens))
    # Completions of like length go together: one straggler would stretch every row beside it.
    order = sorted(range(len(completions.tokens)), key=lambda row: len(completions.tokens[row]))
    statistics = Statistics()
    losses = [
        partial(
            _micro_batch_loss,
            rows=order[first : first + settings.micro_batch_size],
            rollout=rollout,
            advantages_C=advantages_C,
            num_tokens=num_tokens,
            settings=settings,
            statistics=statistics,
        )
        for first in range(0, len(completions.tokens), settings.micro_batch_size)
    ]
    result = engine.step(losses, learning_rate=rate)
    rewards_PG = rollout.rewards_PG
    return {
        "reward": rewards_PG.nanmean().item(),
        "response_length": num_tokens / len(completions.tokens),
        "truncated": 1 - sum(completions.finished) / len(completions.finished),
        "zero_variance_groups": groups_without_variance(rewards_PG).float().mean().item(),
        "clip_fraction": engine.sum(statistics.clip_fraction),
        "entropy": engine.sum(statistics.entropy),
        "logprob_gap": engine.sum(statistics.logprob_gap),
        "loss": result.loss,
        "gradient_norm": result.gradient_norm,
        "learning_rate": rate,
        **rollout.figures,
    }


def _micro_batch_loss(
    model: torch.nn.Module,
    *,
    rows: Sequence[int],
    rollout: Rollout,
    advantages_C: torch.Tensor,
    num_tokens: int,
    settings: RlSettings,
    statistics: Statistics,
) -> torch.Tensor:
    device = next(model.parameters()).device
    batch = completion_batch(
        [rollout.prompts[row] for row in rows], [rollout.completions.tokens[row] for row in rows], device=device
    )
    logprobs_CT, entropy_CT = completion_logprobs(model, batch, temperature=settings.temperature)
    old_logprobs_CT = _padded([rollout.completions.logprobs[row] for row in rows], batch)
    # One update follows each rollout, so the policy is still the one that sampled: any difference is the sampler's.
    gaps_CT = (logprobs_CT.detach() - old_logprobs_CT).abs() * batch.mask_CT
    _check_gap((gaps_CT.sum() / batch.mask_CT.sum()).item(), settings)
    loss = policy_loss(
        logprobs_CT,
        old_logprobs_CT,
        advantages_C[rows].to(device),
        batch.mask_CT,
        num_tokens=num_tokens,
        clip_low=settings.clip_low,
        clip_high=settings.clip_high,
    )
    statistics.clip_fraction += loss.clip_fraction.item()
    statistics.logprob_gap += (gaps_CT.sum() / num_tokens).item()
    statistics.entropy += ((entropy_CT * batch.mask_CT).sum() / num_tokens).item()
    return loss.loss


def _check_gap(gap: float, settings: RlSettings) -> None:
    largest = settings.rollout.largest_gap
    if not gap <= largest:
        raise InvariantError(
            f"completions were sampled by another policy than the one that is trained: their log-probabilities differ "
            f"by {gap:.3g} on average, over --rollout.largest-gap={largest:g}"
        )


def _padded(logprobs: Sequence[Sequence[float]], batch: CompletionBatch) -> torch.Tensor:
    padded_CT = torch.zeros_like(batch.mask_CT)
    for row, values in enumerate(logprobs):
        padded_CT[row, : len(values)] = torch.tensor(values)
    return padded_CT


def _rate(settings: RlSettings, step: int) -> float:
    return learning_rate(
        step,
        num_steps=settings.num_steps,
        peak=settings.learning_rate,
        schedule="constant",
        warmup_steps=settings.warmup_steps,
        final_share=1.0,
    )


def _questions_of(questions: list[Question], settings: RlSettings, step: int) -> list[Question]:
    """The questions of a step: every epoch goes through all of them in an order of its own."""
    first = step * settings.prompts_per_step
    ids = [question.id for question in questions]
    epochs = range(first // len(ids), (first + settings.prompts_per_step - 1) // len(ids) + 1)
    orders = {epoch: permutation(ids, settings.seed, "prompts", epoch) for epoch in epochs}
    places = (divmod(first + offset, len(ids)) for offset in range(settings.prompts_per_step))
    return [questions[orders[epoch][position]] for epoch, position in places]


def _kept(rollout: Rollout, step: int) -> list[dict[str, object]]:
    return [
        {
            "step": step,
            "prompt": rollout.questions[group].text,
            "completion": rollout.texts[group * rollout.rewards_PG.shape[1]],
            # JSON has no NaN.
            "reward": None if rollout.rewards_PG[group, 0].isnan() else rollout.rewards_PG[group, 0].item(),
            "weights": rollout.weights,
        }
        for group in range(min(KEPT_PER_STEP, len(rollout.questions)))
    ]


def _lines(rows: Sequence[object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
