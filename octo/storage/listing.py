"""What lies below a prefix of a store's service, as others have put it there, and reading it as it was listed.

Such a bucket can only be listed, and some gateways miss keys: where their pages meet, or in an index that lost some. A
listing is therefore made twice, the second time with pages that meet elsewhere, and both are the artifact's digest; and
of names that count, those that lack are asked for by their keys.

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

from octo.errors import AccessDeniedError, InputError, IntegrityError, MissingError, StorageError
from octo.storage.failures import InterruptedReadError, insist, named, reading_body, status_of
from octo.storage.neighbours import unlisted_neighbours
from octo.storage.store import PAGE_OBJECTS, Store

CHUNK_BYTES = 1 << 20
_OTHER_PAGE_OBJECTS = 991
"""Has no multiple in common with a thousand but after 991 pages."""


class ListedObject(NamedTuple):
    """An object as a listing tells of it."""

    key: str
    """Below the prefix that was listed."""
    size: int
    etag: str


def list_objects(store: Store, address: str) -> list[ListedObject]:
    """The objects below `s3://bucket/prefix` of the store's service, by their keys; InputError when there is none."""
    return _listed(store, address, page_objects=PAGE_OBJECTS)


def list_objects_again(store: Store, address: str) -> list[ListedObject]:
    """The same in another way, for a listing that stands for an artifact: to be compared with the first by its digest.

    As many requests, and one for each number that its names leave out, a hundred at most.

    Raises:
        StorageError: an object is there that is not listed.
    """
    found = _listed(store, address, page_objects=_OTHER_PAGE_OBJECTS)
    place = store.at(address)
    for key in unlisted_neighbours(each.key for each in found):
        # Whoever may list and not read asks in vain.
        with suppress(AccessDeniedError):
            if place.head(key) is not None:
                raise StorageError(
                    f"{place.endpoint} has {place.address}/{key} and does not list it: run again, and if it is said "
                    "again, mend the service's listing, or copy the objects to another"
                )
    return found


def _listed(store: Store, address: str, *, page_objects: int) -> list[ListedObject]:
    place = store.at(address)
    above = len(place.location.key(""))
    found: list[ListedObject] = []
    # A bucket that is not there holds nothing either.
    with suppress(MissingError):
        # With a slash: what another prefix begins alike is not below this one.
        for page in place.pages(f"{place.location.prefix}/" if place.location.prefix else "", size=page_objects):
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
