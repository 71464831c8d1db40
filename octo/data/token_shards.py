"""Token shards: what a training knows of tokenization artifacts before it reads any token, from their manifests alone.

Axes: P parts of a source.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from octo.data.packed import RecordFormat
from octo.errors import InputError, UsageError
from octo.storage.artifacts import Artifact, Part

PACKING = "packing.json"
"""The part of index 0 that says how the sequences of an artifact are written."""
_TOKENS = re.compile(r"tokens-(?P<source>.+)-\d{5}\.bin")
_OTHERS = str.maketrans({"_": "%5F", ".": "%2E", "~": "%7E"})


class TokenPart(NamedTuple):
    """A part that holds sequences of one source."""

    artifact: Artifact
    part: Part

    @property
    def key(self) -> str:
        """What its records' digests are keyed with."""
        return record_key(self.part.index, self.part.name)

    def fetch(self, path: Path) -> None:
        """Bring it into a file, verified."""
        self.artifact.fetch(self.part, path)

    def read(self, first: int, size: int) -> bytes:
        """Some of its bytes, which the caller verifies."""
        return self.artifact.store.get_range(self.part.key, first, size)


@dataclass(frozen=True)
class TokenShards:
    """The sequences of tokenization artifacts that fit together: one tokenizer, one length."""

    format: RecordFormat
    vocabulary_size: int
    tokenizer: Artifact
    """An artifact that holds the tokenizer's files."""
    parts: Mapping[str, tuple[TokenPart, ...]]
    """By source, in the order of the artifacts given, of their indexes and of their names."""
    ends: Mapping[str, NDArray[np.int64]]
    """By source, for each part how many sequences it and those before it hold; shape P."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Sequences by source."""
        return {source: int(ends_P[-1]) for source, ends_P in self.ends.items()}


def corpus_shards(corpora: Iterable[Artifact]) -> list[tuple[Artifact, Part]]:
    """The shards of documents of all corpora: an index of a tokenization is made of the one at its place here."""
    return [(artifact, part) for artifact in corpora for part in artifact.parts("documents.parquet")]


def part_name(kind: str, source: str, number: int, suffix: str) -> str:
    """Name of the source's part of that number; a source may be called anything."""
    escaped = quote(source, safe="").translate(_OTHERS).replace("%", "_")
    return f"{kind}-{escaped}-{number:05d}.{suffix}"


def record_key(index: int, name: str) -> str:
    """What the digests of a part's records are keyed with."""
    return f"{index}/{name}"


def open_token_shards(artifacts: Sequence[Artifact]) -> TokenShards:
    """What the artifacts hold. Reads no token, and one small part of each artifact.

    Raises:
        UsageError: none is given, or they differ in tokenizer or length.
        InputError: one is no tokenization artifact.
    """
    if not artifacts:
        raise UsageError("nothing to train on: give --tokens, addresses of tokenization artifacts")
    first = artifacts[0]
    packing = _packing(first)
    for other in artifacts[1:]:
        _check_alike(first, packing, other)
    parts: dict[str, list[TokenPart]] = {}
    for artifact in artifacts:
        for part in artifact.parts():
            match = _TOKENS.fullmatch(part.name)
            if match:
                parts.setdefault(unquote(match["source"].replace("_", "%")), []).append(TokenPart(artifact, part))
    return TokenShards(
        format=RecordFormat(packing["sequence_length"], packing["dtype"]),
        vocabulary_size=packing["vocabulary_size"],
        tokenizer=first,
        parts={source: tuple(each) for source, each in sorted(parts.items())},
        ends={source: np.cumsum([each.part.rows for each in found], dtype=np.int64) for source, found in parts.items()},
    )


def _packing(artifact: Artifact) -> dict[str, Any]:
    if not artifact.parts(PACKING):
        raise InputError(f"{artifact.address} holds no token shards: give --tokens the artifacts of tokenization")
    packing: dict[str, Any] = json.loads(artifact.read_one(PACKING))
    return packing


def _check_alike(first: Artifact, packing: Mapping[str, object], other: Artifact) -> None:
    theirs = _packing(other)
    if theirs["sequence_length"] != packing["sequence_length"]:
        raise UsageError(
            f"{first.address} has sequences of {packing['sequence_length']} tokens and {other.address} of "
            f"{theirs['sequence_length']}, which cannot be mixed: tokenize both with one --sequence-length"
        )
    digests = [[part.sha256 for part in each.parts("tokenizer.json")] for each in (first, other)]
    if digests[0] != digests[1] or theirs != packing:
        raise UsageError(
            f"{first.address} and {other.address} were made with two tokenizers, whose tokens cannot be mixed: "
            f"tokenize one with --tokenizer {first.address}"
        )
