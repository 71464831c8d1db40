"""Proof that a store honours conditional writes, without which a commit could be lost or made twice."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import ClientError

from octo.errors import AccessDeniedError, StorageError, StoreUnreachableError, UnsupportedStoreError
from octo.storage.failures import code_of, named
from octo.storage.store import ReplacedError, Store

RIVALS = 8
_UNKNOWN_HEADER = {"NotImplemented", "501", "InvalidArgument", "InvalidRequest", "MethodNotAllowed"}
"""What a store says that knows conditional writes only to refuse them."""


def probe(store: Store, *, rivals: int = RIVALS) -> None:
    """Return when the store can be read and written and honours conditional writes; leaves nothing behind.

    With 0 rivals nothing is raced. That takes 30 ms on the embedded store, whose races the tests prove; a race there
    takes 20 ms or some seconds, because in SeaweedFS a writer that meets another's lock sleeps for one second.

    Raises UnsupportedStoreError, which names the check that failed, and other kinds of StorageError when the store
    cannot be reached or used at all.
    """
    with _scratch(store) as scratch:
        _check_conditional_put(scratch)
        _check_conditional_completion(scratch)
        if rivals:
            _check_race(scratch, rivals)


def _check_conditional_put(store: Store) -> None:
    """Of two writers one after the other, the first is kept."""
    with _refusing(store, "a PUT with If-None-Match"):
        first, second = store.put_if_absent("put", b"first"), store.put_if_absent("put", b"second")
    if not first or second or store.get("put") != b"first":
        raise _unsupported(store, "a PUT with If-None-Match: * replaced an object")


def _check_conditional_completion(store: Store) -> None:
    """An upload in parts is not completed over an object."""
    place: dict[str, Any] = {"Bucket": store.location.bucket, "Key": store.location.key("put")}
    with named(store.address, store.service), _refusing(store, "completing a multipart upload with If-None-Match"):
        upload: dict[str, Any] = {**place, "UploadId": store.client.create_multipart_upload(**place)["UploadId"]}
        part = store.client.upload_part(**upload, PartNumber=1, Body=b"second")
        try:
            store.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}, IfNoneMatch="*"
            )
        except ClientError as error:
            with suppress(ClientError):
                store.client.abort_multipart_upload(**upload)
            if code_of(error) != "PreconditionFailed":
                raise
        else:
            raise _unsupported(store, "a multipart upload completed with If-None-Match: * replaced an object")


def _check_race(store: Store, rivals: int) -> None:
    """Of many writers at once, exactly one wins, and what it wrote is what is there."""

    def wins(body: bytes) -> bool:
        try:
            return store.put_if_absent("race", body)
        except ReplacedError:
            return True  # The store said so.

    bodies = [secrets.token_bytes(16) for _ in range(rivals)]
    with ThreadPoolExecutor(rivals) as pool:
        won = list(pool.map(wins, bodies))
    if won.count(True) != 1 or store.get("race") != bodies[won.index(True)]:
        raise _unsupported(store, f"{won.count(True)} of {rivals} racing PUTs with If-None-Match: * won, not one")


@contextmanager
def _scratch(store: Store) -> Iterator[Store]:
    """A place of its own below the store's prefix, emptied at the end if the store can be reached at all."""
    scratch = store.at(f"{store.address}/.probe/{secrets.token_hex(8)}")
    try:
        yield scratch
    except StoreUnreachableError:
        raise
    except StorageError:
        _empty(scratch)
        raise
    _empty(scratch)


def _empty(scratch: Store) -> None:
    # Whoever may not delete leaves a few bytes, which harm nothing.
    with suppress(AccessDeniedError):
        for key in ("put", "race"):
            scratch.delete(key)


@contextmanager
def _refusing(store: Store, what: str) -> Iterator[None]:
    """A store that answers that it does not know the condition is refused like one that ignores it."""
    try:
        yield
    except (ClientError, StorageError) as error:
        answer = error if isinstance(error, ClientError) else error.__cause__
        if isinstance(answer, ClientError) and code_of(answer) in _UNKNOWN_HEADER:
            raise _unsupported(store, f"{what} was answered with {code_of(answer)}") from error
        raise


def _unsupported(store: Store, finding: str) -> UnsupportedStoreError:
    return UnsupportedStoreError(
        f"{store.endpoint} does not honour conditional writes ({finding}), so nothing could be committed exactly once "
        f"in its bucket {store.location.bucket}: use a store that does (AWS S3, SeaweedFS, a recent MinIO), or a "
        "directory as --store"
    )
