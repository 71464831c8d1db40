"""Greedy accuracy and pass@k of each model on held-out problems."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from octo.data.questions import Question, correct, read_questions
from octo.data.tokenizer import end_of_text
from octo.data.tokenizer import load as load_tokenizer
from octo.errors import UsageError
from octo.job import Job
from octo.ml.models import accelerator, load_model, use_threads
from octo.ml.rl.rollout import complete
from octo.pass_at_k import pass_at_k
from octo.randomness import generator
from octo.settings.evaluation import EvaluationSettings
from octo.storage.artifacts import IndexResult


@dataclass(frozen=True)
class Answer:
    """One completion of a question, and whether it ends in the right answer."""

    completion: str
    length: int
    correct: bool


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Evaluate every model; each is an index of its own."""
    settings = job.settings
    if too_large := [k for k in settings.k if k > settings.num_samples]:
        raise UsageError(f"--k {too_large[0]} needs as many samples: raise --num-samples {settings.num_samples}")
    job.each(evaluate_model, range(len(settings.models)))


def evaluate_model(job: Job[EvaluationSettings], index: int) -> IndexResult:
    """The accuracy of one model, with a verdict for every problem."""
    settings = job.settings
    use_threads(settings.threads)
    artifact = job.inputs["models"][index]
    model = load_model(artifact, on=accelerator())
    model.train(mode=False)
    tokenizer = load_tokenizer(artifact.read_one("tokenizer.json"), name=artifact.address)
    questions = read_questions(job.input("problems"), source=settings.source)
    greedy = answers(model, tokenizer, questions, settings, samples=0)
    sampled = answers(model, tokenizer, questions, settings, samples=settings.num_samples)
    num_correct = [sum(answer.correct for answer in group) for group in sampled]
    evaluation = {
        # Not the address: what an evaluation holds must not depend on the store's name.
        "model": f"{artifact.manifest.job}/{artifact.manifest.digest}",
        "job": artifact.manifest.job,
        "problems": len(questions),
        "greedy": {"correct": sum(group[0].correct for group in greedy), "total": len(questions)},
        "samples_per_problem": settings.num_samples,
        "pass_at_k": {
            str(k): sum(pass_at_k(settings.num_samples, count, k) for count in num_correct) / len(questions)
            for k in settings.k
        },
        "mean_length": sum(group[0].length for group in greedy) / len(questions),
        "verdicts": [
            [question.id, int(group[0].correct), count]
            for question, group, count in zip(questions, greedy, num_correct, strict=True)
        ],
        "examples": [
            {
                "question": question.text,
                "answer": question.answer,
                "completion": group[0].completion,
                "correct": group[0].correct,
            }
            for question, group in list(zip(questions, greedy, strict=True))[: settings.num_examples]
        ],
    }
    return IndexResult(
        parts={"evaluation.json": json.dumps(evaluation, indent=1).encode()}, counters={"problems": len(questions)}
    )


def answers(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    questions: Sequence[Question],
    settings: EvaluationSettings,
    *,
    samples: int,
) -> list[list[Answer]]:
    """For each question its sampled answers, or the greedy one when `samples` is 0."""
    group_size = samples or 1
    results: list[list[Answer]] = []
    for first, batch in _batches(questions, max(1, settings.batch_size // group_size)):
        draws = [
            generator(settings.seed, "evaluation", first + place).random((group_size, settings.max_new_tokens))
            for place in range(len(batch))
        ]
        completions = complete(
            model,
            [tokenizer.encode(question.text, add_special_tokens=False).ids for question in batch],
            group_size=group_size,
            max_new_tokens=settings.max_new_tokens,
            end_id=end_of_text(tokenizer),
            temperature=settings.temperature,
            draws_BT=np.concatenate(draws) if samples else None,
        )
        texts = [tokenizer.decode(tokens) for tokens in completions.tokens]
        graded = [
            Answer(text, len(tokens), finished and correct(text, batch[row // group_size].answer))
            for row, (text, tokens, finished) in enumerate(
                zip(texts, completions.tokens, completions.finished, strict=True)
            )
        ]
        results.extend(graded[row : row + group_size] for row in range(0, len(graded), group_size))
    return results


def _batches(questions: Sequence[Question], size: int) -> Iterator[tuple[int, Sequence[Question]]]:
    for first in range(0, len(questions), size):
        yield first, questions[first : first + size]
