"""Folders for temporary files: gone when the block ends, and swept by the next process where theirs was killed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def scratch_folder(name: str, *, parent: Path | None = None) -> Iterator[Path]:
    """A folder `octo-NAME-...` for as long as the block lasts, and no other process of octo's but its children.

    Beside it lies a file of the same name that ends in .lock, which this process holds. Folders whose lock no living
    process holds are removed first: a look at the names in the temporary directory, and 20 microseconds for each lock.

    Args:
        name: what it is for.
        parent: where it is made; None takes the temporary directory.
    """
    place = parent or Path(tempfile.gettempdir())
    _sweep(place)
    lock, descriptor = _claimed(place, name)
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(lock, descriptor)


def _claimed(place: Path, name: str) -> tuple[Path, int]:
    """A new lock, and the descriptor that holds it."""
    while True:
        descriptor, path = tempfile.mkstemp(prefix=f"octo-{name}-", suffix=_LOCK, dir=place)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return Path(path), descriptor
        # Somebody swept it before it was held.
        os.close(descriptor)


def _sweep(place: Path) -> None:
    """Remove what killed processes of this user have left."""
    for lock in place.glob(f"octo-*{_LOCK}"):
        with suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
            if os.fstat(descriptor).st_uid == os.getuid() and locked(descriptor):
                _remove(lock, descriptor)
            else:
                os.close(descriptor)


def locked(descriptor: int) -> bool:
    """Lock an open file for this process, unless another holds it: whether it did."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(lock: Path, descriptor: int) -> None:
    """The folder, then its lock, which is held until both are gone."""
    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    lock.unlink(missing_ok=True)
    os.close(descriptor)
