"""The working directory of a program: how much is in it, and how it becomes empty again."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

LOOKS = 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


FULL_BYTES = 1 << 20
"""With less left, a disk is full: whoever writes to it may find no room."""


class _MovedError(Exception):
    """A folder is not where it was a moment ago."""


def too_much(disk_bytes: int, num_files: int) -> bool:
    """Whether more lies in the working directory than is allowed, without looking at more than that.

    What cannot be looked at, because it lies too deep or is never where it was, is too much.
    """
    for _ in range(LOOKS):
        try:
            return _exceeds(disk_bytes, num_files)
        except _MovedError:
            continue
        except OSError:
            break
    return True


def free() -> int:
    """Bytes that can still be written to the disk of the working directory; none where it can have no more files."""
    disk = os.statvfs(".")
    return disk.f_bavail * disk.f_frsize if disk.f_favail or not disk.f_files else 0


def empty(where: Path | str, *, seconds: float) -> bool:
    """Remove what a program has left, however deep: what is nested is moved up first. Whether time was enough."""
    if not os.listdir(where):  # noqa: PTH208 - after most programs, and ten times as fast
        return True
    deadline = time.monotonic() + seconds
    directory = Path(where)
    num_moved = 0
    while left := list(directory.iterdir()):
        for path in left:
            if time.monotonic() > deadline:
                return False
            try:
                path.unlink()
            except OSError:
                path.chmod(0o700)
                for inner in list(path.iterdir()):
                    num_moved += 1
                    inner.rename(directory / f"{time.monotonic_ns()}-{num_moved}")
                path.rmdir()
    return True


def _exceeds(disk_bytes: int, num_files: int) -> bool:
    """Goes by descriptors: a folder that is renamed meanwhile is looked through all the same."""
    with ExitStack() as opened:
        folders = [_open(".", None, opened)]
        while folders:
            folder, entries = folders[-1]
            entry = next(entries, None)
            if entry is None:
                folders.pop()
                continue
            num_files -= 1
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                if entry.is_dir(follow_symlinks=False):
                    raise _MovedError from None
                continue
            disk_bytes -= _held(found)
            if num_files < 0 or disk_bytes < 0:
                return True
            if stat.S_ISDIR(found.st_mode):
                folders.append(_open(entry.name, folder, opened))
    return False


def _held(found: os.stat_result) -> int:
    """Bytes on the disk. Of a file no more than its length: what a file system keeps beside it is its own."""
    on_disk = found.st_blocks * 512
    return min(on_disk, found.st_size) if stat.S_ISREG(found.st_mode) else on_disk


def _open(name: str, within: int | None, opened: ExitStack) -> tuple[int, Iterator[os.DirEntry[str]]]:
    try:
        folder = os.open(name, FOLDER, dir_fd=within)
    except FileNotFoundError:
        raise _MovedError from None
    opened.callback(os.close, folder)
    return folder, opened.enter_context(os.scandir(folder))
