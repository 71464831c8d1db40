"""Settings of the job that takes models in, and where a model may come from."""

import re
from collections.abc import Iterator
from functools import cache
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import JsonValue

from octo.errors import UsageError
from octo.settings.base import JobSettings, Need, Neutral
from octo.settings.special import SpecialTokens

SourceKind = Literal["folder", "s3", "hub"]
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SUFFIXES = (".json", ".jinja", ".safetensors", ".model", ".txt")


class PretrainedSettings(JobSettings):
    """Take a Hugging Face model directory in: verified, as an artifact that every other job takes as its model."""

    job: ClassVar[str] = "pretrained"
    code_version: ClassVar[int] = 1
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, scratch_gib=50)
    """What its pod asks of a cluster; the model's files are on its scratch disk, and never whole in memory."""

    source: Annotated[str, Neutral()] = ""
    """Where the model is: a folder, s3://bucket/prefix, or the name of a repository on the hub (owner/name), where the
    network allows it. What the model's files hold belongs to the result, and not where they are."""
    revision: Annotated[str, Neutral()] = ""
    """Commit of a repository on the hub, 40 hexadecimal digits; a branch would be another model tomorrow."""
    special: SpecialTokens = SpecialTokens()
    """Special tokens that the model's files do not name, or name otherwise."""

    def determinants(self) -> dict[str, JsonValue]:
        """The digests of a folder's files, or the commit of a repository. Every byte of the files is read for it."""
        if not self.source:
            return {}
        kind = source_kind(self.source)
        if kind == "folder":
            return {"files": dict(_digests(Path(self.source)))}
        if kind == "hub":
            return {"hub": self.source, "revision": _commit(self.revision)}
        return {}

    def prefixes(self) -> tuple[str, ...]:
        """The source, if it is a prefix of the store's service."""
        return (self.source,) if self.source and source_kind(self.source) == "s3" else ()


def source_kind(source: str) -> SourceKind:
    """What a source is; UsageError when it is nothing."""
    if source.startswith("s3://"):
        return "s3"
    if Path(source).is_dir():
        return "folder"
    if _HUB_NAME.fullmatch(source) and not source.startswith("."):
        return "hub"
    raise UsageError(f"--source {source}: there is no such folder; expected one, or s3://bucket/prefix, or owner/name")


def is_taken(name: str) -> bool:
    """Whether a file of a model's folder may become a part: no pickle, no code, and no weights in another layout."""
    return name.endswith(_SUFFIXES) and "/" not in name and not name.startswith("consolidated")


def _digests(folder: Path) -> Iterator[tuple[str, JsonValue]]:
    for file in sorted(folder.iterdir()):
        if file.is_file() and is_taken(file.name):
            facts = file.stat()
            yield file.name, _digest(file, facts.st_size, facts.st_mtime_ns)


@cache
def _digest(file: Path, _size: int, _modified_ns: int) -> str:
    # Size and time make a changed file a new question; the job compares what it copies with the answer.
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _commit(revision: str) -> str:
    if not _COMMIT.fullmatch(revision):
        raise UsageError(
            f"--revision: expected the commit of the repository, 40 hexadecimal digits, got {revision!r}: a branch "
            "would be another model tomorrow"
        )
    return revision
