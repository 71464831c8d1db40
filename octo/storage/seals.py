"""Seals: the sha256 of what octo writes, written into it, so that a reader believes nothing else.

Parts are verified by the digests in their commit. What nothing names beforehand (commits, manifests, pointers, records
of a run, spans, what processes share) bears its own: stores, gateways and proxies drop checksums of theirs, answer 200
with somebody's error page, or flip a bit where no checksum was sent. JSON has it as the member `seal`, anything else
as a last line, which itself is JSON. It costs 80 bytes and a hash of the object: 2 s of processor time a gigabyte.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

SEAL = "seal"
_LAST_LINE = re.compile(rb'\{"seal":"([0-9a-f]{64})"\}\n')
_LAST_LINE_BYTES = 76
_UNSEALED = "it has no seal: it is not octo's, or of a version before 0.2"


def sealed(body: bytes) -> bytes:
    """The bytes, and a last line that holds their digest."""
    return body + b'{"seal":"%s"}\n' % hashlib.sha256(body).hexdigest().encode()


def unsealed(body: bytes) -> bytes:
    """The bytes that were sealed; ValueError when they are not those any more."""
    said = _LAST_LINE.fullmatch(body[-_LAST_LINE_BYTES:])
    if said is None:
        raise ValueError(_UNSEALED)
    inside = body[:-_LAST_LINE_BYTES]
    _compare(said[1].decode(), hashlib.sha256(inside).hexdigest())
    return inside


def sealed_json(value: Mapping[str, Any]) -> bytes:
    """An object in JSON, for people too, with its seal as the last member."""
    # Once there and back: what is sealed is what a reader will have.
    plain = json.loads(json.dumps(value))
    return json.dumps({**plain, SEAL: _digest(plain)}, indent=1).encode()


def unsealed_json(body: bytes) -> Any:
    """The object that was sealed; ValueError when it is another, or none."""
    value = json.loads(body)
    if not isinstance(value, dict) or SEAL not in value:
        raise ValueError(_UNSEALED)
    said = value.pop(SEAL)
    _compare(said, _digest(value))
    return value


def canonical(value: object) -> bytes:
    """The one way that a value is written: equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class Sealed(BaseModel):
    """A value whose written form bears its seal, which is compared whenever it is read.

    What was written before there were seals is read as it was: a damaged seal cannot pass for none, for no other member
    is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> bytes:
        """The one way that this value is written: equal values are equal bytes."""
        plain = self.model_dump(mode="json")
        return canonical({**plain, SEAL: _digest(plain)})

    @model_validator(mode="before")
    @classmethod
    def _unsealed(cls, given: Any) -> Any:
        if not isinstance(given, dict) or SEAL not in given:
            return given
        plain = {name: value for name, value in given.items() if name != SEAL}
        _compare(given[SEAL], _digest(plain))
        return plain


def _digest(plain: object) -> str:
    # A record of a run may hold NaN, which Python's JSON can say.
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _compare(said: object, found: str) -> None:
    if said != found:
        raise ValueError(f"its seal says {said}, but what it holds is {found}")
