"""The refinement job against a service on this machine: traced, guarded, and the same bytes whoever made them.

And what a run's page says of all that a model had a say in.
"""

import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

import pytest

from octo.data.documents import Document, new_document, read_columns
from octo.data.refinement import DOCUMENTS, FAILED, Failed
from octo.errors import InputError
from octo.job import produce
from octo.report.page import render_page
from octo.settings.base import JobSettings, ShardGroup
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.settings.endpoint import STAND_IN, EndpointSettings
from octo.settings.grading import GradingSettings
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.refinement import RefinementSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.asked_documents import commit_documents, pages
from tests.wire import endpoints
from tests.wire.endpoints import Handler, endpoint

REFINE = "octo.data.refinement:refine"
NUMBER = 24
LESSONS = pages(3 * NUMBER)[::3]


def settings(store: Store, embedded: EmbeddedStore, documents: Artifact, **more: Any) -> RefinementSettings:
    asked = {"model": STAND_IN, "concurrency": 4, "max_new_tokens": 8192, **more.pop("endpoint", {})}
    return RefinementSettings(
        store=store.address,
        s3=embedded.s3,
        probe=False,
        documents=documents.address,
        endpoint=EndpointSettings.model_validate(asked),
        **more,
    )


def kept(artifact: Any) -> list[Document]:
    return [
        Document(*row)
        for part in artifact.parts(DOCUMENTS)
        for row in read_columns(artifact.read(part), Document._fields)
    ]


def failed(artifact: Any) -> list[Failed]:
    return [
        Failed(*row) for part in artifact.parts(FAILED) for row in read_columns(artifact.read(part), Failed._fields)
    ]


def test_a_rewritten_document_names_its_original_and_keeps_where_it_is_from(
    store: Store, embedded: EmbeddedStore
) -> None:
    noisy = [
        new_document(
            f"Sign in | Subscribe\n{page.text}\n\n{page.text}\nAccept all cookies",
            source=page.source,
            url=page.url,
            date=page.date,
            metadata={"language": "en"},
        )
        for page in LESSONS
    ]
    documents = commit_documents(store, noisy, shards=3)
    artifact: Any = produce(settings(store, embedded, documents), REFINE)
    found, by_id = kept(artifact), {each.id: each for each in noisy}
    assert len(found) == NUMBER
    for document in found:
        metadata = json.loads(document.metadata)
        original = by_id[metadata["original"]["id"]]
        assert metadata["original"]["artifact"] == "/".join(documents.address.split("/")[-2:])
        part = documents.parts("documents.parquet")[metadata["original"]["index"]]
        assert original.id in {row[0] for row in read_columns(documents.read(part), ("id",))}
        assert metadata["language"] == "en"
        assert (document.source, document.url, document.date) == (original.source, original.url, original.date)
        assert document.id == new_document(document.text, source="", url="").id
        assert "cookies" not in document.text
        assert "rewritten text" not in document.text
    counters = artifact.manifest.counters
    assert counters["documents.refined"] == counters["documents.kept"] == counters["documents.in"] == NUMBER
    assert counters["numbers.kept"] == counters["numbers.in"] > 0
    assert counters["formulas.kept"] == counters["formulas.in"] > 0
    assert counters["characters.out"] < counters["characters.in"]
    assert counters["prefaces.removed"] > 0


@pytest.mark.parametrize("on_failure", ["drop", "keep"])
def test_what_fails_is_dropped_or_kept_as_it_was_and_counted_with_samples(
    store: Store, embedded: EmbeddedStore, on_failure: str
) -> None:
    long = new_document("y" * 500, source="web", url="long")
    given = new_document("2 + 2", source="sums", url="sum")
    documents = commit_documents(store, [*LESSONS[:6], long, given], shards=1)
    with endpoint() as server:
        server.plan.append(endpoints.saying("I'm sorry, but I can't help with that."))
        server.plan.append(endpoints.saying(""))
        server.plan.append(endpoints.saying("Lesson."))
        server.plan.append(endpoints.status(400, "context too long"))
        asked = {"url": server.url, "concurrency": 1}
        more = {"on_failure": on_failure, "untouched": ("sums",), "max_document_characters": 1500}
        longer = long._replace(text="y" * 2000)
        documents = commit_documents(store, [*LESSONS[:6], longer, given], shards=1)
        artifact: Any = produce(settings(store, embedded, documents, endpoint=asked, **more), REFINE)
        assert len(server.asked) == 6
    counters = artifact.manifest.counters
    what = "dropped" if on_failure == "drop" else "unrefined"
    reasons = {"refusal": 1, "empty": 1, "too_short": 1, "refused": 1, "too_large": 1}
    assert {name: counters[f"documents.{what}.{name}"] for name in reasons} == reasons
    assert (counters["documents.refined"], counters["documents.untouched"]) == (2, 1)
    samples = failed(artifact)
    assert {each.reason for each in samples} == set(reasons)
    assert all(each.excerpt for each in samples)
    assert len(kept(artifact)) == (3 if on_failure == "drop" else 8)
    assert given in kept(artifact)
    lost = {each.id for each in samples}
    originals = [document for document in kept(artifact) if document.id in lost]
    assert len(originals) == (0 if on_failure == "drop" else 5)
    assert all("original" not in document.metadata for document in originals)


