"""An S3 service in sentences: its name, and where a process has its keys and its address from, to be mended there."""

from dataclasses import dataclass

from octo.settings.base import S3Settings


@dataclass(frozen=True)
class Service:
    """What is said of a service."""

    name: str
    keys: str
    """Where its keys are from."""
    remedy: str
    """How to give it another address."""


def service_of(s3: S3Settings) -> Service:
    """The service that the settings lead to; of a pod, whose keys and address a Secret holds, the Secret is named."""
    name = s3.endpoint or f"S3 in {s3.region}"
    if not s3.secret:
        return Service(name, "OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY", "give --s3.endpoint")
    keys = (
        f"access_key and secret_key of Secret {s3.secret} in the pod's namespace"
        if s3.access_key
        else f"the identity of the pod's service account, for Secret {s3.secret} has no access_key and secret_key"
    )
    return Service(name, keys, f"put into endpoint of Secret {s3.secret}")
