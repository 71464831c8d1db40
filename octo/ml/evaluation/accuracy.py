"""Greedy accuracy and pass@k of each model on held-out problems."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from transformers import PreTrainedModel

from octo.data.questions import Question, read_questions
from octo.data.tokenizer import TextTokenizer, read_tokenizer
from octo.errors import SandboxError
from octo.job import Job
from octo.ml.chat import prompter
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.completing import texts_of
from octo.ml.diffusion.denoiser import is_diffusion, kind_of
from octo.ml.lengths import check_questions
from octo.ml.models import load_model, use_threads
from octo.ml.placement import device_of
from octo.ml.rl.rollout import Completions, complete
from octo.ml.rl.sampling import completions_of
from octo.ml.scoring import Attempt, Score, Scorer, scoring
from octo.ml.stops import Stops
from octo.pass_at_k import pass_at_k
from octo.randomness import generator
from octo.settings.evaluation import EvaluationSettings
from octo.storage.artifacts import Artifact, IndexResult
from octo.trainings import models_of


@dataclass(frozen=True)
class Answer:
    """One completion of a question, and whether it is right."""

    completion: str
    length: int
    score: Score

    @property
    def correct(self) -> bool | None:
        """None where no verdict could be reached."""
        return self.score.correct


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Evaluate every model, of an artifact with several trainings each of them; each is an index of its own."""
    job.each(evaluate_model, range(len(_models(job))))


def evaluate_model(job: Job[EvaluationSettings], index: int) -> IndexResult:
    """The accuracy of one model, with a verdict for every problem."""
    settings = job.settings
    use_threads(settings.threads)
    training, artifact = _models(job)[index]
    model = load_model(artifact, scratch=job.scratch, on=device_of(settings), precision=settings.precision)
    model.train(mode=False)
    tokenizer = read_tokenizer(artifact)
    questions = read_questions(job.input("problems"), source=settings.source)
    asks = prompter(tokenizer, chat_template=settings.chat_template)
    check_questions(model.config, asks, questions, max_new_tokens=settings.max_new_tokens)
    with scoring(settings.scoring, questions) as score:
        greedy = [group[0] for group in answers(model, tokenizer, questions, settings, score=score, samples=0)]
        sampled = answers(model, tokenizer, questions, settings, score=score, samples=settings.num_samples)
    evaluation = {
        # Not the address: what an evaluation holds must not depend on the store's name.
        "model": f"{artifact.manifest.job}/{artifact.manifest.digest}",
        "training": training,
        "job": artifact.manifest.job,
        **found(questions, greedy, sampled, settings),
    }
    if is_diffusion(model.config):
        evaluation["decoding"] = {
            "temperature": settings.temperature,
            "num_steps": settings.denoising.steps_of(settings.max_new_tokens),
            "length": settings.max_new_tokens,
            "exactness": settings.denoising.exactness,
        }
    counters = {"problems": len(questions)}
    if settings.scoring.kind != "number":
        trouble = trouble_of(greedy, sampled)
        evaluation |= {"scoring": settings.scoring.kind, "could_not_run": trouble}
        counters |= {f"could_not_run.{name}": count for name, count in trouble.items()}
    if settings.scoring.kind == "code":
        evaluation |= ran(questions, greedy, sampled)
    return IndexResult(parts={"evaluation.json": json.dumps(evaluation, indent=1).encode()}, counters=counters)


def _models(job: Job[EvaluationSettings]) -> list[tuple[int, Artifact]]:
    """The models in their order, each with its place among the trainings of its artifact."""
    return [each for artifact in job.inputs["models"] for each in enumerate(models_of(artifact))]


def found(
    questions: Sequence[Question],
    greedy: Sequence[Answer],
    sampled: Sequence[Sequence[Answer]],
    settings: EvaluationSettings,
) -> dict[str, object]:
    """Accuracy and pass@k, and a verdict for every problem.

    A completion without a verdict counts nowhere. pass@k is over the problems that have k verdicts, each by all that it
    has; how many have fewer than were sampled, and how many a k therefore leaves out, is said beside it.

    Raises:
        SandboxError: there is no verdict on any greedy answer, or on any sample.
    """
    judged = [[answer.correct for answer in group if answer.correct is not None] for group in sampled]
    decided = [answer for answer in greedy if answer.correct is not None]
    if not (decided and any(judged)):
        raise SandboxError(
            f"too few verdicts could be reached on the {len(questions)} problems to tell anything: see octo doctor, "
            "and give the pod the memory and processes that --scoring.workers need"
        )
    return {
        "problems": len(questions),
        "greedy": {"correct": sum(answer.correct is True for answer in greedy), "total": len(decided)},
        "samples_per_problem": settings.num_samples,
        "pass_at_k": {str(k): mean_pass_at_k(judged, k) for k in settings.k},
        "fewer_verdicts": {
            "problems": {
                question.id: len(verdicts)
                for question, verdicts in zip(questions, judged, strict=True)
                if len(verdicts) < settings.num_samples
            },
            "left_out_at_k": {str(k): sum(len(verdicts) < k for verdicts in judged) for k in settings.k},
        },
        "mean_length": sum(answer.length for answer in decided) / len(decided),
        # By problem: whether the greedy answer is right, and how many of the samples that have a verdict are.
        "verdicts": [
            [question.id, None if answer.correct is None else int(answer.correct), sum(verdicts) if verdicts else None]
            for question, answer, verdicts in zip(questions, greedy, judged, strict=True)
        ],
        "examples": [
            {
                "question": question.text,
                "answer": question.answer,
                "completion": answer.completion,
                "correct": answer.correct,
            }
            for question, answer in list(zip(questions, greedy, strict=True))[: settings.num_examples]
        ],
    }


