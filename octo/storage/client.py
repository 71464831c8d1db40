"""The connection to an S3 service: how it signs, retries, waits and checks."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import create_loader
from botocore.session import Session

from octo.errors import AccessDeniedError, UsageError
from octo.settings.base import S3Settings
from octo.storage.patience import PATIENT, Patience, Resending
from octo.storage.service import service_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIRST_ATTEMPTS = 5
"""Sends of the first requests to a store that may be misspelt: a person waits for the answer, about a second."""
CONNECTIONS = 16
CLIENTS = 16
"""Kept in a process: one for each store that it works on, with its connections."""
_DESCRIPTIONS = create_loader()
"""Of S3 and its endpoints: a megabyte of JSON, which is read for the first client of a process alone."""


@lru_cache(CLIENTS)
def open_client(s3: S3Settings, patience: Patience = PATIENT) -> "S3Client":
    """The client of the S3 service that the settings name: one in a process, for any thread. Sends nothing yet.

    To make one takes 100 ms of processor time, more than to do a small shard.
    """
    if (s3.access_key is None) != (s3.secret_key is None):
        lacking = "access_key" if s3.access_key is None else "secret_key"
        both = f"put {lacking} into Secret {s3.secret}" if s3.secret else f"set both {service_of(s3).keys}"
        raise UsageError(f"an access key needs its secret key: {both}")
    session = Session()
    if s3.secret and s3.access_key is None:
        _check_identity(session, s3)
    session.register_component("data_loader", _DESCRIPTIONS)
    try:
        client = session.create_client(
            "s3",
            endpoint_url=s3.endpoint or None,
            region_name=s3.region,
            aws_access_key_id=s3.access_key.get_secret_value() if s3.access_key else None,
            aws_secret_access_key=s3.secret_key.get_secret_value() if s3.secret_key else None,
            config=Config(
                # By `Resending` instead.
                retries={"mode": "standard", "total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=30,
                tcp_keepalive=True,
                max_pool_connections=CONNECTIONS,
                request_checksum_calculation="when_supported",
                response_checksum_validation="when_supported",
                s3={
                    # Only the cloud's own endpoint is sure to have a name for every bucket.
                    "addressing_style": "path" if s3.endpoint else "auto",
                    # Nobody is on the way to this machine itself, and each body has its checksum: its SHA-256 for the
                    # signature would be half of what it costs to send it.
                    **({"payload_signing_enabled": False} if is_loopback(s3.endpoint) else {}),
                },
                # A proxy from the environment cannot know this machine's loopback.
                proxies={} if is_loopback(s3.endpoint) else None,
            ),
        )
    except ValueError as error:
        where = f"endpoint of Secret {s3.secret}" if s3.secret else "--s3.endpoint"
        raise UsageError(f"expected the URL of an S3 service as {where}, got {s3.endpoint!r}") from error
    except BotoCoreError as error:
        raise UsageError(f"no S3 client for region {s3.region!r} and endpoint {s3.endpoint!r}: {error}") from error
    if s3.endpoint:
        client.meta.events.register("before-call.s3", _stay)
    resending = Resending(patience, is_here=is_loopback(s3.endpoint))
    client.meta.events.register("needs-retry.s3", resending)  # type: ignore[arg-type]  # botocore reads its result
    return cast("S3Client", client)


def _check_identity(session: Session, s3: S3Settings) -> None:
    """AccessDeniedError in a pod that has neither the Secret's keys nor an identity of its own."""
    try:
        found = session.get_credentials()
    except BotoCoreError:
        found = None
    if found is None:
        keys = "--from-literal=access_key=... --from-literal=secret_key=..."
        raise AccessDeniedError(
            f"no credentials for {s3.endpoint or f'S3 in {s3.region}'}: this namespace has no Secret {s3.secret} with "
            f"access_key and secret_key, and the pod's service account no identity of its own: kubectl create secret "
            f"generic {s3.secret} {keys}, or give that account one"
        )


def _stay(context: dict[str, Any], **_: object) -> None:
    """Mark the request as redirected: else botocore asks the same endpoint for the bucket's region, for ever."""
    context.get("s3_redirect", {})["redirected"] = True


def is_loopback(endpoint: str) -> bool:
    """Whether a URL leads to this machine itself."""
    host = urlsplit(endpoint).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
