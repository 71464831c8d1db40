"""How often a model solves each problem, as an evaluation of it has found: what is too hard and too easy to learn from.

In a group of completions that are all right, or all wrong, no one is better than another, and nothing is learned.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from octo.data.practice import Practice
from octo.errors import InputError, UsageError
from octo.lineage import key_of
from octo.settings.evaluation import EvaluationSettings
from octo.settings.rl import BandSettings
from octo.storage.artifacts import Artifact, Part


def within_band(
    practice: Practice, evaluations: Sequence[Artifact], settings: BandSettings, *, model: Artifact, training: int
) -> Practice:
    """What is left of it where the model solves neither too few nor too many of its tries.

    Args:
        practice: what may be learned from.
        evaluations: of the model, or of several; none leaves everything.
        settings: the band.
        model: which is to be trained.
        training: its number among those of its artifact.

    Raises:
        UsageError: none of the evaluations is of this model and this source, with samples.
        InputError: nothing is left.
    """
    if not evaluations:
        return practice
    rates = _rates(evaluations, model=model, training=training)
    kept, counts = [], {"too_hard": 0, "too_easy": 0, "not_tried": 0}
    for question in practice.questions:
        rate = rates.get(question.id)
        if rate is None:
            counts["not_tried"] += 1
        elif rate < settings.least:
            counts["too_hard"] += 1
        elif rate > settings.most:
            counts["too_easy"] += 1
        else:
            kept.append(question)
    if not kept:
        raise InputError(
            f"of {len(practice.questions)} problems the model solves none between {settings.least:g} and "
            f"{settings.most:g} of its tries ({counts['too_hard']} are too hard, {counts['too_easy']} too easy, "
            f"{counts['not_tried']} have no verdict): widen --band.least and --band.most, or evaluate it on these"
        )
    return replace(practice, questions=kept, left_out=counts)


def _rates(evaluations: Sequence[Artifact], *, model: Artifact, training: int) -> Mapping[str, float]:
    """By problem, of those that have verdicts."""
    key = key_of(model.address)
    seen: list[str] = []
    rates: dict[str, float] = {}
    for artifact in evaluations:
        if artifact.manifest.job != EvaluationSettings.job:
            raise UsageError(f"--pass-rates {artifact.address} is of {artifact.manifest.job}: give evaluations")
        found = [_parsed(artifact, part) for part in artifact.parts("evaluation.json")]
        own = [each for each in found if each["model"] == key]
        seen += [each["model"] for each in found]
        # A model of one training is the start of them all.
        for each in own if len(own) == 1 else [each for each in own if each.get("training", 0) == training]:
            rates |= _of_problems(each, artifact)
    if not rates:
        raise UsageError(
            f"--pass-rates has no tries of {key} (training {training}): they are of "
            f"{', '.join(dict.fromkeys(seen)) or 'no model'}; evaluate it on these problems with --num-samples"
        )
    return rates


def _of_problems(evaluation: Mapping[str, Any], artifact: Artifact) -> Mapping[str, float]:
    tries = int(evaluation["samples_per_problem"])
    if not tries:
        raise UsageError(f"--pass-rates {artifact.address} has greedy answers alone: evaluate with --num-samples")
    fewer = evaluation["fewer_verdicts"]["problems"]
    judged = {problem: int(fewer.get(problem, tries)) for problem, *_ in evaluation["verdicts"]}
    return {
        problem: solved / judged[problem]
        for problem, _, solved in evaluation["verdicts"]
        if solved is not None and judged[problem]
    }


def _parsed(artifact: Artifact, part: Part) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(artifact.read(part))
    return found
