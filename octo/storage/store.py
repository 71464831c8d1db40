"""A store: objects below one prefix of a bucket of any S3 service, read, written and claimed safely.

Every object carries a CRC32 of the whole of it, which the store compares on writing and botocore on reading. For one
sent in parts this must be asked for: S3's default there is a checksum of checksums, which no reader compares.
"""

import base64
import json
import secrets
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError
from s3transfer.manager import TransferConfig, TransferManager

from octo.errors import IntegrityError, MissingError, NoSpaceError, StorageError
from octo.settings.base import S3Settings
from octo.storage.addresses import Location, parse
from octo.storage.client import ATTEMPTS, open_client
from octo.storage.failures import InterruptedReadError, code_of, insist, named, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WRITER = "octo-writer"
"""User metadata that tells whose write an object is."""
PART_BYTES = 16 * 2**20
"""Files over this are sent in parts of this size; S3 counts at most 10,000 parts, so larger files get larger parts."""
_TRANSFERS = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    max_request_concurrency=4,
    max_submission_concurrency=1,
    # Of a quarter of a megabyte each, fetched and not on the disk yet. The library lets a thousand of them wait, which
    # is what a large object takes in memory wherever the network is faster than the disk.
    max_io_queue_size=32,
)


@dataclass(frozen=True)
class ObjectInfo:
    """What the store tells of an object without its body."""

    size: int
    etag: str
    modified: datetime
    writer: str = ""


def connect(address: str, s3: S3Settings, *, attempts: int = ATTEMPTS) -> "Store":
    """The store at `s3://bucket/prefix`. Sends nothing; UsageError when the address or the endpoint is malformed."""
    return Store(open_client(s3, attempts=attempts), parse(address), s3.endpoint or f"S3 in {s3.region}")


