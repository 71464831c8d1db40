"""The working directory of a program: how much is in it, and how it becomes empty again."""

import time
from contextlib import suppress
from pathlib import Path


def too_much(disk_bytes: int, num_files: int) -> bool:
    """Whether more lies in the working directory than is allowed, without looking at more than that."""
    folders = [Path()]
    while folders:
        # What vanishes under the eye counts as a file.
        with suppress(FileNotFoundError):
            for path in folders.pop().iterdir():
                num_files -= 1
                with suppress(FileNotFoundError):
                    disk_bytes -= path.lstat().st_blocks * 512
                if num_files < 0 or disk_bytes < 0:
                    return True
                if path.is_dir() and not path.is_symlink():
                    folders.append(path)
    return False


def empty() -> None:
    """Remove what a program has left in the working directory, however deep: what is nested is moved up first."""
    num_moved = 0
    while left := list(Path().iterdir()):
        for path in left:
            try:
                path.unlink()
            except OSError:
                path.chmod(0o700)
                for inner in list(path.iterdir()):
                    num_moved += 1
                    inner.rename(f"{time.monotonic_ns()}-{num_moved}")
                path.rmdir()
