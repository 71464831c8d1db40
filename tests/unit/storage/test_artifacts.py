import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octo.errors import InputError, IntegrityError, InvariantError, MissingError, UsageError
from octo.storage.artifacts import (
    Artifact,
    Commit,
    IndexResult,
    InputRef,
    Output,
    SpanId,
    digest_of,
    find_artifact,
    open_artifact,
)
from octo.storage.store import Store

DIGEST = digest_of(job="curation", code_version=1, settings={}, inputs={})


def output(store: Store, attempt: str = "first") -> Output:
    return Output(store, job="curation", digest=DIGEST, attempt=attempt)


def finish(made: Output, inputs: dict[str, list[InputRef]] | None = None) -> Artifact:
    return made.finish(
        made.committed_indexes(),
        stage="curate",
        code_version=1,
        settings={"threshold": 0.5},
        inputs=inputs or {},
        versions={"octo": "0"},
        producer=SpanId(trace_id="1" * 32, span_id="2" * 16),
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def result(text: bytes = b"text", **counters: int) -> IndexResult:
    return IndexResult(parts={"documents": text}, rows={"documents": 1}, counters=counters)


def test_an_artifact_is_there_once_its_manifest_is(store: Store) -> None:
    made = output(store)
    made.commit(0, result())
    assert find_artifact(store, "curation", DIGEST) is None
    address = f"{store.address}/artifacts/curation/{DIGEST}"
    with pytest.raises(MissingError, match=f"no artifact is committed at {address}"):
        open_artifact(store, address)
    finished = finish(made)
    assert finished.address == address
    for found in (find_artifact(store, "curation", DIGEST), open_artifact(store, address)):
        assert found is not None
        assert found.manifest == finished.manifest
        assert found.read_one("documents") == b"text"


def test_parts_come_in_the_order_of_index_and_name(store: Store) -> None:
    made = output(store)
    for index in (10, 2, 0):
        made.commit(index, IndexResult(parts={"b": b"b", "a": b"a"}))
    parts = finish(made).parts()
    assert [(part.index, part.name) for part in parts] == [(i, name) for i in (0, 2, 10) for name in "ab"]
    assert [part.index for part in finish(made).parts("b")] == [0, 2, 10]


def test_a_commit_says_what_was_stored_and_by_whom(store: Store, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_bytes(b"1234")
    parts = {"tokens.bin": tmp_path / "tokens", "documents": b"text"}
    commit = output(store).commit(7, IndexResult(parts=parts, rows={"documents": 3}, counters={"kept": 3}))
    documents, tokens = commit.parts
    assert (documents.name, documents.rows, documents.size) == ("documents", 3, 4)
    assert documents.sha256 == hashlib.sha256(b"text").hexdigest()
    assert documents.key == f"artifacts/curation/{DIGEST}/parts/7-first.documents"
    assert (tokens.rows, tokens.size, tokens.sha256) == (0, 4, hashlib.sha256(b"1234").hexdigest())
    assert store.get(tokens.key) == b"1234"
    assert (commit.index, commit.attempt, commit.counters) == (7, "first", {"kept": 3})
    assert output(store, "second").committed() == {7: commit}
    assert output(store, "second").committed_indexes() == {7}


def test_the_second_attempt_takes_over_what_the_first_committed(store: Store) -> None:
    first = output(store).commit(0, result(b"first"))
    assert output(store, "second").commit(0, result(b"second")) == first
    artifact = finish(output(store, "third"))
    assert artifact.manifest.attempts == {0: "first"}
    assert artifact.read_one("documents") == b"first"


def test_the_second_manifest_is_the_first_ones(store: Store) -> None:
    made = output(store)
    made.commit(0, result())
    first = finish(made)
    again = finish(output(store, "second"), {"documents": [InputRef.of(first)]})
    assert again.manifest == first.manifest
    assert again.manifest.inputs == {}


def test_counters_are_summed_and_a_zero_is_kept(store: Store) -> None:
    made = output(store)
    made.commit(0, result(kept=2, dropped=0))
    made.commit(1, result(kept=3))
    assert finish(made).manifest.counters == {"dropped": 0, "kept": 5}


def test_lineage_is_in_the_manifest(store: Store) -> None:
    made = output(store)
    made.commit(0, result())
    source = finish(made)
    other = Output(store, job="tokenization", digest="a" * 64, attempt="first")
    other.commit(0, result())
    reference = finish(other, {"corpus": [InputRef.of(source)]}).manifest.inputs["corpus"][0]
    assert (reference.address, reference.digest, reference.content) == (source.address, DIGEST, source.manifest.content)
    assert open_artifact(store, reference.address).manifest == source.manifest


def test_attempts_that_race_through_every_index_end_with_one_artifact(store: Store) -> None:
    rivals, indexes = 3, range(3)
    together = threading.Barrier(rivals, timeout=1500)

    def attempt(number: int) -> tuple[list[Commit], Artifact]:
        made = output(store, f"rival{number}")
        commits = []
        for index in indexes:
            together.wait()
            commits.append(made.commit(index, result(f"{index} by {number}".encode())))
        together.wait()
        return commits, finish(made)

    with ThreadPoolExecutor(rivals) as pool:
        outcomes = list(pool.map(attempt, range(rivals)))
    commits, artifact = outcomes[0]
    assert all(outcome == (commits, artifact) for outcome in outcomes[1:])
    for part in artifact.parts():
        number = artifact.manifest.attempts[part.index].removeprefix("rival")
        assert artifact.read(part) == f"{part.index} by {number}".encode()


def test_a_part_that_was_altered_is_not_read(store: Store, tmp_path: Path) -> None:
    made = output(store)
    part = made.commit(0, result(b"text")).parts[0]
    artifact = finish(made)
    store.put(part.key, b"tExt")
    expected = (
        rf"part documents of index 0 at .*: expected sha256 {part.sha256}, got {hashlib.sha256(b'tExt').hexdigest()}"
    )
    with pytest.raises(IntegrityError, match=expected):
        artifact.read(part)
    with pytest.raises(IntegrityError, match=expected):
        artifact.fetch(part, tmp_path / "documents")
    assert not (tmp_path / "documents").exists()


def test_a_part_is_fetched_into_a_file(store: Store, tmp_path: Path) -> None:
    made = output(store)
    made.commit(0, result(b"text"))
    artifact = finish(made)
    artifact.fetch(artifact.parts()[0], tmp_path / "documents")
    assert (tmp_path / "documents").read_bytes() == b"text"


def test_one_part_means_one(store: Store) -> None:
    made = output(store)
    made.commit(0, result())
    made.commit(1, result())
    artifact = finish(made)
    with pytest.raises(InputError, match=r"expected one part 'documents' in s3://.*, found 2"):
        artifact.read_one("documents")
    with pytest.raises(
        InputError, match=r"expected one part 'metrics' in s3://.*, found 0: its parts are \['documents'\]"
    ):
        artifact.read_one("metrics")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"rows":1', b'"rows":2', "its seal says"),
        (b'"threshold":0.5', b'"threshold":0.7', "its seal says"),
        (b'"stage":"curate"', b'"stage":"curata"', "its seal says"),
        (b'"seal"', b'"sEal"', "is not a manifest"),
        (b'"producer"', b'"author"', "its seal says"),
        (b"{", b"", "is not a manifest"),
    ],
)
def test_a_manifest_that_was_altered_is_not_believed(store: Store, old: bytes, new: bytes, message: str) -> None:
    made = output(store)
    made.commit(0, result())
    address = finish(made).address
    key = f"artifacts/curation/{DIGEST}/manifest.json"
    store.put(key, store.get(key).replace(old, new, 1))
    with pytest.raises(IntegrityError, match=f"{key} is not what was written: .*{message}"):
        open_artifact(store, address)


