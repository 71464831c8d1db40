"""What stands behind one result, as values: what was made from what, what was learned and kept out, the scores."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from octo.data.documents import CONTAMINATED, KEPT
from octo.lineage import Lineage, key_of
from octo.report.corpora import outcomes_by_source
from octo.report.intervals import proportion
from octo.report.kept_out import contamination_of, coverage_of, kept_out_of
from octo.report.parts import json_parts
from octo.report.results import Contamination, Estimate, KeptOut, Value
from octo.report.text import visible
from octo.settings import JOBS
from octo.settings.base import Neutral
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.table import contains, table, value_at
from octo.storage.artifacts import Artifact


class Made(Value):
    """An artifact, as one needs to know it to make it again."""

    key: str
    address: str
    stage: str
    job: str
    code_version: int
    committed_at: str
    """ISO 8601."""
    parts: int
    bytes: int
    content: str
    """Digest of what it holds."""
    inputs: dict[str, tuple[str, ...]]
    """Keys by the setting that gives them."""
    settings: dict[str, JsonValue]
    """Those that are not the job's defaults, by their keys."""
    versions: dict[str, str]


class Source(Value):
    """What became of the documents of one source, and how many tokens of them were learned."""

    source: str
    kept: int | None
    """By all curations that are behind the result; None where an earlier octo did not count by source."""
    contaminated: int | None
    """Left out as they hold a question of a benchmark."""
    dropped: int | None
    """Left out for another reason."""
    tokens: dict[str, int]
    """Learned, padding left out, by stage."""


class Score(Value):
    """How many problems a model solves at its likeliest answer."""

    model: str
    training: int
    solved: Estimate
    problems: int
    unreached: int
    """Problems without a verdict, which are in no score."""


class Behind(Value):
    """A result, and all that it rests on."""

    key: str
    made: tuple[Made, ...]
    """The result first, inputs after what was made from them."""
    missing: tuple[str, ...]
    """Keys of what is not in the store any more: nothing beyond is known."""
    bytes_verified: int | None
    """That were read and hashed again; None where manifests alone were verified."""
    sources: tuple[Source, ...]
    scores: tuple[Score, ...]
    contamination: Contamination | None
    """Of a score's problems, in what its models learned from; None of what has no score."""
    coverage: tuple[str, ...]
    """Where the problems were looked for, and where they were not."""
    kept_out: tuple[KeptOut, ...]


def behind_of(artifact: Artifact, lineage: Lineage, *, bytes_verified: int | None) -> Behind:
    """What stands behind an artifact, which is among its lineage."""
    made = list(lineage.artifacts.values())[::-1]
    is_evaluation = artifact.manifest.job == EvaluationSettings.job
    return Behind(
        key=key_of(artifact.address),
        made=tuple(map(_made, made)),
        missing=tuple(sorted(lineage.missing)),
        bytes_verified=bytes_verified,
        sources=tuple(_sources(made)),
        scores=tuple(_scores(artifact)) if is_evaluation else (),
        contamination=contamination_of(artifact, lineage.artifacts) if is_evaluation else None,
        coverage=coverage_of([artifact], lineage.artifacts) if is_evaluation else (),
        kept_out=kept_out_of(lineage.artifacts.values()),
    )


def _made(artifact: Artifact) -> Made:
    manifest = artifact.manifest
    return Made(
        key=key_of(artifact.address),
        address=artifact.address,
        stage=visible(manifest.stage),
        job=manifest.job,
        code_version=manifest.code_version,
        committed_at=manifest.committed_at.isoformat(),
        parts=len(manifest.parts),
        bytes=sum(part.size for part in manifest.parts),
        content=manifest.content,
        inputs={field: tuple(key_of(each.address) for each in given) for field, given in manifest.inputs.items()},
        settings=changed_settings(manifest.job, manifest.settings),
        versions=manifest.versions,
    )


def changed_settings(job: str, settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The settings that are not a job's defaults, and the facts that determined it too, such as files' digests."""
    if job not in JOBS:
        return dict(settings)
    known = [each for each in table(JOBS[job]) if not each.marked(Neutral) and contains(settings, each.path)]
    names = {each.path[0] for each in table(JOBS[job])}
    changed = {
        each.key: value_at(settings, each.path)
        for each in known
        if _plain(value_at(settings, each.path)) != _plain(each.default)
    }
    facts = {name: value for name, value in settings.items() if name not in names and value is not None}
    return changed | facts


def _plain(value: Any) -> Any:
    """As JSON has it: a tuple is a list."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return value


def _sources(made: Sequence[Artifact]) -> Iterator[Source]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    learned: dict[str, dict[str, int]] = defaultdict(dict)
    is_counted = True
    for artifact in made:
        if artifact.manifest.job == CurationSettings.job:
            counters = artifact.manifest.counters
            own = outcomes_by_source(counters)
            is_counted &= bool(own) or not counters.get("documents.in")
            for source, outcomes in own.items():
                for outcome, count in outcomes.items():
                    counts[source][outcome if outcome in (KEPT, CONTAMINATED) else "dropped"] += count
        if artifact.manifest.job == MidtrainingSettings.job:
            for mixture in json_parts(artifact, "mixture.json"):
                for each in mixture["sources"]:
                    stage = learned[str(each["source"])]
                    stage[artifact.manifest.stage] = stage.get(artifact.manifest.stage, 0) + int(each["tokens"])
    for source in sorted(counts.keys() | learned.keys()):
        known = counts[source] if is_counted else None
        yield Source(
            source=visible(source),
            kept=None if known is None else known[KEPT],
            contaminated=None if known is None else known[CONTAMINATED],
            dropped=None if known is None else known["dropped"],
            tokens={visible(stage): tokens for stage, tokens in learned[source].items()},
        )


def _scores(evaluation: Artifact) -> Iterator[Score]:
    for found in json_parts(evaluation, "evaluation.json"):
        greedy = [verdict for _, verdict, *_ in found["verdicts"]]
        reached = [verdict for verdict in greedy if verdict is not None]
        yield Score(
            model=str(found["model"]),
            training=int(found.get("training", 0)),
            solved=proportion(sum(map(bool, reached)), len(reached)),
            problems=len(reached),
            unreached=len(greedy) - len(reached),
        )
