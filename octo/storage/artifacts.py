"""Artifacts: what a stage made, committed once under the digest of what determines it.

An index's parts are stored under names of their attempt, then claimed by a conditional PUT of `commits/<index>.json`;
when all indexes are claimed, a conditional PUT of `manifest.json` makes them an artifact. Nothing is ever overwritten:
whoever is killed loses only what was not claimed, and of racing attempts one wins and the others take over its result.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from octo.errors import InputError, IntegrityError, MissingError, UsageError
from octo.storage.addresses import parse
from octo.storage.manifest import Commit, InputRef, Manifest, Part, SpanId, content_of, digest_of
from octo.storage.store import Store

__all__ = [
    "Artifact",
    "Commit",
    "IndexResult",
    "InputRef",
    "Manifest",
    "Output",
    "Part",
    "PendingArtifact",
    "SpanId",
    "digest_of",
    "find_artifact",
    "known_digests",
    "open_artifact",
]

M = TypeVar("M", Commit, Manifest)

READERS = 8
"""Commits fetched side by side."""
_ADDRESS = re.compile(r"(?P<root>.+)/artifacts/(?P<job>[^/]+)/(?P<digest>[0-9a-f]{64})")
_PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Artifact:
    """A committed artifact; its bytes are verified whenever they are read."""

    store: Store = field(repr=False)
    address: str
    manifest: Manifest

    def parts(self, name: str | None = None) -> tuple[Part, ...]:
        """The parts in the order of index and name; with a name, those called so."""
        return tuple(part for part in self.manifest.parts if name is None or part.name == name)

    def read(self, part: Part) -> bytes:
        """The part's bytes; IntegrityError when they are not those that were committed."""
        return _verified(part, lambda: self.store.get(part.key), lambda body: hashlib.sha256(body).hexdigest())

    def read_one(self, name: str) -> bytes:
        """The bytes of the only part of that name."""
        return self.read(self._only(name))

    def fetch(self, part: Part, path: Path) -> None:
        """Bring the part into a file, without holding it in memory. IntegrityError leaves no file."""

        def download() -> Path:
            self.store.download(part.key, path)
            return path

        try:
            _verified(part, download, _sha256_of)
        except IntegrityError:
            path.unlink(missing_ok=True)
            raise

    def _only(self, name: str) -> Part:
        parts = self.parts(name)
        if len(parts) != 1:
            names = sorted({part.name for part in self.manifest.parts})
            raise InputError(f"expected one part {name!r} in {self.address}, found {len(parts)}: its parts are {names}")
        return parts[0]


@dataclass(frozen=True)
class PendingArtifact:
    """Where an artifact will be once the other processes that make it have done their share."""

    address: str


def find_artifact(store: Store, job: str, digest: str) -> Artifact | None:
    """The committed artifact of that job and digest; None when there is none yet."""
    body = store.get_if_present(f"{_folder(job, digest)}/manifest.json")
    return None if body is None else _artifact(store, job, digest, body)


def known_digests(store: Store, job: str) -> list[str]:
    """Digests of the job's artifacts in the store, finished or not, in no order that means something."""
    return list(store.folders(f"artifacts/{job}/"))


def open_artifact(store: Store, address: str) -> Artifact:
    """The artifact at an address, which may be below another prefix or bucket of the same service.

    Raises UsageError when it is no artifact's address, MissingError when nothing is committed there.
    """
    match = _ADDRESS.fullmatch(parse(address).address)
    if match is None:
        raise UsageError(f"expected s3://bucket/prefix/artifacts/<job>/<digest>, got {address!r}")
    artifact = find_artifact(store.at(match["root"]), match["job"], match["digest"])
    if artifact is None:
        raise MissingError(f"no artifact is committed at {address}: run the stage that makes it")
    return artifact


@dataclass(frozen=True)
class IndexResult:
    """What the work on one index made: parts by name (in memory or in files), their rows, and counts of anything."""

    parts: Mapping[str, bytes | Path]
    rows: Mapping[str, int] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)


