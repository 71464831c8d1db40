"""A store: objects below one prefix of a bucket of any S3 service, read, written and claimed safely.

Every object carries a CRC32 of the whole of it, which the store compares on writing and botocore on reading. For one
sent in parts this must be asked for: S3's default there is a checksum of checksums, which no reader compares.
"""

import hashlib
import json
import os
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError
from pydantic import ValidationError
from s3transfer.manager import TransferConfig, TransferManager

from octo.errors import IntegrityError, MissingError, NoSpaceError, StorageError
from octo.settings.base import S3Settings
from octo.storage.addresses import Location, parse
from octo.storage.client import open_client
from octo.storage.failures import (
    ATTEMPTS,
    UNREADABLE_ANSWERS,
    InterruptedReadError,
    code_of,
    insist,
    is_absent,
    named,
    reading_body,
    status_of,
)
from octo.storage.kept import crc32, crc32_of, is_kept
from octo.storage.patience import REAL_TIME, Clock, Patience
from octo.storage.seals import sealed, sealed_json, unsealed, unsealed_json
from octo.storage.service import Service, service_of
from octo.storage.streaming import AT_ONCE, BLOCK_BYTES, PART_BYTES, send_in_parts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

T = TypeVar("T")

WRITER = "octo-writer"
"""User metadata that tells whose write an object is."""
PAGE_OBJECTS = 1000
"""Of a listing: as many as S3 gives at once."""
_TRANSFERS = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    max_request_concurrency=4,
    max_submission_concurrency=1,
    # Of a quarter of a megabyte each, fetched and not on the disk yet. The library lets a thousand of them wait, which
    # is what a large object takes in memory wherever the network is faster than the disk.
    max_io_queue_size=32,
)


class ReplacedError(IntegrityError):
    """Another's object is where the store had taken one."""


@dataclass(frozen=True)
class ObjectInfo:
    """What the store tells of an object without its body."""

    size: int
    etag: str
    modified: datetime
    writer: str = ""


def connect(address: str, s3: S3Settings, *, attempts: int | None = None, clock: Clock = REAL_TIME) -> "Store":
    """The store at `s3://bucket/prefix`. Sends nothing; UsageError when the address or the endpoint is malformed.

    `attempts` bounds the sends of a request, where somebody waits for the answer; else only the time does.
    """
    patience = Patience(attempts, clock)
    return Store(open_client(s3, patience), parse(address), service_of(s3), patience)


