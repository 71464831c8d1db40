"""The grading job against a service on this machine: the same grades whatever the fleet, and each answer paid once."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from octo.data.documents import read_columns
from octo.data.grading import DROPPED, GRADED, Graded
from octo.errors import InputError, StageFailedError, UsageError
from octo.job import produce, stage_digest
from octo.settings.base import ShardGroup
from octo.settings.endpoint import STAND_IN, EndpointSettings
from octo.settings.grading import GradingSettings
from octo.settings.loading import arguments_of, secrets_of
from octo.storage.artifacts import Artifact, PendingArtifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.asked_documents import commit_documents, pages
from tests.wire import endpoints
from tests.wire.endpoints import FaultyEndpoint, Handler, endpoint

FUNCTION = "octo.data.grading:grade"


def settings(store: Store, embedded: EmbeddedStore, documents: Artifact, **more: Any) -> GradingSettings:
    endpoint_settings = {"model": STAND_IN, "concurrency": 4, **more.pop("endpoint", {})}
    given = {"per_year": 8, "probe": False, **more}
    return GradingSettings(
        store=store.address,
        s3=embedded.s3,
        documents=documents.address,
        endpoint=EndpointSettings.model_validate(endpoint_settings),
        **given,
    )


def graded(artifact: Artifact | PendingArtifact, part: str = GRADED) -> list[Graded]:
    assert isinstance(artifact, Artifact)
    found = [
        row
        for each in artifact.parts(part)
        for row in read_columns(artifact.read(each), ("id", "reason") if part == DROPPED else Graded._fields)
    ]
    return [Graded(*row) for row in found] if part == GRADED else found  # type: ignore[return-value]


def test_as_many_of_each_year_are_graded_whatever_the_shards_and_their_order(
    store: Store, embedded: EmbeddedStore
) -> None:
    documents = pages(90)
    found = {}
    for shards, order in ((1, 0), (4, 1), (7, 2)):
        artifact = produce(
            settings(store, embedded, commit_documents(store, documents, shards=shards, order=order)), FUNCTION
        )
        found[shards] = sorted(graded(artifact))
    assert found[1] == found[4] == found[7]
    assert Counter(row.year for row in found[1]) == dict.fromkeys(("2014", "2019", "2024", "undated"), 8)
    assert {row.score for row in found[1]} >= {"1", "5"}
    assert all(row.answered_by == STAND_IN and "stand-in" in row.justification for row in found[1])
    # They are the documents that they were, and all counted.
    assert {row[:6] for row in found[1]} <= set(map(tuple, documents))
    assert isinstance(artifact, Artifact)
    counters = artifact.manifest.counters
    assert counters["documents.in"] == counters["documents.kept"] == counters["answers"] == 32
    assert sum(counters[f"year.{year}.documents"] for year in ("2014", "2019", "2024", "undated")) == 90
    assert sum(count for name, count in counters.items() if name.startswith("score.")) == 32
    assert counters["tokens.prompt"] > counters["tokens.completion"] > 0


def test_a_year_may_have_a_quota_of_its_own(store: Store, embedded: EmbeddedStore) -> None:
    artifact = produce(
        settings(
            store,
            embedded,
            commit_documents(store, pages(60), shards=2),
            quotas={"2014": 3, "undated": 0},
        ),
        FUNCTION,
    )
    assert Counter(row.year for row in graded(artifact)) == {"2014": 3, "2019": 8, "2024": 8}


def test_answers_without_a_score_are_dropped_and_counted_and_never_taken_for_nought(
    store: Store, embedded: EmbeddedStore
) -> None:
    documents = commit_documents(store, pages(60), shards=1)
    with endpoint() as server:
        server.plan.extend([endpoints.saying("I would rather not say.")] * 2)
        server.plan.append(endpoints.saying("Final score: about four"))
        server.plan.append(endpoints.status(413, "too long"))
        given = settings(store, embedded, documents, endpoint={"url": server.url, "concurrency": 1})
        artifact = produce(given, FUNCTION)
    assert isinstance(artifact, Artifact)
    counters = artifact.manifest.counters
    assert counters["documents.dropped.no_score"] == 3
    assert counters["documents.dropped.refused"] == 1
    assert counters["documents.in"] == counters["documents.kept"] + 4
    left_out = {row[0] for row in graded(artifact, DROPPED)}
    assert len(left_out) == 4
    assert not left_out & {row.id for row in graded(artifact)}


def test_a_model_that_does_not_grade_fails_the_job_with_an_example(store: Store, embedded: EmbeddedStore) -> None:
    documents = commit_documents(store, pages(60), shards=1)
    with (
        endpoint(always=endpoints.saying("What a lovely page!")) as server,
        pytest.raises(InputError, match=r"32 of 32 documents have no usable answer .*What a lovely page!"),
    ):
        produce(settings(store, embedded, documents, endpoint={"url": server.url}), FUNCTION)


def test_no_documents_are_no_sample(store: Store, embedded: EmbeddedStore) -> None:
    with pytest.raises(InputError, match="there is no document"):
        produce(settings(store, embedded, commit_documents(store, [], shards=1)), FUNCTION)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no model is asked: give --endpoint.model"),
        ({"model": "llama"}, "nobody serves llama: give --endpoint.url"),
    ],
)
def test_who_names_no_model_or_no_service_is_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        GradingSettings(documents="s3://octo/x", endpoint=EndpointSettings.model_validate(given)).check_complete()


def test_where_and_how_fast_is_asked_changes_no_digest_and_who_is_asked_does() -> None:
    def digest(**given: Any) -> str:
        more = {"model": "llama", **given.pop("endpoint", {})}
        return stage_digest(GradingSettings(endpoint=EndpointSettings.model_validate(more), **given))

    same = [
        {"url": "http://a/v1"},
        {"concurrency": 2},
        {"api_key": "k"},
        {"prompt_price": 1.0},
        {"serving": {"pods": 2}},
    ]
    assert {digest(endpoint=each) for each in same} == {digest()}
    others = [
        {"endpoint": {"model": "x"}},
        {"rubric": "Final score: N"},
        {"endpoint": {"temperature": 1.0}},
        {"seed": 1},
    ]
    assert len({digest(), *(digest(**each) for each in others)}) == 5


def everything(artifact: Artifact | PendingArtifact) -> Any:
    """All bytes and counts; not times and attempts."""
    assert isinstance(artifact, Artifact)
    return artifact.manifest.content, [artifact.read(part) for part in artifact.parts()]


def test_pods_of_a_fleet_and_a_second_pod_of_one_group_make_the_same_bytes_and_ask_once(
    store: Store, embedded: EmbeddedStore
) -> None:
    documents = commit_documents(store, pages(60), shards=4)
    with endpoint() as server:
        given = settings(store, embedded, documents, endpoint={"url": server.url})
        elsewhere = settings(store.at(f"{store.address}/alone"), embedded, documents, endpoint={"url": server.url})
        expected = produce(elsewhere, FUNCTION)
        server.asked.clear()
        groups = [ShardGroup(count=2, index=0), ShardGroup(count=2, index=0), ShardGroup(count=2, index=1)]
        *_, last = (produce(given.model_copy(update={"shard_group": group}), FUNCTION) for group in groups)
        assert everything(last) == everything(expected)
        assert len(server.asked) == 32


def test_a_worker_that_is_killed_asks_no_finished_question_again(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    documents = commit_documents(store, pages(60), shards=3)
    started: list[subprocess.Popen[bytes]] = []

    def kill_at_the_tenth(handler: Handler, request: dict[str, Any]) -> None:
        if len(handler.server.asked) >= 10:
            os.kill(started[0].pid, signal.SIGKILL)
        endpoints.answer(handler, request)

    with endpoint(always=kill_at_the_tenth) as server:
        given = settings(store, embedded, documents, endpoint={"url": server.url})
        command = [sys.executable, "-m", "jobs.grading", *arguments_of(given)]
        with subprocess.Popen(command, env={"PATH": "/usr/bin:/bin", **secrets_of(given)}) as worker:
            started.append(worker)
        assert worker.returncode == -signal.SIGKILL
        finished = {key.rpartition("/")[2] for key in store.list("generations/")}
        assert finished
        server.always = None
        server.asked.clear()
        resumed = produce(given, FUNCTION)
        assert len(server.asked) == 32 - len(finished)
        undisturbed = settings(store.at(f"{store.address}/alone"), embedded, documents, endpoint={"url": server.url})
        assert everything(resumed) == everything(produce(undisturbed, FUNCTION))


def test_a_service_that_is_killed_and_started_again_changes_no_byte(store: Store, embedded: EmbeddedStore) -> None:
    documents = commit_documents(store, pages(60), shards=2)

    def end(handler: Handler, request: dict[str, Any]) -> None:
        # From here on nobody listens: the next one on this port is started when the first is gone.
        handler.close_connection = True

    with endpoint() as server:
        given = settings(store, embedded, documents, endpoint={"url": server.url})
        undisturbed = settings(store.at(f"{store.address}/alone"), embedded, documents, endpoint={"url": server.url})
        expected = produce(undisturbed, FUNCTION)
        server.plan.extend([endpoints.answer] * 5 + [end] * 4 + [endpoints.html] * 3)
        assert everything(produce(given, FUNCTION)) == everything(expected)


def test_each_of_several_services_is_asked(store: Store, embedded: EmbeddedStore) -> None:
    documents = commit_documents(store, pages(60), shards=1)
    with endpoint() as first, endpoint() as second:
        given = settings(store, embedded, documents, endpoint={"servers": (first.url, second.url)})
        produce(given, FUNCTION)
        assert min(len(first.asked), len(second.asked)) > 0
        assert len(first.asked) + len(second.asked) == 32


def questions(server: FaultyEndpoint) -> Counter[str]:
    return Counter(request["messages"][1]["content"] for request in server.asked)


def test_a_long_document_is_judged_by_its_beginning_and_what_it_says_to_the_model_stays_its_text(
    store: Store, embedded: EmbeddedStore
) -> None:
    documents = commit_documents(store, pages(3), shards=1)
    with endpoint() as server:
        given = settings(store, embedded, documents, max_document_characters=100, endpoint={"url": server.url})
        produce(given, FUNCTION)
        assert max(map(len, questions(server))) == 100
        assert all([each["role"] for each in request["messages"]] == ["system", "user"] for request in server.asked)


def test_a_pod_whose_server_ends_says_so_and_commits_nothing(store: Store, embedded: EmbeddedStore) -> None:
    serving = {"model": "no/such-model", "serving": {"pods": 1}}
    given = settings(store, embedded, commit_documents(store, pages(3), shards=1), role="server", endpoint=serving)
    # Where vLLM is not installed, its module is not found; where it is, the model is not.
    with pytest.raises(StageFailedError, match=r"vLLM's server of no/such-model ended with exit code [1-9]"):
        produce(given, FUNCTION)
    assert not list(store.list(f"artifacts/grading/{stage_digest(given)}/commits"))
