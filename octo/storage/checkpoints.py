"""Checkpoints of a training under way: files of its ranks, kept only when another process has read them back.

A checkpoint exists if and only if its `manifest.json` exists, which is written once, after the files that it names were
read and hashed again. `latest.json` says which ones are kept, newest first; it is moved by If-Match. Names of files
carry the attempt that wrote them, so no attempt overwrites another's bytes.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from octo.errors import IntegrityError, PreemptedError, StorageError
from octo.storage.seals import Sealed
from octo.storage.store import Store
from octo.storage.verified import verified

logger = logging.getLogger(__name__)

KEPT = 2
"""Checkpoints that are kept where nobody says otherwise: the newest, and one to fall back on."""


class CheckpointFile(BaseModel):
    """One file of a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    holds: str
    """What it holds a share of, or all."""
    key: str
    """Key below the store's prefix."""
    sha256: str
    size: int


class Checkpoint(Sealed):
    """What a training was at the end of a step."""

    step: int
    world_size: int
    """Ranks that it was saved by."""
    files: tuple[CheckpointFile, ...]
    versions: dict[str, str]

    def files_of(self, holds: str) -> tuple[CheckpointFile, ...]:
        """The files that hold it; IntegrityError when there are none."""
        found = tuple(file for file in self.files if file.holds == holds)
        if not found:
            raise IntegrityError(f"the checkpoint of step {self.step} has no {holds}")
        return found


class SupersededError(PreemptedError):
    """Another trainer has gone on with this training: its checkpoints are kept, and this one's are not."""


@dataclass(frozen=True)
class Keeping:
    """Which checkpoints are kept while a training lasts."""

    last: int = KEPT
    """So many of the newest."""
    multiples: int = 0
    """And every one whose step is a multiple of this; 0 keeps none for that."""

    def of(self, steps: Iterable[int]) -> tuple[int, ...]:
        """Those of the steps whose checkpoints are kept, newest first. The newest always is."""
        newest_first = sorted(set(steps), reverse=True)
        return tuple(
            step
            for place, step in enumerate(newest_first)
            if place < max(1, self.last) or (self.multiples and step % self.multiples == 0)
        )


class _Kept(Sealed):
    """Which checkpoints are kept."""

    steps: tuple[int, ...]
    """Newest first."""
    attempt: str = ""
    """Of the trainer that has last moved the pointer."""


class Latest:
    """The pointer to a training's checkpoints as one trainer knows it: it moves it from where it knows it to be.

    Of two trainers whichever moves it first goes on; the other is told so when its own turn comes.
    """

    def __init__(self, store: Store, digest: str, *, attempt: str) -> None:
        """Look where it is; `attempt` is the trainer's name, which nobody else has."""
        self._store = store
        self._digest = digest
        self._attempt = attempt
        self._known = _read(store, digest)

    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints that a training can go on from, newest first."""
        return _believed(self._store, self._digest, self._known)

    def keep(self, checkpoint: Checkpoint, keeping: Keeping = Keeping(), *, damaged: Collection[int] = ()) -> None:
        """Make the verified checkpoint the newest that is kept. When another attempt has one of this step, it stays.

        Args:
            checkpoint: every file of it was read back.
            keeping: which are kept from now on, besides it.
            damaged: steps of kept ones that cannot be read any more: they are not kept, and may be made anew.

        Raises:
            SupersededError: another trainer has moved the pointer, or removed it.
        """
        step, body = checkpoint.step, checkpoint.canonical()
        key = key_of(self._digest, step, "manifest.json")
        is_first = step not in damaged and self._store.put_if_absent(key, body)
        if not is_first and (step in damaged or _checkpoint(self._store, self._digest, step) is None):
            self._store.put(key, body)
        known = () if self._known is None else self._known.steps
        self._move(keeping.of({*known} - {*damaged} | {step}))

    def remove_others(self) -> None:
        """Delete checkpoints before the newest kept one that are not kept, and what attempts have left half done."""
        if self._known is not None and self._known.steps:
            newest, kept = self._known.steps[0], {*self._known.steps}
            _delete(self._store, self._digest, lambda step: step < newest and step not in kept)

    def _move(self, steps: tuple[int, ...]) -> None:
        pointer, moved_to = _pointer(self._digest), _Kept(steps=steps, attempt=self._attempt)
        # The tag first: a body that is newer than its tag only makes the write fail.
        tag = self._store.head(pointer)
        found = _read(self._store, self._digest) if tag else None
        if found != self._known:
            self._give_way(found)
        if tag is None:
            moved = self._store.put_if_absent(pointer, moved_to.canonical())
        else:
            moved = self._store.replace(pointer, moved_to.canonical(), etag=tag.etag)
        if not moved:
            self._give_way(_read(self._store, self._digest))
        self._known = moved_to

    def _give_way(self, found: _Kept | None) -> None:
        if found is None or not found.steps:
            done = "the checkpoints of this training were deleted meanwhile, as they are when it is finished"
        else:
            done = f"another trainer ({found.attempt}) has gone on with this training and kept step {found.steps[0]}"
        raise SupersededError(f"{done}: this one stops, and what is kept stays; run again to resume from there")


def key_of(digest: str, step: int, name: str) -> str:
    """Where a file of a checkpoint is, below the store's prefix."""
    return f"{_folder(digest)}step-{step}/{name}"