def mean_pass_at_k(judged: Sequence[Sequence[bool]], k: int) -> float | None:
    """pass@k of the problems with k verdicts or more, without bias; None where there is none."""
    enough = [verdicts for verdicts in judged if len(verdicts) >= k]
    chances = [pass_at_k(len(verdicts), sum(verdicts), k) for verdicts in enough]
    return sum(chances) / len(chances) if chances else None


def trouble_of(greedy: Sequence[Answer], sampled: Sequence[Sequence[Answer]]) -> dict[str, int]:
    """How many completions have no verdict: neither right nor wrong."""
    return {
        "greedy": sum(answer.correct is None for answer in greedy),
        "samples": sum(answer.correct is None for group in sampled for answer in group),
    }


def ran(
    questions: Sequence[Question], greedy: Sequence[Answer], sampled: Sequence[Sequence[Answer]]
) -> dict[str, object]:
    """What each test of each problem said of the greedy program, if there was one, and what stood around programs."""
    verdicts = [answer.score.verdict for answer in greedy]
    of_samples = [answer.score.verdict for group in sampled for answer in group]
    return {
        "tests": [
            [question.id, [test.outcome.value for test in verdict.tests] if verdict else []]
            for question, verdict in zip(questions, verdicts, strict=True)
        ],
        # Completions of which a test passed on what the program says of its own objects: a weaker sort of verdict.
        "on_its_word": {
            "greedy": sum(verdict.on_its_word for verdict in verdicts if verdict),
            "samples": sum(verdict.on_its_word for verdict in of_samples if verdict),
        },
        "layers": next((list(verdict.layers) for verdict in chain(verdicts, of_samples) if verdict), []),
    }


def answers(
    model: PreTrainedModel,
    tokenizer: TextTokenizer,
    questions: Sequence[Question],
    settings: EvaluationSettings,
    *,
    score: Scorer,
    samples: int,
) -> list[list[Answer]]:
    """For each question its sampled answers, or the greedy one when `samples` is 0."""
    asks = prompter(tokenizer, chat_template=settings.chat_template)
    stops = Stops(tokenizer, settings.stops)
    group_size = samples or 1
    results: list[list[Answer]] = []
    for first, batch in _batches(questions, max(1, settings.batch_size // group_size)):
        prompts = [asks.prompt(question.text) for question in batch]
        complete_all = _denoised if is_diffusion(model.config) else _continued
        completions = complete_all(model, stops, prompts, settings, first=first, samples=samples)
        texts = [stops.text(tokens) for tokens in completions.tokens]
        scores = score(
            [
                Attempt(batch[row // group_size], text, finished)
                for row, (text, finished) in enumerate(zip(texts, completions.finished, strict=True))
            ]
        )
        graded = [
            Answer(text, len(tokens), given)
            for text, tokens, given in zip(texts, completions.tokens, scores, strict=True)
        ]
        results.extend(graded[row : row + group_size] for row in range(0, len(graded), group_size))
    return results


def _continued(
    model: PreTrainedModel,
    stops: Stops,
    prompts: Sequence[Sequence[int]],
    settings: EvaluationSettings,
    *,
    first: int,
    samples: int,
) -> Completions:
    """The completions of a causal model, of a batch whose first question is the first-th."""
    group_size = samples or 1
    draws = [
        generator(settings.seed, "evaluation", first + place).random((group_size, settings.max_new_tokens))
        for place in range(len(prompts))
    ]
    return complete(
        model,
        prompts,
        group_size=group_size,
        max_new_tokens=settings.max_new_tokens,
        ends=stops.tokenizer.ends,
        temperature=settings.temperature,
        draws_BT=np.concatenate(draws) if samples else None,
        stops=stops,
    )


def _denoised(
    model: PreTrainedModel,
    stops: Stops,
    prompts: Sequence[Sequence[int]],
    settings: EvaluationSettings,
    *,
    first: int,
    samples: int,
) -> Completions:
    """The completions of a diffusion model."""
    requests = [
        Request(prompt, settings.max_new_tokens, ("evaluation", first + place, member))
        for place, prompt in enumerate(prompts)
        for member in range(samples or 1)
    ]
    texts = texts_of(
        model,
        requests,
        ends=(*stops.tokenizer.ends, kind_of(model.config).pad_id),
        num_tokens=stops.tokenizer.vocabulary_size,
        settings=settings.denoising.model_copy(update={"temperature": settings.temperature if samples else 0.0}),
        seed=settings.seed,
        stops=stops,
    )
    return completions_of(texts)


def _batches(questions: Sequence[Question], size: int) -> Iterator[tuple[int, Sequence[Question]]]:
    for first in range(0, len(questions), size):
        yield first, questions[first : first + size]
