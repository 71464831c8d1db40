"""A gateway that drops checksums, damages bytes, misses keys and answers with pages: octo believes its own digests."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octo.errors import IntegrityError
from octo.job import produce
from octo.ml.rl.protocol import shared_token
from octo.report.runs import described, record, recorded, span_lines
from octo.settings.base import ShardGroup
from octo.storage.artifacts import IndexResult, Output, SpanId, find_artifact
from octo.storage.checkpoints import Checkpoint, Latest, discard, kept_checkpoints
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import PART_BYTES, Store, connect
from tests.wire.faults import (
    Act,
    FaultProxy,
    Reply,
    damage_what_is_sent,
    drop_keys,
    fault_proxy,
    flip_bit_unseen,
    lose_reply,
    shorten_body,
)
from tests.wire.toy_job import FUNCTION, SquaresSettings, squares

BODY = random.Random(5).randbytes(50_000)
DIGEST = "d" * 64
ALWAYS = 100


@pytest.fixture
def gateway(embedded: EmbeddedStore) -> Iterator[FaultProxy]:
    with fault_proxy(embedded.s3.endpoint, signer=embedded.s3) as gateway:
        yield gateway


@pytest.fixture
def behind(store: Store, embedded: EmbeddedStore, gateway: FaultProxy) -> Store:
    """The same objects as `store`'s, over the gateway."""
    return connect(store.address, embedded.s3.model_copy(update={"endpoint": gateway.endpoint}))


def page(_forward: object) -> Reply:
    text = b"<html><body>Your session has expired.</body></html>"
    return Reply(200, (("Content-Type", "text/html"), ("Content-Length", str(len(text)))), text)


def commit(store: Store, num_indexes: int = 3) -> Output:
    output = Output(store, job="squares", digest=DIGEST, attempt="one")
    for index in range(num_indexes):
        output.commit(index, IndexResult(parts={"square": str(index * index).encode()}, rows={"square": 1}))
    return output


def finish(output: Output, num_indexes: int = 3) -> None:
    output.finish(
        range(num_indexes),
        stage="squares",
        code_version=1,
        settings={"seed": 0.5},
        inputs={},
        versions={},
        producer=SpanId(trace_id="1" * 32, span_id="2" * 16),
        started_at=datetime.now(UTC),
    )


def committed(store: Store) -> object:
    finish(commit(store))
    artifact = find_artifact(store, "squares", DIGEST)
    assert artifact is not None
    return artifact.manifest, [artifact.read(part) for part in artifact.parts()]


def commits(store: Store) -> object:
    return [(each.index, each.parts) for each in commit(store).committed().values()]


def shared(store: Store) -> object:
    return Output(store, job="squares", digest=DIGEST, attempt="one").shared("found", lambda: BODY)


def checkpoint(store: Store) -> object:
    Latest(store, DIGEST, attempt="one").keep(Checkpoint(step=30, world_size=1, files=(), versions={"torch": "2"}))
    return kept_checkpoints(store, DIGEST)


def run(store: Store) -> object:
    store.put_record("runs/run/run.json", {"run_id": "run", "seed": 7})
    record(store, "run", "curate", {"state": "done"})
    return described(store, "run"), recorded(store, "run", "curate")


def spans(store: Store) -> object:
    store.put_sealed("runs/run/spans/curate.jsonl", b'{"resourceSpans":[]}\n')
    return span_lines(store, "run")


def token(store: Store) -> object:
    return len(shared_token(store, DIGEST))


READERS: dict[str, tuple[Callable[[Store], object], str]] = {
    "manifest": (committed, "squares/d*/manifest.json"),
    "part": (committed, "parts/1-"),
    "commit": (commits, "commits/1.json"),
    "shared": (shared, "shared/found"),
    "pointer": (checkpoint, "latest.json"),
    "checkpoint": (checkpoint, "step-30/manifest.json"),
    "run": (run, "run.json"),
    "stage": (run, "stages/curate.json"),
    "spans": (spans, "spans/curate.jsonl"),
    "token": (token, "/token"),
}


