import hashlib
import random
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from octo.data.mixture import mixture_of
from octo.data.sequences import SequenceReader
from octo.data.token_shards import open_token_shards
from octo.errors import (
    AccessDeniedError,
    IntegrityError,
    MissingError,
    NoSpaceError,
    StorageError,
    StoreUnreachableError,
)
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import PART_BYTES, Store, connect
from tests.committing import commit
from tests.token_shards import commit_tokens
from tests.wire.faults import Act, FaultProxy, answer, cut_body, flip_bit, hang_up, lose_reply, reset_in_body

BODY = random.Random(0).randbytes(100_000)
ALWAYS = 100


@pytest.fixture
def artifact(store: Store, faulty: Store) -> Artifact:
    """One part, `documents`, that is read over the proxy."""
    return open_artifact(faulty, commit(store, [{"documents": BODY}]).address)


def test_a_claim_whose_reply_was_lost_is_won(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "claim", lose_reply)
    assert faulty.put_if_absent("claim", BODY)
    assert faulty.get("claim") == BODY
    assert len(proxy.happened) == 1


def test_a_claim_whose_every_reply_is_lost_is_won(store: Store, proxy: FaultProxy, embedded: EmbeddedStore) -> None:
    proxy.plan("PUT", "claim", lose_reply, times=ALWAYS)
    impatient = connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=2)
    assert impatient.put_if_absent("claim", BODY)


def test_a_claim_that_came_second_is_lost_though_its_reply_was_lost_too(
    store: Store, faulty: Store, proxy: FaultProxy
) -> None:
    store.put_if_absent("claim", b"first")
    proxy.plan("PUT", "claim", lose_reply)
    assert not faulty.put_if_absent("claim", b"second")
    assert store.get("claim") == b"first"


def test_a_claim_that_never_arrived_is_an_error_not_a_loss(
    store: Store, proxy: FaultProxy, embedded: EmbeddedStore
) -> None:
    proxy.plan("PUT", "claim", hang_up, times=ALWAYS)
    impatient = connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=2)
    with pytest.raises(StoreUnreachableError, match=proxy.endpoint):
        impatient.put_if_absent("claim", BODY)
    assert store.head("claim") is None


def test_a_conflict_of_rivals_is_tried_again(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "claim", answer(409, "ConditionalRequestConflict"))
    assert faulty.put_if_absent("claim", BODY)
    assert len(proxy.happened) == 1


def test_a_conflict_that_a_rival_won_is_lost(store: Store, faulty: Store, proxy: FaultProxy) -> None:
    store.put("claim", b"rival's")
    proxy.plan("PUT", "claim", answer(409, "ConditionalRequestConflict"), times=ALWAYS)
    assert not faulty.put_if_absent("claim", BODY)


def test_a_replacement_whose_reply_was_lost_is_made(faulty: Store, proxy: FaultProxy) -> None:
    faulty.put("latest", b"1")
    seen = faulty.head("latest")
    assert seen is not None
    proxy.plan("PUT", "latest", lose_reply)
    assert faulty.replace("latest", b"2", etag=seen.etag)
    assert faulty.get("latest") == b"2"


def test_a_store_that_is_busy_is_asked_again(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "busy", answer(503, "SlowDown"), times=2)
    faulty.put("busy", BODY)
    assert faulty.get("busy") == BODY
    assert len(proxy.happened) == 2


def test_a_store_that_stays_busy_is_named(store: Store, proxy: FaultProxy, embedded: EmbeddedStore) -> None:
    proxy.plan("GET", "busy", answer(503, "SlowDown", "Please reduce your request rate."), times=ALWAYS)
    impatient = connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=2)
    with pytest.raises(StorageError, match=r"answered SlowDown .* in 2 tries: Please reduce"):
        impatient.get("busy")


def test_a_body_cut_short_is_read_again(artifact: Artifact, proxy: FaultProxy) -> None:
    proxy.plan("GET", "documents", cut_body, times=2)
    assert artifact.read_one("documents") == BODY
    assert len(proxy.happened) == 2


def test_a_bit_that_flips_once_is_not_seen(artifact: Artifact, proxy: FaultProxy) -> None:
    proxy.plan("GET", "documents", flip_bit)
    assert artifact.read_one("documents") == BODY
    assert len(proxy.happened) == 1


def test_a_bit_that_always_flips_is_an_error(artifact: Artifact, proxy: FaultProxy) -> None:
    proxy.plan("GET", "documents", flip_bit, times=ALWAYS)
    with pytest.raises(IntegrityError, match="documents"):
        artifact.read_one("documents")


def test_a_range_is_read_again_when_it_is_cut_and_says_when_it_is_not_there(
    artifact: Artifact, faulty: Store, proxy: FaultProxy
) -> None:
    key = artifact.parts()[0].key
    proxy.plan("GET", "documents", cut_body, times=2)
    assert faulty.get_range(key, 500, 1000) == BODY[500:1500]
    assert len(proxy.happened) == 2
    for first in (len(BODY) - 10, len(BODY) + 10):
        with pytest.raises(IntegrityError, match=rf"expected 20 bytes of s3://.*documents from {first} on, got"):
            faulty.get_range(key, first, 20)
    with pytest.raises(MissingError, match=r"nothing is stored at s3://.*/gone"):
        faulty.get_range("gone", 0, 20)