def kept_checkpoints(store: Store, digest: str) -> list[Checkpoint]:
    """The checkpoints that a training can go on from, newest first."""
    return _believed(store, digest, _read(store, digest))


def fetch(store: Store, file: CheckpointFile, path: Path) -> None:
    """Bring a file of a checkpoint here; IntegrityError when it is not what was saved, which leaves no file."""

    def read() -> str:
        return store.fetch_hashed(file.key, file.size, path)

    try:
        verified(f"{store.address}/{file.key}", file.sha256, read, str)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check(store: Store, file: CheckpointFile) -> None:
    """Read a file of a checkpoint and hash it, a block in memory; IntegrityError when it is not what was saved."""

    def read() -> str:
        digest = hashlib.sha256()
        for block in store.blocks(file.key, file.size):
            digest.update(block)
        return digest.hexdigest()

    verified(f"{store.address}/{file.key}", file.sha256, read, str)


def folder_of(store: Store, digest: str) -> str:
    """The address that the checkpoints of a training are below."""
    return f"{store.address}/{_folder(digest).rstrip('/')}"


def discard(store: Store, digest: str) -> None:
    """Delete every checkpoint of a training, once what it trained is committed."""
    store.delete(_pointer(digest))
    _delete(store, digest, lambda _: True)


def _read(store: Store, digest: str) -> _Kept | None:
    return store.get_checked(_pointer(digest), _Kept.model_validate_json)


def _believed(store: Store, digest: str, kept: _Kept | None) -> list[Checkpoint]:
    found = (_checkpoint(store, digest, step) for step in (() if kept is None else kept.steps))
    return [checkpoint for checkpoint in found if checkpoint is not None]


def _checkpoint(store: Store, digest: str, step: int) -> Checkpoint | None:
    def believed(body: bytes) -> Checkpoint:
        checkpoint = Checkpoint.model_validate_json(body)
        if checkpoint.step != step:
            raise ValueError(f"it is the checkpoint of step {checkpoint.step}")
        return checkpoint

    try:
        return store.get_checked(key_of(digest, step, "manifest.json"), believed)
    except IntegrityError as error:
        # Training goes on from an older one, or from its start, to the same end.
        logger.warning("%s: that checkpoint is not used", error)
        return None


def _delete(store: Store, digest: str, unwanted: Callable[[int], bool]) -> None:
    prefix = f"{_folder(digest)}step-"

    def is_unwanted(key: str) -> bool:
        return unwanted(int(key.removeprefix(prefix).partition("/")[0]))

    # Manifests first: what has none is no checkpoint.
    for key in sorted(filter(is_unwanted, store.list(prefix)), key=lambda key: not key.endswith("/manifest.json")):
        store.delete(key)
    # Not every key may look for these, and some services forget them by themselves.
    with suppress(StorageError):
        store.end_uploads(prefix, is_unwanted)


def _pointer(digest: str) -> str:
    return f"{_folder(digest)}latest.json"


def _folder(digest: str) -> str:
    return f"checkpoints/{digest}/"