class Store:
    """Objects by keys relative to one prefix.

    Every method may raise StoreUnreachableError, AccessDeniedError, NoSpaceError, MissingError (no such key or bucket),
    IntegrityError (damaged on the way, every time), and StorageError for any other answer.
    """

    def __init__(self, client: "S3Client", location: Location, endpoint: str) -> None:
        self.client = client
        self.location = location
        self.endpoint = endpoint

    @property
    def address(self) -> str:
        """`s3://bucket/prefix`, without a slash at the end."""
        return self.location.address

    def at(self, address: str) -> "Store":
        """Another prefix or bucket over the same connection."""
        return Store(self.client, parse(address), self.endpoint)

    def get(self, key: str) -> bytes:
        """The object's bytes; MissingError when there is none."""
        body = self.get_if_present(key)
        if body is None:
            raise MissingError(f"nothing is stored at {self._place(key)}")
        return body

    def get_if_present(self, key: str) -> bytes | None:
        """The object's bytes, None when there is none."""

        def read() -> bytes:
            response = self.client.get_object(**self._object(key))
            try:
                return response["Body"].read()
            # ValueError: a connection cut within a header line escapes http.client as one.
            except (BotoCoreError, ValueError, OSError) as error:
                raise InterruptedReadError from error

        with named(self._place(key), self.endpoint):
            try:
                return insist(read)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise

    def get_range(self, key: str, first: int, size: int) -> bytes:
        """So many of the object's bytes, from `first` on. No checksum of the object covers them: that is the caller's.

        MissingError when there is no object; IntegrityError when it ends before.
        """
        span = f"bytes={first}-{first + size - 1}"

        def read() -> bytes:
            response = self.client.get_object(**self._object(key), Range=span)
            try:
                return response["Body"].read()
            except (BotoCoreError, ValueError, OSError) as error:
                raise InterruptedReadError from error

        with named(self._place(key), self.endpoint):
            try:
                body = insist(read)
            except ClientError as error:
                if status_of(error) != 416:
                    raise
                body = b""
        if len(body) != size:
            raise IntegrityError(f"expected {size} bytes of {self._place(key)} from {first} on, got {len(body)}")
        return body

    def get_json(self, key: str) -> Any:
        """The object's value; IntegrityError when it is not JSON."""
        try:
            return json.loads(self.get(key))
        except ValueError as error:
            raise IntegrityError(f"expected JSON at {self._place(key)}: {error}") from error

    def put(self, key: str, body: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Store the bytes, in place of what is there."""
        self._write(key, lambda: self.client.put_object(**self._object(key), Body=body, ContentType=content_type))

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Store the bytes unless something is there. True when the object is this call's, False when somebody else's.

        When the reply to a write that won is lost, its retry is told that somebody wrote before. So whatever the answer
        was, the object itself says by the writer's token who won.
        """
        token = secrets.token_hex(16)
        try:
            self._put_as(token, key, body, IfNoneMatch="*")
        except StorageError as error:
            found = self._look_again(key, error)
            if found is None and not _told(error, "PreconditionFailed"):
                raise
            return found is not None and found.writer == token
        return True

    def replace(self, key: str, body: bytes, *, etag: str) -> bool:
        """Store the bytes in place of the version with that ETag. False when another version, or nothing, is there."""
        token = secrets.token_hex(16)
        try:
            self._put_as(token, key, body, IfMatch=etag)
        except StorageError as error:
            found = self._look_again(key, error)
            if found is not None and found.writer == token:
                return True
            if _told(error, "PreconditionFailed", "NoSuchKey"):
                return False
            raise
        return True

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None when there is none."""
        with named(self._place(key), self.endpoint):
            try:
                response = self.client.head_object(**self._object(key))
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
        """Keys that begin with `prefix`, sorted."""
        above = len(self.location.key(""))
        keys: list[str] = []
        with named(self._place(prefix), self.endpoint):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.location.bucket, Prefix=self.location.key(prefix)):
                keys += (entry["Key"][above:] for entry in page.get("Contents", ()))
        return iter(sorted(keys))

    def folders(self, prefix: str) -> Iterator[str]:
        """Names of what lies directly below `prefix`, which ends in a slash, and has something below it; sorted."""
        names: list[str] = []
        with named(self._place(prefix), self.endpoint):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.location.bucket, Prefix=self.location.key(prefix), Delimiter="/"):
                names += (entry["Prefix"].rstrip("/").rpartition("/")[2] for entry in page.get("CommonPrefixes", ()))
        return iter(sorted(names))

    def upload(self, path: Path, key: str) -> None:
        """Store a file, in parts side by side when it is large."""
        token = secrets.token_hex(16)
        extra = {"Metadata": {WRITER: token}, "ChecksumCRC32": _crc32_of(path)}

        def send() -> None:
            with TransferManager(self.client, _TRANSFERS) as transfers:
                transfers.upload(str(path), self.location.bucket, self.location.key(key), extra).result()

        try:
            self._write(key, send)
        except StorageError as error:
            # When the reply to the request that completes an upload is lost, its retry finds no upload to complete.
            found = self._look_again(key, error)
            if found is None or found.writer != token:
                raise

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into a file, which is there only when whole. A large one's checksum is the caller's duty."""

        def fetch() -> None:
            try:
                with TransferManager(self.client, _TRANSFERS) as transfers:
                    transfers.download(self.location.bucket, self.location.key(key), str(path)).result()
            except (FlexibleChecksumError, ValueError) as error:
                raise InterruptedReadError from error

        with named(self._place(key), self.endpoint):
            insist(fetch)

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        with named(self._place(key), self.endpoint):
            self.client.delete_object(**self._object(key))

    def ensure_bucket(self) -> None:
        """Create the store's bucket unless it exists."""
        with named(f"s3://{self.location.bucket}", self.endpoint):
            try:
                self.client.create_bucket(Bucket=self.location.bucket)
            except ClientError as error:
                if code_of(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise

    def _place(self, key: str) -> str:
        return f"s3://{self.location.bucket}/{self.location.key(key)}"

    def _object(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.location.bucket, "Key": self.location.key(key)}

    def _put_as(self, token: str, key: str, body: bytes, **condition: str) -> None:
        arguments: dict[str, Any] = {**self._object(key), **condition, "Metadata": {WRITER: token}}
        self._write(key, lambda: self.client.put_object(Body=body, **arguments))

    def _look_again(self, key: str, error: StorageError) -> ObjectInfo | None:
        """What is there after a write failed; the write's own error when that cannot be known."""
        try:
            return self.head(key)
        except StorageError:
            raise error from error.__cause__

    def _write(self, key: str, send: Callable[[], object]) -> None:
        with named(self._place(key), self.endpoint):
            try:
                insist(send)
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


def _told(error: StorageError, *codes: str) -> bool:
    return isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in codes


def _crc32_of(path: Path) -> str:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            checksum = zlib.crc32(block, checksum)
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()
