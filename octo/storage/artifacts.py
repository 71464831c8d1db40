"""Artifacts: what a stage made, committed once under the digest of what determines it.

An index's parts are stored under names of their attempt, then claimed by a conditional PUT of `commits/<index>.json`;
when all indexes are claimed, a conditional PUT of `manifest.json` makes them an artifact. Nothing is ever overwritten:
whoever is killed loses only what was not claimed, and of racing attempts one wins and the others take over its result.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from octo.errors import InputError, IntegrityError, InvariantError, MissingError, UsageError
from octo.storage.addresses import parse
from octo.storage.manifest import Commit, InputRef, Manifest, Part, SpanId, content_of, digest_of
from octo.storage.seals import sealed
from octo.storage.sections import Sections
from octo.storage.store import Store
from octo.storage.verified import fetch_verified, sha256_of, verified

logger = logging.getLogger(__name__)

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
_COMMIT_NAME = re.compile(r"(?P<index>\d+)\.json")
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

    @property
    def indexes(self) -> tuple[int, ...]:
        """The indexes that it holds parts of."""
        return tuple(sorted({part.index for part in self.manifest.parts}))

    def alone(self, index: int) -> "Artifact":
        """The artifact as if it held nothing but the parts of that index, which is read as the first then."""
        parts = tuple(part.model_copy(update={"index": 0}) for part in self.manifest.parts if part.index == index)
        return replace(self, manifest=self.manifest.model_copy(update={"parts": parts}))

    def read(self, part: Part) -> bytes:
        """The part's bytes; IntegrityError when they are not those that were committed."""
        return verified(
            _name(part), part.sha256, lambda: self.store.get(part.key), lambda body: hashlib.sha256(body).hexdigest()
        )

    def read_one(self, name: str) -> bytes:
        """The bytes of the only part of that name."""
        return self.read(self._only(name))

    def fetch(self, part: Part, path: Path) -> None:
        """Bring the part into a file, without holding it in memory. IntegrityError leaves no file."""
        fetch_verified(self.store, part.key, path, name=_name(part), sha256=part.sha256)

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
    folder = _folder(job, digest)
    manifest = store.get_checked(f"{folder}/manifest.json", partial(_manifest, digest))
    return None if manifest is None else Artifact(store, f"{store.address}/{folder}", manifest)


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

    @property
    def sections(self) -> Sections:
        """Files in sections that all attempts need alike; as with `shared`, whoever finds one lacking makes it."""
        return Sections(self.store, f"{self._folder}/shared", self.attempt)

    def shared(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What all attempts need alike: the object of that name, else what `make` gives, which is left for the others.

        It is no part of the artifact, and nothing depends on its being there: whoever finds none makes it. So `make`
        must depend on nothing but what the digest does.
        """
        key = f"{self._folder}/shared/{name}"
        try:
            body = self.store.get_sealed(key)
        except IntegrityError as error:
            logger.warning("%s: it is made anew", error)
            body = make()
            self.store.put_sealed(key, body)
        if body is None:
            body = make()
            self.store.put_if_absent(key, sealed(body))
        return body

    def share_file(self, name: str, path: Path) -> None:
        """Leave a file for all attempts, which is never in memory; where another attempt has left one, that stays."""
        digest = sha256_of(path)
        self.store.upload(path, f"{self._folder}/shared/{digest}")
        self.store.put_if_absent(f"{self._folder}/shared/{name}", sealed(digest.encode()))

    def fetch_shared(self, name: str, path: Path) -> bool:
        """Bring the file that was left under that name here; False when none was.

        IntegrityError when it is not what was left.
        """
        said = self.store.get_sealed(f"{self._folder}/shared/{name}")
        if said is None:
            return False
        key = f"{self._folder}/shared/{said.decode()}"
        fetch_verified(self.store, key, path, name=f"{self.store.address}/{key}", sha256=said.decode())
        return True

    def committed_indexes(self) -> set[int]:
        """The indexes that the store lists as claimed, without reading their commits. It may list too few."""
        names = (_COMMIT_NAME.fullmatch(key.rpartition("/")[2]) for key in self.store.list(self._commits))
        return {int(name["index"]) for name in names if name}

    def is_committed(self, index: int) -> bool:
        """Whether the index is claimed, whatever the store lists."""
        return self.store.head(self._commit_key(index)) is not None

    def committed(self, indexes: Iterable[int] | None = None) -> dict[int, Commit]:
        """The commits of these indexes, each asked for by its key, else of those that are listed.

        InvariantError when one is not there.
        """
        wanted = sorted(self.committed_indexes() if indexes is None else indexes)
        with ThreadPoolExecutor(READERS) as pool:
            commits = dict(zip(wanted, pool.map(self._commit_of, wanted), strict=True))
        missing = [index for index, commit in commits.items() if commit is None]
        if missing:
            raise InvariantError(
                f"{len(missing)} of {len(wanted)} indexes of {self.address} are not committed: {missing[:5]}"
            )
        return {index: commit for index, commit in commits.items() if commit is not None}

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
        if self.store.put_if_absent(self._commit_key(index), commit.canonical()):
            return commit
        (theirs,) = self.committed([index]).values()
        return theirs

    def finish(
        self,
        indexes: Iterable[int],
        *,
        stage: str,
        code_version: int,
        settings: Mapping[str, object],
        inputs: Mapping[str, Sequence[InputRef]],
        versions: Mapping[str, str],
        producer: SpanId,
        started_at: datetime,
    ) -> Artifact:
        """Commit the manifest over these indexes, all of which must be committed.

        If another attempt was first, its artifact is the answer. InvariantError when an index is not committed.
        """
        commits = self.committed(indexes)
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
        if self.store.put_if_absent(f"{self._folder}/manifest.json", manifest.canonical()):
            return Artifact(self.store, self.address, manifest)
        theirs = find_artifact(self.store, self.job, self.digest)
        if theirs is None:
            raise MissingError(f"{self.address} was removed while it was committed: run again")
        return theirs

    def _store_part(self, index: int, name: str, result: IndexResult) -> Part:
        if not _PART_NAME.fullmatch(name):
            raise ValueError(f"expected a part's name of letters, digits, '.', '_' and '-', got {name!r}")
        key = f"{self._folder}/parts/{index}-{self.attempt}.{name}"
        source = result.parts[name]
        if isinstance(source, Path):
            sha256, size = sha256_of(source), source.stat().st_size
            self.store.upload(source, key)
        else:
            sha256, size = hashlib.sha256(source).hexdigest(), len(source)
            self.store.put(key, source)
        return Part(index=index, name=name, key=key, sha256=sha256, size=size, rows=result.rows.get(name, 0))

    def _commit_key(self, index: int) -> str:
        return f"{self._commits}{index}.json"

    def _commit_of(self, index: int) -> Commit | None:
        def believed(body: bytes) -> Commit:
            commit = _parsed(Commit, body)
            if commit.index != index:
                raise ValueError(f"it is the commit of index {commit.index}")
            return commit

        return self.store.get_checked(self._commit_key(index), believed)


def _name(part: Part) -> str:
    return f"part {part.name} of index {part.index} at {part.key}"


def _folder(job: str, digest: str) -> str:
    return f"artifacts/{job}/{digest}"


def _manifest(digest: str, body: bytes) -> Manifest:
    manifest = _parsed(Manifest, body)
    content = content_of(manifest.parts, manifest.counters)
    for what, said, expected in (("digest", manifest.digest, digest), ("content", manifest.content, content)):
        if said != expected:
            raise ValueError(f"the manifest says {what} {said}, expected {expected}")
    return manifest


def _parsed(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ValueError(f"it is not a {model.__name__.lower()}: {error.errors()[0]['msg']}") from error