class Output:
    """Where one attempt at a stage commits."""

    def __init__(self, store: Store, *, job: str, digest: str, attempt: str) -> None:
        self.store = store
        self.job = job
        self.digest = digest
        self.attempt = attempt
        self._folder = _folder(job, digest)
        self._commits = f"{self._folder}/commits/"

    @property
    def address(self) -> str:
        """The address that the artifact has, or will have."""
        return f"{self.store.address}/{self._folder}"

    def shared(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What all attempts need alike: the object of that name, else what `make` gives, which is left for the others.

        It is no part of the artifact, and nothing depends on its being there: whoever finds none makes it. So `make`
        must depend on nothing but what the digest does.
        """
        key = f"{self._folder}/shared/{name}"
        body = self.store.get_if_present(key)
        if body is None:
            body = make()
            self.store.put_if_absent(key, body)
        return body

    def share_file(self, name: str, path: Path) -> None:
        """Leave a file for all attempts, which is never in memory; where another attempt has left one, that stays."""
        digest = _sha256_of(path)
        self.store.upload(path, f"{self._folder}/shared/{digest}")
        self.store.put_if_absent(f"{self._folder}/shared/{name}", digest.encode())

    def fetch_shared(self, name: str, path: Path) -> bool:
        """Bring the file that was left under that name here; False when none was.

        IntegrityError when it is not what was left.
        """
        said = self.store.get_if_present(f"{self._folder}/shared/{name}")
        if said is None:
            return False
        digest = said.decode()
        key = f"{self._folder}/shared/{digest}"
        self.store.download(key, path)
        if (found := _sha256_of(path)) != digest:
            raise IntegrityError(f"{self.store.address}/{key}: expected sha256 {digest}, got {found}")
        return True

    def committed_indexes(self) -> set[int]:
        """The indexes that are claimed, without reading their commits."""
        return {int(key.rpartition("/")[2].removesuffix(".json")) for key in self.store.list(self._commits)}

    def committed(self) -> dict[int, Commit]:
        """The commits there are, by index, whichever attempt made them."""
        keys = list(self.store.list(self._commits))
        with ThreadPoolExecutor(READERS) as pool:
            commits = list(pool.map(self._commit_at, keys))
        return {commit.index: commit for commit in sorted(commits, key=lambda commit: commit.index)}

    def commit(self, index: int, result: IndexResult) -> Commit:
        """Store the result's parts and claim the index; when another attempt has claimed it, its commit is the answer.

        One attempt commits one index once.
        """
        parts = tuple(self._store_part(index, name, result) for name in sorted(result.parts))
        commit = Commit(
            index=index,
            attempt=self.attempt,
            parts=parts,
            counters=dict(result.counters),
            committed_at=datetime.now(UTC),
        )
        key = f"{self._commits}{index}.json"
        return commit if self.store.put_if_absent(key, commit.canonical()) else self._commit_at(key)

    def finish(
        self,
        *,
        stage: str,
        code_version: int,
        settings: Mapping[str, object],
        inputs: Mapping[str, Sequence[InputRef]],
        versions: Mapping[str, str],
        producer: SpanId,
        started_at: datetime,
    ) -> Artifact:
        """Commit the manifest over all committed indexes; if another attempt was first, its artifact is the answer."""
        commits = self.committed()
        parts = tuple(part for commit in commits.values() for part in commit.parts)
        counters = Counter[str]()
        for commit in commits.values():
            counters.update(commit.counters)
        manifest = Manifest.model_validate(
            {
                "job": self.job,
                "digest": self.digest,
                "stage": stage,
                "code_version": code_version,
                "settings": settings,
                "inputs": inputs,
                "versions": versions,
                "parts": parts,
                "counters": counters,
                "content": content_of(parts, counters),
                "producer": producer,
                "attempts": {index: commit.attempt for index, commit in commits.items()},
                "started_at": started_at,
                "committed_at": datetime.now(UTC),
            }
        )
        key = f"{self._folder}/manifest.json"
        body = manifest.canonical()
        if not self.store.put_if_absent(key, body):
            body = self.store.get(key)
        return _artifact(self.store, self.job, self.digest, body)

    def _store_part(self, index: int, name: str, result: IndexResult) -> Part:
        if not _PART_NAME.fullmatch(name):
            raise ValueError(f"expected a part's name of letters, digits, '.', '_' and '-', got {name!r}")
        key = f"{self._folder}/parts/{index}-{self.attempt}.{name}"
        source = result.parts[name]
        if isinstance(source, Path):
            sha256, size = _sha256_of(source), source.stat().st_size
            self.store.upload(source, key)
        else:
            sha256, size = hashlib.sha256(source).hexdigest(), len(source)
            self.store.put(key, source)
        return Part(index=index, name=name, key=key, sha256=sha256, size=size, rows=result.rows.get(name, 0))

    def _commit_at(self, key: str) -> Commit:
        return _parsed(Commit, self.store.get(key), f"{self.store.address}/{key}")


def _folder(job: str, digest: str) -> str:
    return f"artifacts/{job}/{digest}"


def _artifact(store: Store, job: str, digest: str, body: bytes) -> Artifact:
    address = f"{store.address}/{_folder(job, digest)}"
    manifest = _parsed(Manifest, body, f"{address}/manifest.json")
    content = content_of(manifest.parts, manifest.counters)
    for what, said, expected in (("digest", manifest.digest, digest), ("content", manifest.content, content)):
        if said != expected:
            raise IntegrityError(f"the manifest of {address} says {what} {said}, expected {expected}")
    return Artifact(store, address, manifest)


def _parsed(model: type[M], body: bytes, place: str) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise IntegrityError(f"{place} is not a {model.__name__.lower()}: {error.errors()[0]['msg']}") from error


B = TypeVar("B")


def _verified(part: Part, read: Callable[[], B], sha256: Callable[[B], str]) -> B:
    """What `read` gives, once its hash is the committed one; a second read tells a bad wire from a bad object."""
    found = ""
    for _ in range(2):
        body = read()
        found = sha256(body)
        if found == part.sha256:
            return body
    raise IntegrityError(
        f"part {part.name} of index {part.index} at {part.key}: expected sha256 {part.sha256}, got {found}"
    )


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
