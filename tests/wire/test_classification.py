"""The classification job behind the grading job: the same documents kept whatever the fleet, and how well."""

import json
from typing import Any

import pytest

from octo.data.classification import DOCUMENTS, DROPPED, FIGURES, MODEL, SCORES, Scored
from octo.data.documents import Document, read_columns
from octo.job import produce
from octo.settings.base import ShardGroup
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.settings.endpoint import STAND_IN, EndpointSettings
from octo.settings.grading import GradingSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.asked_documents import commit_documents, pages

CLASSIFY = "octo.data.classification:classify"
SMALL = FastTextSettings(dimension=8, epochs=25, learning_rate=0.5, word_ngrams=2, min_count=1, buckets=1000)


@pytest.fixture(scope="module")
def learned(connection: Store, embedded: EmbeddedStore) -> tuple[Artifact, Artifact]:
    """Documents, and the grades of most of them."""
    store = connection.at(f"{connection.address}/classification")
    documents = commit_documents(store, pages(240), shards=2)
    grading = GradingSettings(
        store=store.address,
        s3=embedded.s3,
        probe=False,
        documents=documents.address,
        endpoint=EndpointSettings(model=STAND_IN),
        per_year=50,
    )
    graded = produce(grading, "octo.data.grading:grade")
    assert isinstance(graded, Artifact)
    return documents, graded


def settings(
    learned: tuple[Artifact, Artifact], store: Store, embedded: EmbeddedStore, **more: Any
) -> ClassificationSettings:
    documents, graded = learned
    given = {"documents": documents.address, "graded": graded.address, "fasttext": SMALL, "probe": False, **more}
    return ClassificationSettings(store=store.address, s3=embedded.s3, **given)


def rows(artifact: Any, part: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [row for each in artifact.parts(part) for row in read_columns(artifact.read(each), columns)]


def test_documents_that_are_worth_it_are_kept_with_all_that_they_were(
    learned: tuple[Artifact, Artifact], store: Store, embedded: EmbeddedStore
) -> None:
    artifact: Any = produce(settings(learned, store, embedded), CLASSIFY)
    kept = rows(artifact, DOCUMENTS, Scored._fields)
    lessons = [page for page in pages(240) if page.text.startswith("Lesson")]
    right = [row for row in kept if row[1].startswith("Lesson")]
    precision, recall = len(right) / len(kept), len(right) / len(lessons)
    assert 2 * precision * recall / (precision + recall) > 0.95
    assert {row[:6] for row in kept} <= set(map(tuple, pages(240)))
    counters = artifact.manifest.counters
    assert counters["documents.in"] == 240
    assert counters["documents.kept"] == len(kept)
    assert counters["documents.dropped.below_threshold"] == 240 - len(kept)
    assert sum(count for name, count in counters.items() if name.startswith("probability.")) == 240
    assert sum(count for name, count in counters.items() if name.endswith(".kept") and name != "documents.kept") == len(
        kept
    )
    # Whoever wants another threshold finds every document's probability.
    scores = {row[0]: float(row[1]) for row in rows(artifact, SCORES, ("id", "probability"))}
    assert len(scores) == 240
    assert {name for name, chance in scores.items() if chance >= 0.4} == {row[0] for row in kept}
    assert all(float(row[-1]) == scores[row[0]] for row in kept)
    assert rows(artifact, DROPPED, ("id", "reason"))[0][1] == "below_threshold"
    [figures] = [json.loads(artifact.read(part)) for part in artifact.parts(FIGURES)]
    assert 20 < figures["held_out"] < 80
    assert figures["held_out"] == sum(each["documents"] for each in figures["by_year"].values())
    at = {each["threshold"]: each for each in figures["by_threshold"]}
    assert at[0.4]["recall"] > 0.9
    assert list(at) == sorted(at)
    assert set(figures["by_year"]) == {"2014", "2019", "2024", "undated"}


def test_a_threshold_of_one_keeps_fewer_and_of_nought_all(
    learned: tuple[Artifact, Artifact], store: Store, embedded: EmbeddedStore
) -> None:
    kept = [
        len(rows(produce(settings(learned, store, embedded, threshold=each), CLASSIFY), DOCUMENTS, ("id",)))
        for each in (0.0, 1.0)
    ]
    assert kept[0] == 240 > kept[1]


def test_pods_that_each_train_make_the_bytes_that_one_process_makes(
    learned: tuple[Artifact, Artifact], store: Store, embedded: EmbeddedStore
) -> None:
    given = settings(learned, store, embedded)
    alone: Any = produce(settings(learned, store.at(f"{store.address}/alone"), embedded), CLASSIFY)
    groups = [ShardGroup(count=2, index=index) for index in (1, 1, 0)]
    *_, last = (produce(given.model_copy(update={"shard_group": group}), CLASSIFY) for group in groups)
    assert isinstance(last, Artifact)
    assert last.manifest.content == alone.manifest.content
    assert [last.read(part) for part in last.parts()] == [alone.read(part) for part in alone.parts()]
    assert len(last.parts(MODEL)) == 1


def test_an_empty_shard_and_documents_without_words_are_counted(
    learned: tuple[Artifact, Artifact], store: Store, embedded: EmbeddedStore
) -> None:
    odd = [*pages(2), Document("0" * 64, "", "web", "u", "", "{}"), Document("1" * 64, "!!!", "web", "u", "", "{}")]
    documents = commit_documents(store, odd, shards=6)
    given = settings(learned, store, embedded).model_copy(update={"documents": documents.address})
    artifact: Any = produce(given, CLASSIFY)
    assert artifact.manifest.counters["documents.in"] == 4
