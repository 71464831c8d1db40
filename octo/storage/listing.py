"""What lies below a prefix of a store's service, as others have put it there, and reading it as it was listed.

An object is named by its key, its size and its ETag, and read on condition that its ETag is still that: what is read is
what was listed. A listing takes a request for every thousand objects and about 200 bytes for each, 2 MB for 10,000.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError

from octo.errors import InputError, IntegrityError, MissingError
from octo.storage.failures import InterruptedReadError, insist, named, reading_body, status_of
from octo.storage.store import Store

CHUNK_BYTES = 1 << 20


class ListedObject(NamedTuple):
    """An object as a listing tells of it."""

    key: str
    """Below the prefix that was listed."""
    size: int
    etag: str


def list_objects(store: Store, address: str) -> list[ListedObject]:
    """The objects below `s3://bucket/prefix` of the store's service, by their keys; InputError when there is none."""
    place = store.at(address)
    above = len(place.location.key(""))
    found: list[ListedObject] = []
    # A bucket that is not there holds nothing either.
    with suppress(MissingError):
        # With a slash: what another prefix begins alike is not below this one.
        for page in place.pages(f"{place.location.prefix}/" if place.location.prefix else ""):
            found += (
                ListedObject(entry["Key"][above:], entry["Size"], entry["ETag"])
                for entry in page.get("Contents", ())
                if not entry["Key"].endswith("/")
            )
    if not found:
        raise InputError(f"nothing is stored below {place.address}: put objects there, or name another prefix")
    return sorted(found)


def digest_of_listing(objects: Sequence[ListedObject]) -> str:
    """One digest for all keys, sizes and ETags."""
    return hashlib.sha256(json.dumps(objects, separators=(",", ":")).encode()).hexdigest()


def fetch_listed(store: Store, address: str, listed: ListedObject, path: Path) -> str:
    """Bring an object into a file, a mebibyte at a time; the sha256 of what came.

    Raises:
        IntegrityError: the object is another one by now, or came cut short.
    """
    place = store.at(address)
    name = f"{place.address}/{listed.key}"

    def read() -> str:
        request = {"Bucket": place.location.bucket, "Key": place.location.key(listed.key), "IfMatch": listed.etag}
        hashed, size = hashlib.sha256(), 0
        body = place.client.get_object(**request)["Body"]  # type: ignore[arg-type]  # a dict of texts
        with path.open("wb") as file, reading_body():
            for chunk in body.iter_chunks(CHUNK_BYTES):
                file.write(chunk)
                hashed.update(chunk)
                size += len(chunk)
        if size != listed.size:
            raise InterruptedReadError
        return hashed.hexdigest()

    with named(name, place.service):
        try:
            return insist(read, place.patience)
        except ClientError as error:
            if status_of(error) in {404, 412}:
                raise IntegrityError(f"{name} is not what was listed: run again, with what is there now") from error
            raise
