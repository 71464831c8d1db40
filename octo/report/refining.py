"""What a language model said of documents, what was learned from it, and what rewriting removed, for a run's page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from octo.data.documents import read_columns
from octo.report.parts import json_parts
from octo.report.text import visible
from octo.settings.classification import ClassificationSettings
from octo.settings.endpoint import STAND_IN
from octo.settings.grading import GradingSettings
from octo.settings.refinement import RefinementSettings
from octo.storage.artifacts import Artifact

SCORES = range(6)
EXAMPLES = 3
EXCERPT_CHARACTERS = 160
_ASKING = (GradingSettings.job, RefinementSettings.job)
_LOST = ("documents.dropped.", "documents.unrefined.")


@dataclass(frozen=True)
class Asked:
    """What a stage's answers came to."""

    stage: str
    model: str
    is_stand_in: bool
    answers: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """None where nobody said what tokens cost, or the service did not count them."""


@dataclass(frozen=True)
class Year:
    """The scores of one year's sample."""

    year: str
    documents: int
    sampled: int
    scores: tuple[int, ...]


@dataclass(frozen=True)
class Judged:
    """A classifier on the documents that it did not learn from."""

    stage: str
    threshold: float
    least_score: int
    held_out: int
    worth_it: int
    by_threshold: tuple[Mapping[str, Any], ...]
    by_year: Mapping[str, Mapping[str, Any]]
    documents: int
    kept: int


@dataclass(frozen=True)
class Lost:
    """Documents that a stage has nothing for, by reason, with examples."""

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Rewritten:
    """What rewriting kept and removed."""

    stage: str
    counters: Mapping[str, int]
    keeps_originals: bool
    lost: tuple[Lost, ...]


@dataclass(frozen=True)
class Refining:
    """Everything that a model had a hand in."""

    asked: tuple[Asked, ...]
    years: tuple[Year, ...]
    ungraded: tuple[Lost, ...]
    judged: tuple[Judged, ...]
    rewritten: tuple[Rewritten, ...]


def refining_of(artifacts: Mapping[str, Artifact], settings: Mapping[str, Mapping[str, object]]) -> Refining | None:
    """What the page shows of it; None where no stage asked a model or learned from one.

    Args:
        artifacts: by stage.
        settings: by stage, those that are not the defaults, by their dotted names: prices are in no artifact.
    """
    by_job: dict[str, list[tuple[str, Artifact]]] = {}
    for stage, artifact in artifacts.items():
        by_job.setdefault(artifact.manifest.job, []).append((stage, artifact))
    asking = [each for job in _ASKING for each in by_job.get(job, ())]
    classified = by_job.get(ClassificationSettings.job, [])
    if not asking and not classified:
        return None
    graded = by_job.get(GradingSettings.job, [])
    return Refining(
        asked=tuple(_asked(stage, artifact, settings.get(stage, {})) for stage, artifact in asking),
        years=tuple(year for _, artifact in graded for year in _years(artifact.manifest.counters)),
        ungraded=tuple(lost for _, artifact in graded for lost in _lost(artifact, "dropped.parquet", "excerpt")),
        judged=tuple(_judged(stage, artifact) for stage, artifact in classified),
        rewritten=tuple(_rewritten(stage, artifact) for stage, artifact in by_job.get(RefinementSettings.job, ())),
    )


def _asked(stage: str, artifact: Artifact, settings: Mapping[str, object]) -> Asked:
    counters = artifact.manifest.counters
    endpoint = artifact.manifest.settings.get("endpoint")
    model = str(endpoint.get("model", "")) if isinstance(endpoint, dict) else ""
    tokens = {kind: counters.get(f"tokens.{kind}", 0) for kind in ("prompt", "completion")}
    prices = {kind: settings.get(f"endpoint.{kind}_price") for kind in tokens}
    is_known = not counters.get("answers.uncounted", 0)
    cost = 0.0
    for kind, price in prices.items():
        if isinstance(price, int | float) and price:
            cost += tokens[kind] * price / 1e6
        else:
            is_known = False
    return Asked(
        stage=visible(stage),
        model=visible(model),
        is_stand_in=model == STAND_IN,
        answers=counters.get("answers", 0),
        prompt_tokens=tokens["prompt"],
        completion_tokens=tokens["completion"],
        cost=cost if is_known else None,
    )


def _years(counters: Mapping[str, int]) -> Iterator[Year]:
    for name in sorted(counters):
        what, _, rest = name.partition(".")
        year, _, kind = rest.partition(".")
        if what == "year" and kind == "documents":
            scores = tuple(counters.get(f"score.{year}.{score}", 0) for score in SCORES)
            yield Year(visible(year), counters[name], counters.get(f"year.{year}.sampled", 0), scores)


def _judged(stage: str, artifact: Artifact) -> Judged:
    [figures] = json_parts(artifact, "classifier.json")
    counters = artifact.manifest.counters
    return Judged(
        stage=visible(stage),
        threshold=figures["threshold"],
        least_score=figures["least_score"],
        held_out=figures["held_out"],
        worth_it=figures["worth_it"],
        by_threshold=tuple(figures["by_threshold"]),
        by_year={visible(year): each for year, each in figures["by_year"].items()},
        documents=counters.get("documents.in", 0) - counters.get("documents.untouched", 0),
        kept=counters.get("documents.kept", 0) - counters.get("documents.untouched", 0),
    )


def _rewritten(stage: str, artifact: Artifact) -> Rewritten:
    return Rewritten(
        stage=visible(stage),
        counters={
            name: artifact.manifest.counters.get(name, 0)
            for name in (
                *("documents.in", "documents.untouched", "documents.refined", "documents.kept", "prefaces.removed"),
                *("characters.in", "characters.out", "formulas.in", "formulas.kept", "numbers.in", "numbers.kept"),
            )
        },
        keeps_originals=artifact.manifest.settings.get("on_failure") == "keep",
        lost=tuple(_lost(artifact, "failed.parquet", "answer")),
    )


def _lost(artifact: Artifact, part_name: str, column: str) -> Iterator[Lost]:
    """By reason, the most frequent first, with the first examples. Parts are read until every reason has enough."""
    counts = {
        name.removeprefix(prefix): count
        for prefix in _LOST
        for name, count in artifact.manifest.counters.items()
        if name.startswith(prefix)
    }
    examples: dict[str, list[str]] = {reason: [] for reason in counts}
    for part in artifact.parts(part_name):
        if all(len(examples[reason]) >= min(EXAMPLES, count) for reason, count in counts.items()):
            break
        for reason, said in read_columns(artifact.read(part), ("reason", column)):
            if len(examples.get(reason, ())) < EXAMPLES and reason in examples:
                examples[reason].append(visible(said[:EXCERPT_CHARACTERS]))
    for reason in sorted(counts, key=lambda reason: (-counts[reason], reason)):
        yield Lost(visible(reason), counts[reason], tuple(examples[reason]))
