"""Sources that others put into the store's service: listed, read object by object, and part of the digest."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from octo.data.documents import read_columns, read_documents
from octo.data.ingestion import ingest
from octo.errors import InputError, IntegrityError, MissingError, StorageError
from octo.job import open_job, produce, stage_digest
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.plan import plan
from octo.settings.base import ShardGroup
from octo.settings.ingestion import IngestionSettings
from octo.settings.installation import Installation
from octo.settings.proof import ProofSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.listing import fetch_listed, list_objects
from octo.storage.store import Store
from tests.wire.faults import FaultProxy, drop_keys

FUNCTION = "octo.data.ingestion:ingest"
TEXTS = {"a.jsonl": ["one", "two"], "below/b.jsonl.gz": ["three"], "c.jsonl": ["four", "five", "six"]}


def lines(texts: list[str]) -> bytes:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


@pytest.fixture
def corpus(store: Store) -> Store:
    """A prefix with three objects to read, one that nobody can, and one that only begins alike."""
    place = store.at(f"{store.address}/corpus")
    for key, texts in TEXTS.items():
        place.put(key, gzip.compress(lines(texts)) if key.endswith(".gz") else lines(texts))
    place.put("README", b"about these data")
    store.put("corpus-of-others/d.jsonl", lines(["never"]))
    return place


def settings_of(corpus: Store, store: Store, embedded: EmbeddedStore, **given: Any) -> IngestionSettings:
    sources = (f"web={corpus.address}", "made=arithmetic:prompts?count=3")
    place = {"store": store.address, "s3": embedded.s3, "probe": False}
    return IngestionSettings(**{"sources": sources, **place, **given})


def made(settings: IngestionSettings) -> Artifact:
    artifact = produce(settings, FUNCTION)
    assert isinstance(artifact, Artifact)
    return artifact


def test_each_object_is_an_index_and_its_documents_say_where_they_came_from(
    corpus: Store, store: Store, embedded: EmbeddedStore
) -> None:
    artifact = made(settings_of(corpus, store, embedded))
    parts = artifact.parts("documents.parquet")
    assert [part.index for part in parts] == [0, 1, 2, 3]
    documents = [list(read_documents(artifact.read(part))) for part in parts]
    assert [[each.text for each in found] for found in documents[:3]] == [TEXTS[key] for key in sorted(TEXTS)]
    assert [each.url for each in documents[1]] == [f"{corpus.address}/below/b.jsonl.gz#1"]
    assert {each.source for found in documents[:3] for each in found} == {"web"}
    assert artifact.manifest.counters["records.written"] == 9


def test_shard_groups_share_the_objects(corpus: Store, store: Store, embedded: EmbeddedStore) -> None:
    whole = settings_of(corpus, store, embedded)
    for index in range(2):
        produce(whole.model_copy(update={"shard_group": ShardGroup(count=2, index=index)}), FUNCTION)
    assert made(whole).manifest.counters["records.written"] == 9


def test_other_objects_make_another_artifact(corpus: Store, store: Store, embedded: EmbeddedStore) -> None:
    settings = settings_of(corpus, store, embedded)
    before = stage_digest(settings)
    assert stage_digest(settings) == before
    corpus.put("a.jsonl", lines(["one", "TWO"]))
    changed = stage_digest(settings)
    corpus.put("e.jsonl", lines(["seven"]))
    assert len({before, changed, stage_digest(settings)}) == 3


def test_what_changes_while_it_is_read_is_not_read(corpus: Store, store: Store, tmp_path: Path) -> None:
    listed = list_objects(store, corpus.address)
    corpus.put("c.jsonl", lines(["other"]))
    found = {each.key: each for each in listed}
    with pytest.raises(IntegrityError, match=r"/c\.jsonl is not what was listed: run again"):
        fetch_listed(store, corpus.address, found["c.jsonl"], tmp_path / "file")
    corpus.delete("a.jsonl")
    with pytest.raises((IntegrityError, MissingError)):
        fetch_listed(store, corpus.address, found["a.jsonl"], tmp_path / "file")


def test_a_worker_that_finds_other_objects_than_the_digest_stands_for_stops(
    corpus: Store, store: Store, embedded: EmbeddedStore
) -> None:
    settings = settings_of(corpus, store, embedded)
    digest = stage_digest(settings)
    corpus.put("z.jsonl", lines(["late"]))
    with (
        open_job(settings, digest, "attempt", None) as job,
        pytest.raises(InputError, match="changed while they were listed: run again"),
    ):
        ingest(job)


def test_a_corrupt_object_is_named_by_its_address(corpus: Store, store: Store, embedded: EmbeddedStore) -> None:
    corpus.put("broken.jsonl.gz", gzip.compress(lines(["cut short"] * 500))[:-20])
    with pytest.raises(InputError) as refused:
        produce(settings_of(corpus, store, embedded), FUNCTION)
    assert f"{corpus.address}/broken.jsonl.gz is corrupt" in str(refused.value)
    assert "scratch" not in str(refused.value)


def test_a_prefix_without_objects_says_so_and_a_plan_leaves_its_address_open(
    store: Store, embedded: EmbeddedStore
) -> None:
    empty = store.at(f"{store.address}/nothing")
    settings = settings_of(empty, store, embedded)
    with pytest.raises(InputError, match=r"nothing is stored below s3://.*/nothing: put objects there"):
        produce(settings, FUNCTION)
    [planned] = plan(Pipeline("one", (Stage("ingest", settings),)), Installation(), store)
    assert planned.address == ""
    assert "nothing is stored below" in planned.unknown


def test_a_prefix_with_no_known_format_says_which_are_known(store: Store, embedded: EmbeddedStore) -> None:
    place = store.at(f"{store.address}/odd")
    place.put("a.tar", b"x")
    with pytest.raises(InputError, match=r"expected objects that end in one of \.jsonl, .* found none"):
        produce(settings_of(place, store, embedded), FUNCTION)


def test_code_problems_are_read_from_objects_too(store: Store, embedded: EmbeddedStore) -> None:
    place = store.at(f"{store.address}/problems")
    problem = {"question": "Add one to n.", "test_cases": [f"assert f({n}) == {n + 1}" for n in range(1, 4)]}
    solved = [{**problem, "answer": f"def f(n): return n + {more}"} for more in (1, 2)]
    place.put("a.jsonl", "".join(json.dumps(each) + "\n" for each in solved).encode())
    sources = (f"code=tests:{place.address}?shown=1",)
    settings = settings_of(place, store, embedded, sources=sources)
    with pytest.raises(
        InputError, match=r"1 of 2 problems do not prove themselves: 1 reference_fails \(first s3:.*#2: "
    ):
        made(settings)
    artifact = made(settings.model_copy(update={"proof": ProofSettings(max_set_aside=0.5)}))
    [document] = read_documents(artifact.read_one("documents.parquet"))
    assert document.url == f"{place.address}/a.jsonl#1"
    assert "Add one to n." in document.text
    counters = artifact.manifest.counters
    assert {name: count for name, count in counters.items() if name.startswith(("problems", "records.rejected"))} == {
        "problems.in": 2,
        "problems.proven": 1,
        "problems.set_aside.reference_fails": 1,
        "records.rejected.reference_fails": 1,
    }


def test_objects_are_hidden_unread_and_counted_by_the_rule_of_directories(
    store: Store, embedded: EmbeddedStore
) -> None:
    place = store.at(f"{store.address}/mixed")
    for key in ("a.jsonl", "b/C.NDJSON", ".cache/old.jsonl", "b/._x.jsonl"):
        place.put(key, lines(["x" * 500]))
    place.put("b/notes.docx", b"y" * 100)
    artifact = made(settings_of(place, store, embedded, sources=(f"web={place.address}",)))
    counters = artifact.manifest.counters
    assert {name: count for name, count in counters.items() if name.startswith("files.")} == {
        "files.in": 5,
        "files.read": 2,
        "files.unread.hidden": 2,
        "files.unread.unknown_format": 1,
    }
    [part] = artifact.parts("unread.parquet")
    assert [row[0] for row in read_columns(artifact.read(part), ("name",))] == [
        ".cache/old.jsonl",
        "b/._x.jsonl",
        "b/notes.docx",
    ]
    strict = settings_of(place, store, embedded, sources=(f"web={place.address}",), max_unread_share=0.01)
    with pytest.raises(InputError, match=r"objects with .* are not read .*: 1 of 5, 1 of them unknown_format"):
        produce(strict, FUNCTION)


def test_a_skipped_corrupt_object_is_named_by_its_address(store: Store, embedded: EmbeddedStore) -> None:
    place = store.at(f"{store.address}/skipped")
    place.put("a.jsonl.gz", gzip.compress(lines(["whole"] * 10)) + b"and more")
    settings = settings_of(
        place, store, embedded, sources=(f"web={place.address}",), on_bad_file="skip", max_bad_share=0.5
    )
    artifact = made(settings)
    [(url, detail)] = read_columns(artifact.read_one("rejected.parquet"), ("url", "detail"))
    assert url == f"{place.address}/a.jsonl.gz"
    assert detail.startswith(f"{place.address}/a.jsonl.gz is corrupt")


def behind(corpus: Store, store: Store, embedded: EmbeddedStore, proxy: FaultProxy) -> IngestionSettings:
    """The job, over a gateway whose listings miss what they are told to."""
    s3 = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    return settings_of(corpus, store, embedded, s3=s3)


@pytest.mark.parametrize("lacking", ["part-0002", "part-0004"])
def test_a_number_that_no_listing_has_is_asked_for_and_named(
    corpus: Store, store: Store, embedded: EmbeddedStore, proxy: FaultProxy, lacking: str
) -> None:
    for number in range(1, 5):
        corpus.put(f"part-000{number}.jsonl", lines([f"text {number}"]))
    proxy.plan("GET", "list-type", drop_keys(lambda key: lacking not in key), times=100)
    with pytest.raises(StorageError, match=rf"has {corpus.address}/{lacking}\.jsonl and does not list it: run again"):
        produce(behind(corpus, store, embedded, proxy), FUNCTION)


def test_a_key_that_is_lost_where_two_pages_meet_is_no_listing_to_believe(
    corpus: Store, store: Store, embedded: EmbeddedStore, proxy: FaultProxy
) -> None:
    proxy.plan("GET", "max-keys=1000", drop_keys(lambda key: not key.endswith("c.jsonl")), times=100)
    with pytest.raises(InputError, match="changed while they were listed: run again"):
        produce(behind(corpus, store, embedded, proxy), FUNCTION)


def test_names_that_leave_numbers_out_are_asked_for_and_read(
    corpus: Store, store: Store, embedded: EmbeddedStore
) -> None:
    for number in (1, 2, 5):
        corpus.put(f"part-{number}.jsonl", lines([f"text {number}"]))
    assert made(settings_of(corpus, store, embedded)).manifest.counters["records.written"] == 12