@pytest.mark.parametrize("times", [1, ALWAYS])
def test_a_bit_that_flips_in_a_record_is_seen_when_it_always_does(
    store: Store, faulty: Store, proxy: FaultProxy, tmp_path: Path, times: int
) -> None:
    shards = open_token_shards([open_artifact(faulty, commit_tokens(store, tmp_path / "tokens", {"web": [9]}).address)])
    mixture = mixture_of({}, shards.counts, seed=0)
    proxy.plan("GET", "tokens-web", flip_bit, times=times)
    with (
        SequenceReader(shards, mixture, folder=tmp_path / "cache", cache_bytes=0) as reader,
        pytest.raises(IntegrityError, match="the record of sequence") if times == ALWAYS else nullcontext(),
    ):
        assert len(set(map(tuple, reader.rows(0, 9).tokens_NS.tolist()))) == 9
    assert len(proxy.happened) == min(times, 2)


def test_a_file_with_a_flipped_bit_is_fetched_again(artifact: Artifact, proxy: FaultProxy, tmp_path: Path) -> None:
    proxy.plan("GET", "documents", flip_bit)
    artifact.fetch(artifact.parts()[0], tmp_path / "documents")
    assert (tmp_path / "documents").read_bytes() == BODY
    assert len(proxy.happened) == 1


def test_a_file_whose_bits_always_flip_is_not_left_behind(
    artifact: Artifact, proxy: FaultProxy, tmp_path: Path
) -> None:
    proxy.plan("GET", "documents", flip_bit, times=ALWAYS)
    with pytest.raises(IntegrityError, match=r"documents could not be read whole .* checksum"):
        artifact.fetch(artifact.parts()[0], tmp_path / "documents")
    assert not list(tmp_path.iterdir())


def test_bytes_damaged_on_their_way_to_the_store_are_sent_again(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "object", answer(400, "BadDigest"))
    faulty.put("object", BODY)
    assert faulty.get("object") == BODY


def test_a_bit_flipped_in_a_large_object_is_found(
    store: Store, faulty: Store, proxy: FaultProxy, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(PART_BYTES + 1))
    store.upload(large, "large")
    proxy.plan("GET", "large", flip_bit, times=ALWAYS)
    with pytest.raises(IntegrityError, match="large"):
        faulty.get("large")


def from_memory(store: Store, path: Path, key: str) -> None:
    body = path.read_bytes()
    sha256 = store.upload_read(key, len(body), lambda first, size: body[first : first + size])
    assert sha256 == hashlib.sha256(body).hexdigest()


LARGE_UPLOADS = pytest.mark.parametrize("upload", [Store.upload, from_memory])


@LARGE_UPLOADS
def test_a_large_upload_survives_every_kind_of_lost_connection(
    store: Store, faulty: Store, proxy: FaultProxy, tmp_path: Path, upload: Callable[[Store, Path, str], None]
) -> None:
    large = tmp_path / "large"
    large.write_bytes(random.Random(1).randbytes(PART_BYTES + 1))
    proxy.plan("POST", "?uploads", hang_up)
    proxy.plan("PUT", "partNumber=1", lose_reply)
    proxy.plan("PUT", "partNumber=2", hang_up)
    proxy.plan("POST", "?uploadId", lose_reply)
    upload(faulty, large, "large")
    assert len(proxy.happened) == 4
    assert store.get("large") == large.read_bytes()


@pytest.mark.parametrize("cut", [cut_body, reset_in_body])
def test_blocks_that_break_off_go_on_where_they_did(store: Store, faulty: Store, proxy: FaultProxy, cut: Act) -> None:
    body = random.Random(3).randbytes(5 << 20)
    store.put("object", body)
    proxy.plan("GET", "object", cut, times=3)
    assert b"".join(faulty.blocks("object", len(body))) == body
    assert len(proxy.happened) == 3


def test_a_claim_refused_for_its_rights_says_what_it_takes(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "claim", answer(403, "AccessDenied"))
    with pytest.raises(AccessDeniedError, match=r"does not allow PutObject on s3://.*/claim .*OCTO_S3__ACCESS_KEY"):
        faulty.put_if_absent("claim", BODY)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (507, "InsufficientStorage", ""),
        (507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."),
        (403, "QuotaExceeded", ""),
        (500, "InternalError", "write /data/1.dat: no space left on device"),
    ],
)
def test_a_store_that_says_it_is_full_is_called_full(
    store: Store, proxy: FaultProxy, embedded: EmbeddedStore, status: int, code: str, message: str
) -> None:
    proxy.plan("PUT", "object", answer(status, code, message), times=ALWAYS)
    impatient = connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=1)
    with pytest.raises(NoSpaceError, match=r"no space left|disk is most likely full"):
        impatient.put("object", BODY)


def test_a_store_that_takes_only_empty_objects_is_called_full(
    store: Store, proxy: FaultProxy, embedded: EmbeddedStore
) -> None:
    proxy.plan("PUT", "object", answer(500, "InternalError", "We encountered an internal error"), times=ALWAYS)
    impatient = connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=1)
    with pytest.raises(NoSpaceError, match="disk is most likely full"):
        impatient.put("object", BODY)
    assert list(store.list("")) == []


def test_a_store_that_fails_at_everything_is_not_called_full(
    store: Store, proxy: FaultProxy, embedded: EmbeddedStore
) -> None:
    proxy.plan("PUT", "", answer(500, "InternalError"), times=ALWAYS)
    impatient = connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=1)
    with pytest.raises(StorageError, match="answered InternalError") as caught:
        impatient.put("object", BODY)
    assert not isinstance(caught.value, NoSpaceError)


@LARGE_UPLOADS
def test_an_upload_that_the_store_forgot_is_not_taken_for_done(
    faulty: Store, proxy: FaultProxy, tmp_path: Path, upload: Callable[[Store, Path, str], None]
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(PART_BYTES + 1))
    proxy.plan("POST", "?uploadId", answer(404, "NoSuchUpload"))
    with pytest.raises(StorageError, match="NoSuchUpload") as caught:
        upload(faulty, large, "large")
    assert not isinstance(caught.value, MissingError)
    assert faulty.head("large") is None
