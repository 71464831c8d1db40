"""What is written down about an artifact, and the digests that it goes by."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, JsonValue

from octo.storage.seals import Sealed, canonical

if TYPE_CHECKING:
    from octo.storage.artifacts import Artifact


class _Within(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Within):
    """One object of an artifact."""

    index: int
    name: str
    key: str
    """Key below the store's prefix; holds the attempt that wrote it."""
    sha256: str
    size: int
    rows: int
    """Records in it, 0 where that means nothing."""


class Commit(Sealed):
    """One index's result, claimed by one attempt."""

    index: int
    attempt: str
    parts: tuple[Part, ...]
    counters: dict[str, int]
    committed_at: datetime


class SpanId(_Within):
    """A span of the trace."""

    trace_id: str
    span_id: str


class InputRef(_Within):
    """An artifact that another was made from."""

    address: str
    digest: str
    content: str

    @classmethod
    def of(cls, artifact: "Artifact") -> "InputRef":
        """The reference to an opened artifact."""
        return cls(address=artifact.address, digest=artifact.manifest.digest, content=artifact.manifest.content)


class Manifest(Sealed):
    """What an artifact is and came from. Two runs' manifests differ only in times, attempts and the producing span."""

    job: str
    digest: str
    """Of what determines the artifact."""
    stage: str
    code_version: int
    settings: dict[str, JsonValue]
    """Those that change the result."""
    inputs: dict[str, tuple[InputRef, ...]]
    versions: dict[str, str]
    parts: tuple[Part, ...]
    """In the order of index and name."""
    counters: dict[str, int]
    """Sums over the indexes."""
    content: str
    """Digest of what the artifact holds, whichever attempts made it and when."""
    producer: SpanId
    attempts: dict[int, str]
    """Which attempt made each index."""
    started_at: datetime
    committed_at: datetime


def digest_of(
    *, job: str, code_version: int, settings: Mapping[str, object], inputs: Mapping[str, Sequence[str]]
) -> str:
    """The digest of what determines an artifact, 64 hex digits; `inputs` are the digests of each field's artifacts."""
    determinants = {
        "job": job,
        "code_version": code_version,
        "settings": dict(settings),
        "inputs": {field: list(digests) for field, digests in inputs.items()},
    }
    return hashlib.sha256(canonical(determinants)).hexdigest()


def content_of(parts: Sequence[Part], counters: Mapping[str, int]) -> str:
    """The digest of what parts hold, of their order and counts, but not of who wrote them where and when."""
    held = [[part.index, part.name, part.sha256, part.size, part.rows] for part in parts]
    return hashlib.sha256(canonical({"parts": held, "counters": dict(counters)})).hexdigest()
