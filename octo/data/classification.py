"""The classification job: what a language model says of a sample, learned by fastText and said of every document."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from octo.data.classifier import BATCH, Classifier, batches, judged, train
from octo.data.documents import Document, Dropped, RowWriter, read_documents, writing
from octo.data.strata import year_of
from octo.errors import InputError
from octo.job import Job
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.storage.artifacts import IndexResult

DOCUMENTS, SCORES, DROPPED = "documents.parquet", "scores.parquet", "dropped.parquet"
MODEL, FIGURES = "classifier.bin", "classifier.json"
BELOW = "below_threshold"
EXCERPT_CHARACTERS = 200
SAMPLES = 20
"""Dropped documents that a shard shows; the scores of all are in scores.parquet."""
TENTHS = 10


class Scored(NamedTuple):
    """A document that is kept, and how likely it is worth it; empty where nobody asked."""

    id: str
    text: str
    source: str
    url: str
    date: str
    metadata: str
    probability: str


class Score(NamedTuple):
    """What the classifier makes of a document."""

    id: str
    source: str
    year: str
    probability: str


def classify(job: Job[ClassificationSettings]) -> None:
    """Train once for all pods, and keep the documents of every shard that are worth it, an index each."""
    indexes = range(len(job.input("documents").parts("documents.parquet")))
    if job.pending(indexes):
        prepare(job)
    job.each(partial(classify_shard, prepared=job.scratch), indexes)


def prepare(job: Job[ClassificationSettings]) -> None:
    """Leave the model in the scratch directory: the one that a pod before has left for all, else a new one.

    Pods that start together all train, as none waits for another, and go on with the model that was left first.
    """
    if not job.input("documents").parts("documents.parquet"):
        raise InputError(f"{job.input('documents').address} holds no documents")
    path = job.scratch / MODEL
    if job.output.fetch_shared(MODEL, path):
        return
    with job.telemetry.span("octo.classification.train"):
        train(job.input("graded"), job.settings, path, job.scratch)
    if job.settings.shard_group.count > 1:
        job.output.share_file(MODEL, path)
        job.output.fetch_shared(MODEL, path)


def classify_shard(job: Job[ClassificationSettings], index: int, *, prepared: Path) -> IndexResult:
    """The documents of one shard that are kept, and the scores of all."""
    counts = Counter[str]()
    folder = job.scratch / f"shard-{index}"
    folder.mkdir()
    parts: dict[str, bytes | Path] = {name: folder / name for name in (DOCUMENTS, SCORES, DROPPED)}
    classifier = _classifier(prepared / MODEL, job.settings.fasttext)
    with (
        writing(folder / DOCUMENTS, Scored) as kept,
        writing(folder / SCORES, Score) as scores,
        writing(folder / DROPPED, Dropped) as dropped,
    ):
        for document, chance in _scored(job, index, classifier):
            counts["documents.in"] += 1
            if chance is None:
                counts["documents.untouched"] += 1
                kept.write(Scored(*document, probability=""))
                continue
            year, said = year_of(document.date), f"{chance:.4f}"
            counts[f"year.{year}.documents"] += 1
            counts[f"probability.{min(int(chance * TENTHS), TENTHS - 1)}"] += 1
            scores.write(Score(document.id, document.source, year, said))
            if chance >= job.settings.threshold:
                counts[f"year.{year}.kept"] += 1
                kept.write(Scored(*document, said))
            else:
                counts[f"documents.dropped.{BELOW}"] += 1
                _show(dropped, document, said)
    rows = {DOCUMENTS: kept.num_rows, SCORES: scores.num_rows, DROPPED: dropped.num_rows}
    if index == 0:
        # What all indexes have in common is there once.
        parts[MODEL] = prepared / MODEL
        parts[FIGURES] = json.dumps(judged(classifier, job.input("graded"), job.settings), indent=1).encode()
    return IndexResult(parts=parts, rows=rows, counters={"documents.kept": kept.num_rows, **counts})


def _scored(
    job: Job[ClassificationSettings], index: int, classifier: Classifier
) -> Iterator[tuple[Document, float | None]]:
    """Each document in its order with its probability, or None where it is of a source that has none."""
    documents, untouched = job.input("documents"), job.settings.untouched
    for batch in batches(read_documents(documents.read(documents.parts("documents.parquet")[index])), BATCH):
        judged_here = [each.text for each in batch if each.source not in untouched]
        chances = iter(classifier.probabilities(judged_here) if judged_here else [])
        yield from ((each, None if each.source in untouched else next(chances)) for each in batch)


def _show(dropped: RowWriter, document: Document, said: str) -> None:
    if dropped.num_rows < SAMPLES:
        excerpt = document.text[:EXCERPT_CHARACTERS]
        dropped.write(Dropped(document.id, document.source, document.url, BELOW, excerpt, similarity=said))


@lru_cache(maxsize=1)
def _classifier(path: Path, settings: FastTextSettings) -> Classifier:
    # Once in a process, however many shards it does.
    return Classifier(path, settings)
