import itertools
import json
import random
from pathlib import Path

import pytest
from pydantic import SecretStr

from octo.errors import AccessDeniedError, IntegrityError, MissingError, StoreUnreachableError, UsageError
from octo.settings.base import S3Settings
from octo.storage.embedded import EmbeddedStore
from octo.storage.seals import sealed, sealed_json, unsealed, unsealed_json
from octo.storage.store import PART_BYTES, Store, connect

NOWHERE = "http://127.0.0.1:9"


def test_what_is_put_is_got(store: Store) -> None:
    store.put("a/b", b"first")
    store.put("a/b", b"second")
    assert store.get("a/b") == b"second"
    store.put("empty", b"")
    assert store.get("empty") == b""


def test_a_missing_object_is_named_whole(store: Store) -> None:
    with pytest.raises(MissingError, match=f"nothing is stored at {store.address}/a/b"):
        store.get("a/b")
    assert store.get_if_present("a/b") is None
    assert store.head("a/b") is None
    with pytest.raises(MissingError, match=f"nothing is stored at {store.address}/a/b"):
        store.download("a/b", Path("unused"))


def test_only_the_first_claim_is_won(store: Store) -> None:
    assert [store.put_if_absent("claim", body) for body in (b"first", b"second")] == [True, False]
    assert store.get("claim") == b"first"


def test_the_same_body_claimed_twice_is_won_once(store: Store) -> None:
    assert [store.put_if_absent("claim", b"same") for _ in range(2)] == [True, False]


def test_a_replacement_needs_the_version_that_was_seen(store: Store) -> None:
    store.put("latest", b"1")
    seen = store.head("latest")
    assert seen is not None
    assert store.replace("latest", b"2", etag=seen.etag)
    assert not store.replace("latest", b"3", etag=seen.etag)
    assert store.get("latest") == b"2"
    assert not store.replace("absent", b"1", etag=seen.etag)
    assert store.head("absent") is None


def test_head_tells_the_size(store: Store) -> None:
    store.put("object", b"12345")
    info = store.head("object")
    assert info is not None
    assert info.size == 5


def test_keys_are_listed_sorted_and_relative(store: Store) -> None:
    keys = ["list/a", "list/a/b", "list/a-b", "list/é", "other"]
    for key in keys:
        store.put(key, b"")
    assert list(store.list("list/")) == sorted(keys[:-1])
    assert list(store.list("list/a")) == ["list/a", "list/a-b", "list/a/b"]
    assert list(store.list("nothing")) == []


def test_another_prefix_is_reached_over_the_same_connection(store: Store) -> None:
    store.put("below/key", b"value")
    assert store.at(f"{store.address}/below").get("key") == b"value"


@pytest.mark.parametrize("size", [0, 1000, PART_BYTES, 2 * PART_BYTES + 1])
def test_a_file_goes_up_and_down_whole(store: Store, tmp_path: Path, size: int) -> None:
    body = random.Random(size).randbytes(size)
    (tmp_path / "up").write_bytes(body)
    store.upload(tmp_path / "up", "file")
    assert store.get("file") == body
    store.download("file", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == body


def test_a_file_sent_in_parts_has_a_checksum_of_the_whole(store: Store, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(bytes(PART_BYTES + 1))
    store.upload(tmp_path / "up", "file")
    head = store.client.head_object(
        Bucket=store.location.bucket, Key=store.location.key("file"), ChecksumMode="ENABLED"
    )
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert head["ChecksumCRC32"]


def test_a_record_is_what_was_put(store: Store) -> None:
    value = {"text": "é", "number": 0.1, "list": [1, {"2": None}]}
    store.put_record("value", value)
    assert store.get_record("value") == value
    assert list(json.loads(store.get("value"))) == ["text", "number", "list", "seal"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "Expecting property name"),
        (b"[1]", "it has no seal"),
        (b'{"a": 1}', "it has no seal"),
        (b'{"a": 1, "seal": "%s"}' % (b"0" * 64), "its seal says 0000"),
        (b"<html>please log in</html>", "Expecting value"),
    ],
)
def test_a_record_that_octo_did_not_put_is_named(store: Store, body: bytes, said: str) -> None:
    store.put("value", body)
    with pytest.raises(IntegrityError, match=f"{store.address}/value is not what was written: {said}"):
        store.get_record("value")


def test_json_of_others_is_parsed_and_what_is_none_is_named(store: Store) -> None:
    store.put("value", b'{"a": [1]}')
    assert store.get_json("value") == {"a": [1]}
    store.put("value", b"{")
    with pytest.raises(IntegrityError, match=f"{store.address}/value is not what was written: Expecting"):
        store.get_json("value")


def test_every_bit_of_what_is_sealed_is_under_its_seal(store: Store) -> None:
    for written, read in ((sealed(b"body"), unsealed), (sealed_json({"a": 1.5}), unsealed_json)):
        for place, bit in itertools.product(range(len(written)), range(8)):
            damaged = bytearray(written)
            damaged[place] ^= 1 << bit
            try:
                found = read(bytes(damaged))
            except ValueError:
                continue
            # Of another space between two members, nothing is to be seen.
            assert (damaged[place : place + 1].isspace(), found) == (True, {"a": 1.5})


def test_deleting_twice_is_deleting(store: Store) -> None:
    store.put("key", b"")
    store.delete("key")
    store.delete("key")
    assert store.head("key") is None


def test_a_bucket_that_exists_is_kept(embedded: EmbeddedStore, store: Store) -> None:
    store.put("key", b"value")
    store.ensure_bucket()
    assert store.get("key") == b"value"


def test_a_store_that_does_not_answer_is_named() -> None:
    s3 = S3Settings(endpoint=NOWHERE, access_key=SecretStr("key"), secret_key=SecretStr("secret"))
    nowhere = connect("s3://bucket/prefix", s3, attempts=1)
    for action in (lambda: nowhere.get("key"), lambda: nowhere.put("key", b""), lambda: list(nowhere.list(""))):
        with pytest.raises(StoreUnreachableError, match=f"no answer from {NOWHERE}"):
            action()


@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
def test_wrong_keys_are_refused_everywhere_and_shown_nowhere(
    embedded: EmbeddedStore, wrong: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    stranger = connect(embedded.address, embedded.s3.model_copy(update={wrong: SecretStr("do-not-show")}))
    for action in (
        lambda: stranger.get("key"),
        lambda: stranger.head("key"),
        lambda: stranger.put("key", b""),
        lambda: stranger.put_if_absent("key", b""),
        lambda: stranger.upload(tmp_path / "file", "key"),
        lambda: list(stranger.list("")),
        stranger.ensure_bucket,
    ):
        with pytest.raises(AccessDeniedError, match="OCTO_S3__ACCESS_KEY") as caught:
            action()
        assert "do-not-show" not in str(caught.value)


def test_half_a_key_is_refused() -> None:
    with pytest.raises(UsageError, match="set both OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY"):
        connect("s3://bucket", S3Settings(endpoint=NOWHERE, access_key=SecretStr("key")))


def test_a_malformed_endpoint_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected the URL of an S3 service as --s3.endpoint, got 'localhost:80 80'"):
        connect("s3://bucket", S3Settings(endpoint="localhost:80 80"))


def test_no_keys_at_all_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AccessDeniedError, match=f"no credentials for {NOWHERE}: set OCTO_S3__ACCESS_KEY"):
        connect("s3://bucket", S3Settings(endpoint=NOWHERE)).get("key")


def test_a_file_that_is_not_there_is_the_callers_own_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.upload(tmp_path / "absent", "key")
