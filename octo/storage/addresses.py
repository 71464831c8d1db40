"""Addresses: `s3://bucket/prefix`."""

import re
from typing import NamedTuple

from octo.errors import UsageError

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Location(NamedTuple):
    """A bucket and a prefix in it; the prefix neither begins nor ends with a slash and may be empty."""

    bucket: str
    prefix: str

    @property
    def address(self) -> str:
        """`s3://bucket/prefix`, without a slash at the end."""
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name: str) -> str:
        """The full key of what is called `name` below the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name


def parse(address: str) -> Location:
    """The location that an address names; UsageError when it is not one."""
    bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
    prefix = prefix.strip("/")
    if not address.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or "//" in prefix:
        raise UsageError(f"expected s3://bucket/prefix, got {address!r}")
    return Location(bucket, prefix)
