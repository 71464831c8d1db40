"""GRPO: sample a group of completions for each prompt, reward them, and follow the ones above their group's mean."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from transformers import PreTrainedModel

from octo.data.benchmarks import STATEMENT
from octo.data.pass_rates import within_band
from octo.data.practice import read_practice
from octo.data.questions import Question
from octo.data.tokenizer import TextTokenizer, read_tokenizer
from octo.errors import UsageError
from octo.job import Job
from octo.ml.chat import prompter
from octo.ml.diffusion.denoiser import is_diffusion, kind_of
from octo.ml.engine import Engine
from octo.ml.lengths import check_questions
from octo.ml.loading import load_to_train, make_ready
from octo.ml.loop import METRICS, Lines, Phases, Plan, Step, Update, train_by, written
from octo.ml.models import model_parts, use_threads
from octo.ml.placement import take_place
from octo.ml.rl import causal_policy
from octo.ml.rl.diffusion_policy import DiffusionPolicy, Reference
from octo.ml.rl.ranks import Sampler, collect_weights, open_sampler
from octo.ml.rl.rewards import rewarding
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Denoising, chunks_of
from octo.ml.rl.step import all_asked, questions_of, roll_out
from octo.ml.rl.weights import Weights
from octo.ml.schedule import rates
from octo.ml.stops import Stops
from octo.settings.rl import RlSettings
from octo.storage.artifacts import IndexResult
from octo.trainings import train_each, training_of

NUM_KEPT_STEPS = 5


def reinforce(job: Job[RlSettings]) -> None:
    """Train the policy, once for each seed, and commit it with its metrics and some of its rollouts."""
    train_each(job, train)


def train(job: Job[RlSettings], index: int) -> IndexResult:
    """The whole training of a seed as one result: every step is done, or nothing is committed."""
    job = training_of(job, index)
    settings = job.settings
    use_threads(settings.threads)
    take_place(settings)
    num_completions = settings.prompts_per_step * settings.group_size
    start = job.input("model")
    tokenizer = read_tokenizer(start)
    asks = prompter(tokenizer, chat_template=settings.chat_template)
    practice = read_practice(
        job.input("problems"), source=settings.source, benchmarks=job.inputs["benchmarks"], settings=settings
    )
    practice = within_band(practice, job.inputs["pass_rates"], settings.band, model=start, training=job.training)
    questions = practice.questions
    model = load_to_train(start, scratch=job.scratch, settings=settings.optimizer, gang=settings.gang)
    check_questions(model.config, asks, all_asked(questions, settings), max_new_tokens=settings.max_new_tokens)
    make_ready(model, lora=settings.lora, seed=settings.seed)
    engine = Engine(
        model,
        settings=settings.optimizer,
        micro_batches=num_completions // settings.micro_batch_size,
        gang=settings.gang,
    )
    stops = Stops(tokenizer, settings.stops)
    sampler = open_sampler(job, model, device=engine.device, stops=stops)
    denoising = _denoising(model, tokenizer, settings)
    update_policy = _update_of(job, engine, model, tokenizer)

    @contextmanager
    def opened(_first: int, saved: Mapping[str, Any]) -> Iterator[Phases[list[Question]]]:
        rollouts: list[dict[str, object]] = list(saved.get("rollouts", []))
        with rewarding(settings.reward, questions, device=engine.device) as reward:

            def update(asked: list[Question], step: Step) -> Update:
                with job.telemetry.span("octo.rl.rollout", {"octo.step": step.number + 1}) as span:
                    weights = collect_weights(job, engine)
                    span.set_attribute("octo.rollout.weights", weights.digest)
                    rollout = roll_out(
                        partial(_complete, sampler, weights, tokenizer, settings, denoising, step=step.number),
                        asks,
                        asked,
                        group_size=settings.group_size,
                        reward=reward,
                        read=stops.text,
                        weights=weights.digest,
                    )
                if _is_kept(step.number, settings):
                    rollouts.extend(rollout.kept(step.number + 1))
                made = update_policy(rollout, step=step)
                return replace(made, names=partial(list, dict.fromkeys(question.id for question in asked)))

            def result(steps: int, lines: Lines) -> IndexResult:
                return IndexResult(
                    parts={
                        **model_parts(model.config, engine.weights(), job.scratch / "model"),
                        **tokenizer.files,
                        METRICS: written(lines),
                        "rollouts.jsonl": written(rollouts),
                        STATEMENT: practice.statement.written(),
                    },
                    counters={**practice.counters(), "steps": steps, "completions": steps * num_completions},
                )

            read = partial(map, partial(questions_of, questions, settings))
            yield Phases(read, update, lambda: {"rollouts": rollouts}, result)

    rate = rates(settings, num_steps=settings.num_steps, warmup_steps=settings.warmup_steps)
    plan = Plan(settings.num_steps, rate, num_trainings=settings.num_seeds, shown="reward")
    return train_by(job, engine, plan, opened)


def _is_kept(step: int, settings: RlSettings) -> bool:
    """Whether some rollouts of this step are kept: of a few steps, and of the last."""
    return step % max(1, settings.num_steps // NUM_KEPT_STEPS) == 0 or step == settings.num_steps - 1


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


def _update_of(
    job: Job[RlSettings], engine: Engine, model: PreTrainedModel, tokenizer: TextTokenizer
) -> Callable[..., Update]:
    """How the policy is updated: by the likelihoods of its tokens, or by scores that stand for them."""
    settings = job.settings
    if not is_diffusion(model.config):
        return partial(causal_policy.update, engine, settings=settings)
    reference = Reference(job, model) if settings.diffusion.kl_weight else None
    policy = DiffusionPolicy(engine, settings, kind=kind_of(model.config), ends=tokenizer.ends, reference=reference)
    return partial(policy.update, model)