@pytest.mark.parametrize(
    ("change", "message"), [({"digest": "0" * 64}, "says digest"), ({"content": "0" * 64}, "says content")]
)
def test_a_whole_manifest_of_something_else_is_not_believed(store: Store, change: dict[str, str], message: str) -> None:
    made = output(store)
    made.commit(0, result())
    artifact = finish(made)
    other = artifact.manifest.model_copy(update=change)
    store.put(f"artifacts/curation/{DIGEST}/manifest.json", other.canonical())
    with pytest.raises(IntegrityError, match=message):
        open_artifact(store, artifact.address)


def test_a_manifest_from_before_there_were_seals_is_read(store: Store) -> None:
    made = output(store)
    made.commit(0, result())
    artifact = finish(made)
    written = json.loads(artifact.manifest.canonical())
    del written["seal"]
    store.put(f"artifacts/curation/{DIGEST}/manifest.json", json.dumps(written).encode())
    assert open_artifact(store, artifact.address).manifest == artifact.manifest


def test_no_manifest_is_committed_over_an_index_that_is_not(store: Store) -> None:
    made = output(store)
    made.commit(1, result())
    with pytest.raises(InvariantError, match=rf"2 of 3 indexes of {made.address} are not committed: \[0, 2\]"):
        made.finish(
            range(3),
            stage="curate",
            code_version=1,
            settings={},
            inputs={},
            versions={},
            producer=SpanId(trace_id="1" * 32, span_id="2" * 16),
            started_at=datetime.now(UTC),
        )
    assert find_artifact(store, "curation", DIGEST) is None


@pytest.mark.parametrize("damage", [b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>", b"", None])
def test_a_commit_that_is_none_is_not_believed(store: Store, damage: bytes | None) -> None:
    made = output(store)
    made.commit(0, result())
    made.commit(1, result())
    key = f"artifacts/curation/{DIGEST}/commits/1.json"
    # Another index's is whole, and still not this one's.
    store.put(key, store.get(key.replace("1.json", "0.json")) if damage is None else damage)
    said = "the commit of index 0" if damage is None else "not a commit"
    with pytest.raises(IntegrityError, match=rf"{key} is not what was written: it is {said}"):
        finish(made)


@pytest.mark.parametrize("damage", [b"<html>login</html>", b"", b"m\xe1de" + b'{"seal":"' + b"0" * 64 + b'"}\n'])
def test_what_is_shared_and_damaged_is_made_anew_and_left_whole(store: Store, damage: bytes) -> None:
    made = output(store)
    assert made.shared("found", lambda: b"made") == b"made"
    assert made.shared("found", lambda: pytest.fail("it was there")) == b"made"
    store.put(f"artifacts/curation/{DIGEST}/shared/found", damage)
    assert made.shared("found", lambda: b"made") == b"made"
    assert made.shared("found", lambda: pytest.fail("it was there")) == b"made"


@pytest.mark.parametrize("address", ["corpus", "s3://octo/artifacts/curation", "s3://octo/artifacts/curation/short"])
def test_what_is_no_artifacts_address_is_refused(store: Store, address: str) -> None:
    with pytest.raises(UsageError, match="expected s3://bucket/prefix"):
        open_artifact(store, address)


def test_a_part_cannot_leave_its_folder(store: Store) -> None:
    with pytest.raises(ValueError, match="expected a part's name"):
        output(store).commit(0, IndexResult(parts={"../manifest.json": b""}))
