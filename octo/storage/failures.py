"""What goes wrong between here and the store, said once in octo's own errors."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError
from s3transfer.exceptions import RetriesExceededError
from urllib3.exceptions import HTTPError

from octo.errors import (
    AccessDeniedError,
    IntegrityError,
    MissingError,
    NoSpaceError,
    StorageError,
    StoreUnreachableError,
)
from octo.storage.patience import CONNECTION_FAILURES, Patience
from octo.storage.service import Service

T = TypeVar("T")

ATTEMPTS = 6
"""Tries of what botocore does not retry: a body cut short, a write in conflict with another."""

_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}
_FORBIDDEN = {"AccessDenied", "403", "AllAccessDisabled", "MethodNotAllowed", "AccountProblem"}
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"}
_FULL_TEXTS = ("no space left", "disk full", "no free volumes", "insufficient storage", "quota exceeded")
_DAMAGED_ON_THE_WAY = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"}
_PASSING = _DAMAGED_ON_THE_WAY | {"RequestTimeout", "ConditionalRequestConflict", "OperationAborted"}
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}

UNREADABLE_ANSWERS = (ResponseParserError, HTTPError, HTTPException, ConnectionError, TimeoutError)
"""What an answer raises that is cut, reset or no S3's, where botocore does not look."""
BROKEN_BODIES = (BotoCoreError, ValueError, *UNREADABLE_ANSWERS)
"""What reading a body raises. ValueError: a connection cut within a header line escapes http.client as one."""


class InterruptedReadError(Exception):
    """A body ended early or was damaged on the way; reading it again may succeed."""


def code_of(error: ClientError) -> str:
    """The store's word for what is wrong, such as `NoSuchKey`; the HTTP status where the answer had no body."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The answer's HTTP status."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def is_absent(error: ClientError) -> bool:
    """Whether the answer is that there is no such object. One that was cut, or has no body, says so by its status."""
    return code_of(error) in _ABSENT


def insist(action: Callable[[], T], patience: Patience) -> T:
    """Do it again, after a wait with jitter, when it failed in a way that passes and that is not sent again below."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return action()
        except CONNECTION_FAILURES:
            # Some of them are errors of the library below as well. They were borne for long enough.
            raise
        except (InterruptedReadError, *UNREADABLE_ANSWERS):
            pass
        except ClientError as error:
            if code_of(error) not in _PASSING:
                raise
        patience.wait(attempt)
    return action()


@contextmanager
def reading_body() -> Iterator[None]:
    """Say of a body that breaks off while it is read that reading it again may succeed."""
    try:
        yield
    except BROKEN_BODIES as error:
        raise InterruptedReadError from error


@contextmanager
def named(place: str, service: Service) -> Iterator[None]:
    """Turn what boto3 raises about `place` into octo's errors: the value, the reason, the remedy."""
    endpoint = service.name
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, place, service) from error
    except InterruptedReadError as error:
        damaged = isinstance(error.__cause__, FlexibleChecksumError)
        kind = IntegrityError if damaged else StoreUnreachableError
        raise kind(
            f"{place} could not be read whole from {endpoint} in {ATTEMPTS} tries: {reason_of(error.__cause__)}"
        ) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise AccessDeniedError(f"no credentials for {endpoint}: set {service.keys}") from error
    except (*CONNECTION_FAILURES, RetriesExceededError) as error:
        raise StoreUnreachableError(
            f"no answer from {endpoint} about {place} ({type(error).__name__}): is the address right, and the store up?"
        ) from error
    except UNREADABLE_ANSWERS as error:
        raise StoreUnreachableError(
            f"{endpoint} gave no whole answer about {place} in {ATTEMPTS} tries ({reason_of(error)}): is it an S3 "
            "service, and nothing in between that cuts its answers?"
        ) from error
    except BotoCoreError as error:
        raise StorageError(f"{place} at {endpoint}: {error}") from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise NoSpaceError(
            f"no space left on this machine for {error.filename or place}: free some, or point TMPDIR elsewhere"
        ) from error


def reason_of(error: BaseException | None) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def _of_answer(error: ClientError, place: str, service: Service) -> StorageError:
    endpoint = service.name
    code, message = code_of(error), error.response.get("Error", {}).get("Message") or "no reason given"
    if 300 <= status_of(error) < 400:
        return _of_redirect(error, place, service)
    if code in _SKEWED | _WRONG_KEYS:
        return AccessDeniedError(
            f"{endpoint} refuses what it takes for {_age_of(error)} ({code}): the clocks of this machine and of the "
            "store differ, set the one that is wrong"
            if code in _SKEWED
            else f"{endpoint} refused the credentials ({code}): check {service.keys}"
        )
    if code in _FULL or status_of(error) == 507 or any(text in message.lower() for text in _FULL_TEXTS):
        return NoSpaceError(f"{endpoint} has no space left for {place} ({code}): free some, then run again")
    if code in _FORBIDDEN or status_of(error) == 403:
        return AccessDeniedError(
            f"{endpoint} does not allow {error.operation_name} on {place} ({code}): it takes a key that may read, "
            f"write and list there, in {service.keys}"
        )
    if code == "NoSuchBucket" or is_absent(error):
        return MissingError(
            f"{endpoint} has no bucket for {place}: create it, or give another address with --store"
            if code == "NoSuchBucket"
            else f"nothing is stored at {place}"
        )
    tries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
    hint = " (what it keeps there may be damaged: see its log)" if _is_failed_read(error) else ""
    return StorageError(
        f"{endpoint} answered {code} to {error.operation_name} of {place} in {tries} tries: {message}{hint}"
    )


def _is_failed_read(error: ClientError) -> bool:
    return status_of(error) == 500 and error.operation_name in {"GetObject", "HeadObject"}


def _of_redirect(error: ClientError, place: str, service: Service) -> StorageError:
    """Where the bucket is, as far as the answer tells; an S3 client follows nobody, who would see its signature."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    said = error.response.get("Error", {})
    elsewhere = said.get("Endpoint") or headers.get("location") or "another place, which it does not name"
    region = said.get("Region") or headers.get("x-amz-bucket-region")
    remedy = f"give --s3.region {region}" if region else f"{service.remedy} the address of the S3 service itself"
    return StorageError(f"{service.name} sends whoever asks for {place} to {elsewhere} ({code_of(error)}): {remedy}")


def _age_of(error: ClientError) -> str:
    """What the request seems to the store, by the time that its answer bears."""
    date = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        minutes = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() / 60
    except (TypeError, ValueError):
        return "a request of another time"
    return f"a request of {abs(minutes):.0f} minutes {'ago' if minutes > 0 else 'ahead'}"
