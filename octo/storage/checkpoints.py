"""Checkpoints of a stage that is not finished: files of its ranks, kept only when another process has read them back.

A checkpoint exists if and only if its `manifest.json` exists, which is written once, after the files that it names were
read and hashed again. `latest.json` says which ones are kept, newest first; it is moved by If-Match. Names of files
carry the attempt that wrote them, so no attempt overwrites another's bytes.
"""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from octo.errors import IntegrityError, OctoError, StorageError
from octo.processes import die_with_parent
from octo.settings.base import S3Settings
from octo.storage.seals import Sealed
from octo.storage.store import Store, connect
from octo.storage.verified import fetch_verified, sha256_of

logger = logging.getLogger(__name__)

KEPT = 2
"""Checkpoints that are kept: the newest, and one to fall back on."""
MOVES = 8
"""Tries of moving the pointer while others move it too."""


class CheckpointFile(BaseModel):
    """One file of a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
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

    def file(self, name: str) -> CheckpointFile:
        """The file of that name; IntegrityError when there is none."""
        for file in self.files:
            if file.name == name:
                return file
        raise IntegrityError(f"the checkpoint of step {self.step} has no {name}")


class _Kept(Sealed):
    """Which checkpoints are kept."""

    steps: tuple[int, ...]
    """Newest first."""


def key_of(digest: str, step: int, name: str) -> str:
    """Where a file of a checkpoint is, below the store's prefix."""
    return f"{_folder(digest)}step-{step}/{name}"


def kept_checkpoints(store: Store, digest: str) -> list[Checkpoint]:
    """The checkpoints that a training can go on from, newest first."""
    kept = (_checkpoint(store, digest, step) for step in _kept(store, digest))
    return [checkpoint for checkpoint in kept if checkpoint is not None]


def upload(store: Store, digest: str, step: int, path: Path, *, attempt: str) -> CheckpointFile:
    """Store one file of a checkpoint that is being saved."""
    key = key_of(digest, step, f"{attempt}.{path.name}")
    file = CheckpointFile(name=path.name, key=key, sha256=sha256_of(path), size=path.stat().st_size)
    store.upload(path, key)
    return file


def fetch(store: Store, file: CheckpointFile, path: Path) -> None:
    """Bring a file of a checkpoint here; IntegrityError when it is not what was saved."""
    fetch_verified(store, file.key, path, name=f"{store.address}/{file.key}", sha256=file.sha256)


def verify(parent: int, address: str, s3: S3Settings, *, files: Sequence[CheckpointFile], folder: Path) -> None:
    """Read files back over a connection of its own and hash them again: the whole of a process's work.

    It exits with 1, and says why, when one is not what was saved. Signals that stop a gang do not stop this: its parent
    waits for it, and takes it along when it dies.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(parent)
    store = connect(address, s3)
    for file in files:
        path = folder / f"verified-{file.name}"
        try:
            fetch(store, file, path)
        except OctoError as error:
            logger.warning("%s", error)
            sys.exit(1)
        finally:
            path.unlink(missing_ok=True)


def keep(store: Store, digest: str, checkpoint: Checkpoint) -> None:
    """Make the verified checkpoint the newest that is kept, and delete what is older than the kept ones.

    When another attempt has kept one of this step, that one stays: attempts at a digest train alike.
    """
    store.put_if_absent(key_of(digest, checkpoint.step, "manifest.json"), checkpoint.canonical())
    kept = _move(store, digest, lambda steps: sorted({*steps, checkpoint.step}, reverse=True)[:KEPT])
    _delete(store, digest, lambda step: step < min(kept))


def discard(store: Store, digest: str) -> None:
    """Delete every checkpoint of a stage, once what it trained is committed."""
    store.delete(_pointer(digest))
    _delete(store, digest, lambda _: True)


def _kept(store: Store, digest: str) -> list[int]:
    kept = store.get_checked(_pointer(digest), _Kept.model_validate_json)
    return [] if kept is None else list(kept.steps)


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


def _move(store: Store, digest: str, change: Callable[[list[int]], list[int]]) -> list[int]:
    for _ in range(MOVES):
        # The tag first: a body that is newer than its tag only makes the write fail.
        found = store.head(_pointer(digest))
        steps = change(_kept(store, digest))
        body = _Kept(steps=tuple(steps)).canonical()
        if found is None:
            moved = store.put_if_absent(_pointer(digest), body)
        else:
            moved = store.replace(_pointer(digest), body, etag=found.etag)
        if moved:
            return steps
    raise StorageError(f"{store.address}/{_pointer(digest)} changed under every one of {MOVES} writes: run again")


def _delete(store: Store, digest: str, unwanted: Callable[[int], bool]) -> None:
    prefix = f"{_folder(digest)}step-"
    keys = [key for key in store.list(prefix) if unwanted(int(key.removeprefix(prefix).partition("/")[0]))]
    # Manifests first: what has none is no checkpoint.
    for key in sorted(keys, key=lambda key: not key.endswith("/manifest.json")):
        store.delete(key)


def _pointer(digest: str) -> str:
    return f"{_folder(digest)}latest.json"


def _folder(digest: str) -> str:
    return f"checkpoints/{digest}/"
