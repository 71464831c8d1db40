"""Objects that are in no file."""

import random
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.errors import IntegrityError, MissingError, NoSpaceError
from octo.storage.store import PART_BYTES, Store
from octo.storage.streaming import BLOCK_BYTES, MOST_PARTS, joined_crc32, part_bytes


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_checksums_are_joined_into_that_of_both(head: bytes, tail: bytes) -> None:
    assert joined_crc32(zlib.crc32(head), zlib.crc32(tail), len(tail)) == zlib.crc32(head + tail)


def test_a_large_object_has_no_more_parts_than_a_service_counts() -> None:
    assert part_bytes(PART_BYTES * MOST_PARTS) == PART_BYTES
    for size in (PART_BYTES * MOST_PARTS + 1, 5 << 40):
        assert -(-size // part_bytes(size)) <= MOST_PARTS


def test_what_is_sent_from_memory_comes_back_in_blocks(store: Store) -> None:
    body = random.Random(2).randbytes(2 * PART_BYTES + 7)
    asked: list[tuple[int, int]] = []

    def read(first: int, size: int) -> bytes:
        asked.append((first, size))
        return body[first : first + size]

    store.upload_read("large", len(body), read)
    assert asked == [(first, PART_BYTES) for first in range(0, len(body), PART_BYTES)]
    blocks = list(store.blocks("large", len(body)))
    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert b"".join(blocks) == body
    assert b"".join(store.blocks("large", 5)) == body[:5]
    assert list(store.blocks("large", 0)) == []
    with pytest.raises(IntegrityError, match=rf"expected {len(body) + 1} bytes of .*/large, got {len(body)}"):
        list(store.blocks("large", len(body) + 1))
    with pytest.raises(MissingError, match=r"nothing is stored at .*/other"):
        list(store.blocks("other", 5))


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES + 1, PART_BYTES, 2 * PART_BYTES + 7, 6 * PART_BYTES])
def test_an_object_is_brought_into_a_file_and_hashed_on_its_way(store: Store, tmp_path: Path, size: int) -> None:
    body, path = random.Random(size).randbytes(size), tmp_path / "here"
    store.upload_read("large", size, lambda first, count: body[first : first + count])
    path.write_bytes(b"older and longer" * 9)
    assert store.fetch_hashed("large", size, path) == sha256(body).hexdigest()
    assert path.read_bytes() == body
    with pytest.raises(IntegrityError, match=rf"expected {size + 1} bytes of .*/large, got {size}"):
        store.fetch_hashed("large", size + 1, path)
    with pytest.raises(MissingError, match=r"nothing is stored at .*/other"):
        store.fetch_hashed("other", PART_BYTES + 1, path)


def test_a_disk_that_is_full_is_named_where_an_object_is_brought(store: Store) -> None:
    store.put("object", b"x")
    with pytest.raises(NoSpaceError, match="no space left on this machine"):
        store.fetch_hashed("object", 1, Path("/dev/full"))


def test_an_upload_that_breaks_off_leaves_nothing_and_one_whose_writer_was_killed_can_be_ended(store: Store) -> None:
    def broken(first: int, size: int) -> bytes:
        if first:
            raise RuntimeError("no more")
        return bytes(size)

    def unfinished() -> list[str]:
        listed = store.client.list_multipart_uploads(Bucket=store.location.bucket, Prefix=store.location.key(""))
        return [each["Key"].rpartition("/")[2] for each in listed.get("Uploads", ())]

    with pytest.raises(RuntimeError, match="no more"):
        store.upload_read("large", 2 * PART_BYTES, broken)
    assert store.head("large") is None
    assert unfinished() == []
    for name in ("a", "b"):
        store.client.create_multipart_upload(Bucket=store.location.bucket, Key=store.location.key(name))
    store.end_uploads("", lambda key: key == "a")
    assert unfinished() == ["b"]