class Store:
    """Objects by keys relative to one prefix.

    Every method may raise StoreUnreachableError, AccessDeniedError, NoSpaceError, MissingError (no such key or bucket),
    IntegrityError (damaged on the way, every time), and StorageError for any other answer.
    """

    def __init__(self, client: "S3Client", location: Location, service: Service, patience: Patience) -> None:
        self.client = client
        self.location = location
        self.service = service
        self.patience = patience

    @property
    def endpoint(self) -> str:
        """The service's name in sentences: its URL, or the cloud's region."""
        return self.service.name

    @property
    def address(self) -> str:
        """`s3://bucket/prefix`, without a slash at the end."""
        return self.location.address

    def at(self, address: str) -> "Store":
        """Another prefix or bucket over the same connection."""
        return Store(self.client, parse(address), self.service, self.patience)

    def get(self, key: str) -> bytes:
        """The object's bytes; MissingError when there is none."""
        return self._present(key, self.get_if_present(key))

    def get_if_present(self, key: str) -> bytes | None:
        """The object's bytes, None when there is none."""
        return self._read(key)

    def get_range(self, key: str, first: int, size: int) -> bytes:
        """So many of the object's bytes, from `first` on. No checksum of the object covers them: that is the caller's.

        MissingError when there is no object; IntegrityError when it ends before.
        """
        try:
            body = self._present(key, self._read(key, Range=f"bytes={first}-{first + size - 1}"))
        except StorageError as error:
            if not isinstance(error.__cause__, ClientError) or status_of(error.__cause__) != 416:
                raise
            body = b""
        if len(body) != size:
            raise IntegrityError(f"expected {size} bytes of {self._place(key)} from {first} on, got {len(body)}")
        return body

    def get_checked(self, key: str, believed: Callable[[bytes], T]) -> T | None:
        """What `believed` makes of the object's bytes; None when there is no object.

        It raises ValueError for bytes that are not what was written. They are read again, for the way may have damaged
        them; IntegrityError when they come a second time.
        """
        seen = b""
        for attempt in range(ATTEMPTS):
            body = self.get_if_present(key)
            if body is None:
                return None
            try:
                return believed(body)
            except ValueError as error:
                found, reason, cause = hashlib.sha256(body).digest(), _reason(error), error
            if found == seen:
                break
            seen = found
            self.patience.wait(attempt)
        raise IntegrityError(f"{self._place(key)} is not what was written: {reason}") from cause

    def get_sealed(self, key: str) -> bytes | None:
        """The bytes that `put_sealed` was given, None when there are none; IntegrityError when they are others now."""
        return self.get_checked(key, unsealed)

    def get_json(self, key: str) -> Any:
        """A value that others have put; MissingError when there is none, IntegrityError when it is not JSON."""
        return self._present(key, self.get_checked(key, json.loads))

    def get_record(self, key: str) -> Any:
        """The value that `put_record` was given; MissingError when there is none, IntegrityError when it is another."""
        return self._present(key, self.get_checked(key, unsealed_json))

    def put_sealed(self, key: str, body: bytes) -> None:
        """Store bytes that nothing names beforehand, under their seal."""
        self.put(key, sealed(body))

    def put_record(self, key: str, value: Mapping[str, Any]) -> None:
        """Store an object as JSON, under its seal."""
        self.put(key, sealed_json(value), content_type="application/json")

    def put(self, key: str, body: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Store the bytes, in place of what is there. IntegrityError when the store keeps other bytes, every time."""

        def send() -> Mapping[str, Any]:
            return self._put(key, body, ContentType=content_type)

        self._see_kept(key, body, send(), again=send)

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Store the bytes unless something is there. True when the object is this call's, False when somebody else's.

        When the reply to a write that won is lost, its retry is told that somebody wrote before. So whatever the answer
        was, the object itself says by the writer's token who won.
        """
        token = secrets.token_hex(16)
        answer: Mapping[str, Any] = {}
        try:
            answer = self._put(key, body, IfNoneMatch="*", Metadata={WRITER: token})
        except StorageError as error:
            found = self._look_again(key, error)
            if found is None and not _told(error, "PreconditionFailed"):
                raise
            if found is None or found.writer != token:
                return False
        self._see_kept(key, body, answer, again=lambda: self._put_over(token, key, body))
        return True

    def replace(self, key: str, body: bytes, *, etag: str) -> bool:
        """Store the bytes in place of the version with that ETag. False when another version, or nothing, is there."""
        token = secrets.token_hex(16)
        answer: Mapping[str, Any] = {}
        try:
            answer = self._put(key, body, IfMatch=etag, Metadata={WRITER: token})
        except StorageError as error:
            found = self._look_again(key, error)
            if found is None or found.writer != token:
                if _told(error, "PreconditionFailed", "NoSuchKey"):
                    return False
                raise
        # Others may have replaced this version by now, as they may.
        with suppress(ReplacedError):
            self._see_kept(key, body, answer, again=lambda: self._put_over(token, key, body))
        return True

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None when there is none."""
        with named(self._place(key), self.service):
            try:
                response = insist(lambda: self.client.head_object(**self._object(key)), self.patience)
            except ClientError as error:
                if status_of(error) == 404:
                    return None
                raise
        return ObjectInfo(
            size=response["ContentLength"],
            etag=response["ETag"],
            modified=response["LastModified"],
            writer=response["Metadata"].get(WRITER, ""),
        )

    def list(self, prefix: str) -> Iterator[str]:
        """Keys that begin with `prefix`, sorted. Not every store lists all: what matters is asked for by its key."""
        above = len(self.location.key(""))
        pages = self.pages(self.location.key(prefix))
        return iter(sorted(entry["Key"][above:] for page in pages for entry in page.get("Contents", ())))

    def folders(self, prefix: str) -> Iterator[str]:
        """Names of what lies directly below `prefix`, which ends in a slash, and has something below it; sorted."""
        found = (
            entry for page in self.pages(self.location.key(prefix), "/") for entry in page.get("CommonPrefixes", ())
        )
        return iter(sorted(entry["Prefix"].rstrip("/").rpartition("/")[2] for entry in found))

    def pages(
        self, prefix: str, delimiter: str = "", *, size: int = PAGE_OBJECTS
    ) -> "Sequence[ListObjectsV2OutputTypeDef]":
        """The listing of what begins with `prefix` in the bucket, so many objects to a page."""

        def fetch() -> "Sequence[ListObjectsV2OutputTypeDef]":
            pages = self.client.get_paginator("list_objects_v2")
            return tuple(
                pages.paginate(
                    Bucket=self.location.bucket,
                    Prefix=prefix,
                    Delimiter=delimiter,
                    PaginationConfig={"PageSize": size},
                )
            )

        with named(f"s3://{self.location.bucket}/{prefix}", self.service):
            return insist(fetch, self.patience)

    def upload(self, path: Path, key: str) -> None:
        """Store a file, in parts side by side when it is large. IntegrityError when the store keeps other bytes."""
        if path.stat().st_size <= PART_BYTES:
            self.put(key, path.read_bytes())
        else:
            self._upload_in_parts(path, key, crc32_of(path))

    def upload_read(self, key: str, size: int, read: Callable[[int, int], bytes]) -> str:
        """Store so many bytes that are in no file; their sha256. Large ones go in parts side by side.

        IntegrityError when the store keeps other bytes. `read` gives `size` bytes from `first` on, or as many as there
        are; in order, and from the first once more when something between here and the store fails.
        """
        digests: list[Any] = []

        def read_and_hash(first: int, most: int) -> bytes:
            body = read(first, most)
            if not first:
                digests[:] = [hashlib.sha256()]
            digests[0].update(body)
            return body

        if size <= PART_BYTES:
            self.put(key, read_and_hash(0, size))
        else:
            self._send_in_parts(
                key,
                lambda token, note: send_in_parts(
                    self.client, self._object(key), size, read_and_hash, metadata={WRITER: token}, note=note
                ),
            )
        return str(digests[0].hexdigest())

    def blocks(self, key: str, end: int, *, first: int = 0) -> Iterator[bytes]:
        """The object's bytes from one up to another, block after block. No checksum of the object covers them.

        A body that breaks off goes on where it did. IntegrityError when the object ends before.
        """
        at, attempt = first, 0
        while at < end:
            body = self._opened(key, at, end)
            try:
                with reading_body():
                    for block in body.iter_chunks(BLOCK_BYTES):
                        at, attempt = at + len(block), 0
                        yield block
            except InterruptedReadError as error:
                attempt += 1
                if attempt == ATTEMPTS:
                    with named(self._place(key), self.service):
                        raise InterruptedReadError from error.__cause__
                self.patience.wait(attempt)

    def fetch_hashed(self, key: str, size: int, path: Path) -> str:
        """Bring an object of that size into a file; the sha256 of what is in it then, which the caller compares.

        Parts are read side by side, and hashed in their order as they come. What fails leaves a part of a file.
        """
        digest = hashlib.sha256()
        # A full disk is named, too.
        with named(self._place(key), self.service), path.open("w+b") as file:
            descriptor = file.fileno()

            def bring(first: int) -> int:
                at, end = first, min(first + PART_BYTES, size)
                for block in self.blocks(key, end, first=first):
                    at += os.pwrite(descriptor, block, at)
                return end

            with ThreadPoolExecutor(AT_ONCE) as pool:
                try:
                    for first, coming in [(each, pool.submit(bring, each)) for each in range(0, size, PART_BYTES)]:
                        end = coming.result()
                        for at in range(first, end, BLOCK_BYTES):
                            digest.update(os.pread(descriptor, min(BLOCK_BYTES, end - at), at))
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
        return digest.hexdigest()

    def _opened(self, key: str, first: int, end: int) -> Any:
        """The body of the object from a byte on."""
        with named(self._place(key), self.service):
            try:
                asked = f"bytes={first}-{end - 1}"
                return insist(lambda: self.client.get_object(**self._object(key), Range=asked), self.patience)["Body"]
            except ClientError as error:
                if status_of(error) != 416:
                    raise
        raise IntegrityError(f"expected {end} bytes of {self._place(key)}, got {first}")

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into a file, which is there only when whole. A large one's checksum is the caller's duty."""

        def fetch() -> None:
            try:
                with TransferManager(self.client, _TRANSFERS) as transfers:
                    transfers.download(self.location.bucket, self.location.key(key), str(path)).result()
            except (FlexibleChecksumError, ValueError) as error:
                raise InterruptedReadError from error

        with named(self._place(key), self.service):
            insist(fetch, self.patience)

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        with named(self._place(key), self.service):
            insist(lambda: self.client.delete_object(**self._object(key)), self.patience)

    def end_uploads(self, prefix: str, unwanted: Callable[[str], bool]) -> None:
        """Remove what was sent in parts below `prefix`, to keys that are unwanted, by whoever was killed on the way."""
        with named(self._place(prefix), self.service):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.location.bucket, Prefix=self.location.key(prefix)
            )
            begun = insist(lambda: [each for page in pages for each in page.get("Uploads", ())], self.patience)
            for each in begun:
                key = each["Key"][len(self.location.key("")) :]
                if unwanted(key):
                    self.client.abort_multipart_upload(**self._object(key), UploadId=each["UploadId"])

    def ensure_bucket(self) -> None:
        """Create the store's bucket unless it exists."""
        with named(f"s3://{self.location.bucket}", self.service):
            try:
                self.client.create_bucket(Bucket=self.location.bucket)
            except ClientError as error:
                if code_of(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise

    def _place(self, key: str) -> str:
        return f"s3://{self.location.bucket}/{self.location.key(key)}"

    def _object(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.location.bucket, "Key": self.location.key(key)}

    def _present(self, key: str, found: T | None) -> T:
        if found is None:
            raise MissingError(f"nothing is stored at {self._place(key)}")
        return found

    def _read(self, key: str, **request: Any) -> bytes | None:
        """The body of an answer; None when there is no such object."""

        def read() -> bytes | None:
            try:
                response = self.client.get_object(**self._object(key), **request)
            except UNREADABLE_ANSWERS:
                # Perhaps "there is none" with its body cut; an answer to HEAD has no body.
                self.client.head_object(**self._object(key))
                raise
            with reading_body():
                return response["Body"].read()

        with named(self._place(key), self.service):
            try:
                return insist(read, self.patience)
            except ClientError as error:
                if is_absent(error):
                    return None
                raise

    def _put(self, key: str, body: bytes, **arguments: Any) -> Mapping[str, Any]:
        """Send the bytes, and give the store's answer."""
        return self._write(key, lambda: self.client.put_object(Body=body, **self._object(key), **arguments))

    def _put_over(self, token: str, key: str, body: bytes) -> Mapping[str, Any]:
        """Send the bytes again in place of those that this writer sent, and that were damaged on their way."""
        found = self.head(key)
        if found is None or found.writer != token:
            raise ReplacedError(f"{self._place(key)} is another writer's, though {self.endpoint} took this one's")
        try:
            return self._put(key, body, IfMatch=found.etag, Metadata={WRITER: token})
        except StorageError as error:
            if _told(error, "PreconditionFailed"):
                return {}  # An earlier try of this one was made, and its reply lost.
            raise

    def _see_kept(
        self, key: str, body: bytes, answer: Mapping[str, Any], *, again: Callable[[], Mapping[str, Any]]
    ) -> None:
        """Return when the store has what it was sent; it is sent again when it has not."""
        for attempt in range(ATTEMPTS):
            told = is_kept(answer, body)
            if told or (told is None and self.get_if_present(key) == body):
                return
            self.patience.wait(attempt)
            answer = again()
        raise IntegrityError(
            f"{self.endpoint} keeps other bytes of {self._place(key)} than it is sent, {ATTEMPTS} times: what lies "
            "between damages them"
        )

    def _upload_in_parts(self, path: Path, key: str, checksum: str) -> None:
        def send(token: str, note: Callable[[str], None]) -> None:
            note(checksum)
            extra = {"Metadata": {WRITER: token}, "ChecksumCRC32": checksum}
            with TransferManager(self.client, _TRANSFERS) as transfers:
                transfers.upload(str(path), self.location.bucket, self.location.key(key), extra).result()

        self._send_in_parts(key, send)

    def _send_in_parts(self, key: str, send: Callable[[str, Callable[[str], None]], None]) -> None:
        """Let `send` store an object until the store has the CRC32 that it notes before all is sent.

        It is given the writer's token, which the object's metadata is to hold, and what notes the checksum.
        """
        token = secrets.token_hex(16)
        noted: list[str] = []
        for attempt in range(ATTEMPTS):
            try:
                self._write(key, lambda: send(token, noted.append))
            except StorageError as error:
                # When the reply to the request that completes an upload is lost, its retry finds no upload to complete.
                found = self._look_again(key, error)
                if found is None or found.writer != token:
                    raise
            if self._checksum(key) == noted[-1]:
                return
            self.patience.wait(attempt)
        raise IntegrityError(
            f"{self.endpoint} keeps other bytes of {self._place(key)} than it is sent, {ATTEMPTS} times: what lies "
            "between damages them"
        )

    def _checksum(self, key: str) -> str:
        """The CRC32 that the store has of an object; of what it gives back, where it has none."""
        with named(self._place(key), self.service):
            head = insist(lambda: self.client.head_object(**self._object(key), ChecksumMode="ENABLED"), self.patience)
            if said := head.get("ChecksumCRC32"):
                return said

            def read() -> int:
                found = 0
                body = self.client.get_object(**self._object(key))["Body"]
                with reading_body():
                    for block in body.iter_chunks(2**20):
                        found = zlib.crc32(block, found)
                return found

            return crc32(insist(read, self.patience))

    def _look_again(self, key: str, error: StorageError) -> ObjectInfo | None:
        """What is there after a write failed; the write's own error when that cannot be known."""
        try:
            return self.head(key)
        except StorageError:
            raise error from error.__cause__

    def _write(self, key: str, send: Callable[[], T]) -> T:
        with named(self._place(key), self.service):
            try:
                return insist(send, self.patience)
            except ClientError as error:
                if status_of(error) == 500 and self._takes_only_empty_objects():
                    raise NoSpaceError(
                        f"{self.endpoint} takes only empty objects ({code_of(error)} for {self._place(key)}): its disk "
                        "is most likely full. Free some space there, then run again; what is committed stays"
                    ) from error
                raise

    def _takes_only_empty_objects(self) -> bool:
        """Whether the store, which has just refused some bytes, takes an object of none.

        SeaweedFS answers every write with InternalError when its disk is full, and only an empty object needs no disk.
        """
        empty = self._object(f".empty-{secrets.token_hex(8)}")
        try:
            self.client.put_object(**empty, Body=b"")
            self.client.delete_object(**empty)
        except (BotoCoreError, ClientError):
            return False
        return True


def _reason(error: ValueError) -> str:
    return error.errors()[0]["msg"] if isinstance(error, ValidationError) else " ".join(str(error).split())


def _told(error: StorageError, *codes: str) -> bool:
    return isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in codes