@pytest.mark.parametrize("act", [flip_bit_unseen, shorten_body, page], ids=["bit", "short", "page"])
@pytest.mark.parametrize("kind", READERS)
def test_what_is_damaged_once_is_read_again_and_what_always_is_never_believed(
    store: Store, behind: Store, gateway: FaultProxy, kind: str, act: Act
) -> None:
    read, key = READERS[kind]
    expected, last = read(store), key.rpartition("*")[2]
    gateway.plan("GET", last, act)
    assert read(behind) == expected
    assert len(gateway.happened) == 1
    gateway.plan("GET", last, act, times=ALWAYS)
    if kind in {"shared", "checkpoint"}:
        # Made anew, and left out: neither is needed for a right result.
        assert read(behind) == (expected if kind == "shared" else [])
    else:
        with pytest.raises(IntegrityError, match=rf"{last}.*(is not what was written|expected sha256)"):
            read(behind)


@pytest.mark.parametrize("times", [1, 3])
def test_what_is_damaged_on_its_way_to_the_store_is_mended_by_who_wrote_it(
    store: Store, behind: Store, gateway: FaultProxy, tmp_path: Path, times: int
) -> None:
    large = tmp_path / "large"
    large.write_bytes(random.Random(6).randbytes(PART_BYTES + 1))
    gateway.plan("PUT", "plain", damage_what_is_sent, times=times)
    gateway.plan("PUT", "claim", damage_what_is_sent, times=times)
    gateway.plan("PUT", "pointer", damage_what_is_sent, times=times)
    gateway.plan("PUT", "partNumber=2", damage_what_is_sent)
    store.put("pointer", b"old")
    seen = store.head("pointer")
    assert seen is not None
    behind.put("plain", BODY)
    assert behind.put_if_absent("claim", BODY)
    assert behind.replace("pointer", BODY, etag=seen.etag)
    body = large.read_bytes()
    behind.upload(large, "large")
    gateway.plan("PUT", "partNumber=1", damage_what_is_sent)
    behind.upload_read("streamed", len(body), lambda first, size: body[first : first + size])
    assert store.get("streamed") == body
    assert [store.get(key) for key in ("plain", "claim", "pointer")] == [BODY] * 3
    assert store.get("large") == large.read_bytes()
    assert len(gateway.happened) == 3 * times + 2


def test_a_claim_that_was_damaged_and_whose_reply_was_lost_is_mended(
    store: Store, behind: Store, gateway: FaultProxy
) -> None:
    gateway.plan("PUT", "claim", lambda forward: lose_reply(lambda: damage_what_is_sent(forward)))
    gateway.plan("PUT", "claim", lose_reply)
    assert behind.put_if_absent("claim", BODY)
    assert store.get("claim") == BODY


def test_a_store_that_always_damages_what_it_is_sent_is_named(behind: Store, gateway: FaultProxy) -> None:
    for key, write in (("plain", behind.put), ("claim", behind.put_if_absent)):
        gateway.plan("PUT", key, damage_what_is_sent, times=ALWAYS)
        with pytest.raises(IntegrityError, match=rf"keeps other bytes of s3://.*/{key} than it is sent, 6 times"):
            write(key, BODY)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_listing_that_misses_commits_makes_no_smaller_artifact(
    store: Store, behind: Store, gateway: FaultProxy, kept: int
) -> None:
    output = commit(behind)
    gateway.plan("GET", "list-type", drop_keys(lambda key: int(key[-6]) < kept), times=ALWAYS)
    assert output.committed_indexes() == set(range(kept))
    finish(output)
    artifact = find_artifact(store, "squares", DIGEST)
    assert artifact is not None
    assert [artifact.read(part) for part in artifact.parts()] == [b"0", b"1", b"4"]


def test_the_last_group_of_a_fleet_commits_the_artifact_though_no_listing_shows_the_others(
    store: Store, behind: Store, embedded: EmbeddedStore, gateway: FaultProxy
) -> None:
    gateway.plan("GET", "list-type", drop_keys(lambda _key: False), times=ALWAYS)
    s3 = embedded.s3.model_copy(update={"endpoint": gateway.endpoint})
    settings = SquaresSettings(store=store.address, s3=s3, run_id="run", count=5)
    for index in (1, 0):
        made = produce(settings.model_copy(update={"shard_group": ShardGroup(index=index, count=2)}), FUNCTION)
    artifact = find_artifact(store, "squares", made.address.rpartition("/")[2])
    assert artifact is not None
    assert squares(artifact) == [0, 1, 4, 9, 16]
    discard(behind, artifact.manifest.digest)
