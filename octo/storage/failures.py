"""What goes wrong between here and the store, said once in octo's own errors."""

import errno
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004 - the name botocore gives it
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from s3transfer.exceptions import RetriesExceededError

from octo.errors import (
    AccessDeniedError,
    IntegrityError,
    MissingError,
    NoSpaceError,
    StorageError,
    StoreUnreachableError,
)

T = TypeVar("T")

ATTEMPTS = 6
"""Tries of what botocore does not retry: a body cut short, a write in conflict with another."""

_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}
_FORBIDDEN = {"AccessDenied", "403", "AllAccessDisabled", "MethodNotAllowed", "AccountProblem"}
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"}
_FULL_TEXTS = ("no space left", "disk full", "no free volumes", "insufficient storage", "quota exceeded")
_DAMAGED_ON_THE_WAY = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"}
_PASSING = _DAMAGED_ON_THE_WAY | {"RequestTimeout", "ConditionalRequestConflict", "OperationAborted"}

CONNECTION_FAILURES = (ConnectionError, ConnectionClosedError, HTTPClientError)
"""No whole answer arrived: whether the store did what was asked is not known."""


class InterruptedReadError(Exception):
    """A body ended early or was damaged on the way; reading it again may succeed."""


def code_of(error: ClientError) -> str:
    """The store's word for what is wrong, such as `NoSuchKey`; the HTTP status where the answer had no body."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The answer's HTTP status."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def insist(action: Callable[[], T]) -> T:
    """Do it again, after a wait with jitter, when it failed in a way that passes and that botocore does not retry."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return action()
        except InterruptedReadError:
            pass
        except ClientError as error:
            if code_of(error) not in _PASSING:
                raise
        back_off(attempt)
    return action()


def back_off(attempt: int) -> None:
    """Wait before the next try: at most 0.1 s first, twice that after each; random, so rivals do not meet again."""
    time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - spreads retries, keeps no secret


@contextmanager
def named(place: str, endpoint: str) -> Iterator[None]:
    """Turn what boto3 raises about `place` into octo's errors: the value, the reason, the remedy."""
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, place, endpoint) from error
    except InterruptedReadError as error:
        damaged = isinstance(error.__cause__, FlexibleChecksumError)
        kind = IntegrityError if damaged else StoreUnreachableError
        raise kind(f"{place} could not be read whole in {ATTEMPTS} tries: {error.__cause__}") from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise AccessDeniedError(
            f"no credentials for {endpoint}: set OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY"
        ) from error
    except (*CONNECTION_FAILURES, RetriesExceededError) as error:
        raise StoreUnreachableError(
            f"no answer from {endpoint} about {place} ({type(error).__name__}): is the address right, and the store up?"
        ) from error
    except BotoCoreError as error:
        raise StorageError(f"{place} at {endpoint}: {error}") from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise NoSpaceError(
            f"no space left on this machine for {error.filename or place}: free some, or point TMPDIR elsewhere"
        ) from error


def _of_answer(error: ClientError, place: str, endpoint: str) -> StorageError:
    code, message = code_of(error), error.response.get("Error", {}).get("Message") or "no reason given"
    if code in _WRONG_KEYS:
        return AccessDeniedError(
            f"{endpoint} refused the credentials ({code}): check OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY"
        )
    if code in _FULL or status_of(error) == 507 or any(text in message.lower() for text in _FULL_TEXTS):
        return NoSpaceError(f"{endpoint} has no space left for {place} ({code}): free some, then run again")
    if code in _FORBIDDEN or status_of(error) == 403:
        return AccessDeniedError(
            f"{endpoint} does not allow {error.operation_name} on {place} ({code}): it takes a key that may read, "
            "write and list there, in OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY"
        )
    if code == "NoSuchBucket":
        return MissingError(f"{endpoint} has no bucket for {place}: create it, or give another address with --store")
    if code in {"NoSuchKey", "404", "NotFound"}:
        return MissingError(f"nothing is stored at {place}")
    tries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
    return StorageError(f"{endpoint} answered {code} to {error.operation_name} of {place} in {tries} tries: {message}")