def test_a_service_that_repeats_one_answer_for_all_fails_the_job(store: Store, embedded: EmbeddedStore) -> None:
    documents = commit_documents(store, LESSONS, shards=1)
    said = "A story of horses that gallop through distant meadows under stormy clouds. " * 5
    with (
        endpoint(always=endpoints.saying(said)) as server,
        pytest.raises(InputError, match=rf"{NUMBER} of {NUMBER} documents have no usable answer .* horses"),
    ):
        produce(settings(store, embedded, documents, endpoint={"url": server.url}), REFINE)


def test_the_same_documents_come_of_any_shards_workers_and_concurrency(store: Store, embedded: EmbeddedStore) -> None:
    mixed = [page._replace(source="sums") if place % 5 == 0 else page for place, page in enumerate(LESSONS)]
    texts = set()
    for shards, order, concurrency in ((1, 0, 16), (4, 1, 3), (7, 2, 1)):
        documents = commit_documents(store, mixed, shards=shards, order=order)
        given = settings(store, embedded, documents, untouched=("sums",), endpoint={"concurrency": concurrency})
        found = kept(produce(given, REFINE))
        texts.add(tuple(sorted((document.text, document.url) for document in found)))
        # In the order of the documents, whoever was answered first.
        urls = [
            row[0]
            for part in documents.parts("documents.parquet")
            for row in read_columns(documents.read(part), ("url",))
        ]
        assert [document.url for document in found] == [url for url in urls if url in {each.url for each in found}]
    assert len(texts) == 1


def test_a_killed_worker_and_a_second_pod_make_the_same_bytes_and_pay_for_nothing_twice(
    store: Store, embedded: EmbeddedStore
) -> None:
    documents = commit_documents(store, LESSONS, shards=4)
    started: list[subprocess.Popen[bytes]] = []

    def kill(handler: Handler, request: dict[str, Any]) -> None:
        if len(handler.server.asked) >= 10:
            os.kill(started[0].pid, signal.SIGKILL)
        endpoints.answer(handler, request)

    with endpoint(always=kill) as server:
        given = settings(store, embedded, documents, endpoint={"url": server.url})
        command = [sys.executable, "-m", "jobs.refinement", *arguments_of(given)]
        with subprocess.Popen(command, env={"PATH": "/usr/bin:/bin", **secrets_of(given)}) as worker:
            started.append(worker)
        assert worker.returncode == -signal.SIGKILL
        finished = len(list(store.list("generations/")))
        assert finished
        server.always = None
        server.asked.clear()
        groups = [ShardGroup(count=2, index=index) for index in (0, 0, 1)]
        *_, last = (produce(given.model_copy(update={"shard_group": group}), REFINE) for group in groups)
        assert len(server.asked) == NUMBER - finished
        elsewhere = store.at(f"{store.address}/alone")
        undisturbed: Any = produce(settings(elsewhere, embedded, documents, endpoint={"url": server.url}), REFINE)
    assert isinstance(last, Artifact)
    assert last.manifest.content == undisturbed.manifest.content
    assert [last.read(part) for part in last.parts()] == [undisturbed.read(part) for part in undisturbed.parts()]


def test_the_page_of_a_run_says_what_a_model_had_a_say_in_and_what_it_cost(
    store: Store, embedded: EmbeddedStore
) -> None:
    place: Any = {"store": store.address, "s3": embedded.s3, "probe": False}
    documents = commit_documents(store, pages(120), shards=2)
    priced = EndpointSettings(model=STAND_IN, prompt_price=2.0, completion_price=10.0)
    grading = GradingSettings(**place, documents=documents.address, endpoint=priced, per_year=25)
    graded: Any = produce(grading, "octo.data.grading:grade")
    fasttext = FastTextSettings(dimension=8, epochs=25, learning_rate=0.5, min_count=1, buckets=1000)
    classification = ClassificationSettings(
        **place, documents=documents.address, graded=graded.address, fasttext=fasttext
    )
    classified: Any = produce(classification, "octo.data.classification:classify")
    longest = max(len(document.text) for document in pages(120))
    refinement = settings(store, embedded, classified).model_copy(update={"max_document_characters": longest - 1})
    refined: Any = produce(refinement, REFINE)
    stages: dict[str, tuple[JobSettings, Any]] = {
        "grade": (grading, graded),
        "classify": (classification, classified),
        "refine": (refinement, refined),
    }
    described = [
        {"name": name, "job": given.job, "settings": given.model_dump(mode="json"), "address": made.address}
        for name, (given, made) in stages.items()
    ]
    store.put_record("runs/r/run.json", {"run_id": "r", "pipeline": "octothinker", "stages": described})
    page = " ".join(re.sub(r"<[^>]+>", " ", render_page(store, "r")).split())
    tokens = graded.manifest.counters
    cost = (2 * tokens["tokens.prompt"] + 10 * tokens["tokens.completion"]) / 1e6
    assert f"what they cost is {cost:.2f}" in page
    assert "refine rests on" in page
    assert "what they cost is unknown" in page
    assert "octo's stand-in: a few rules in place of a language model" in page
    assert re.search(r"Scores by year\..* 2014 \d+ 25 .* undated \d+ 25 ", page)
    assert re.search(r"0\.40 \(chosen\) \d+ \d+\.\d", page)
    lost = refined.manifest.counters["documents.dropped.too_large"]
    assert lost > 0
    assert f"{lost} too large" in page
