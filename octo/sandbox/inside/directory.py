"""The working directory of a program: how much is in it, and how it becomes empty again."""

import stat
import time
from pathlib import Path


def too_much(disk_bytes: int, num_files: int) -> bool:
    """Whether more lies in the working directory than is allowed, without looking at more than that.

    What cannot be looked at, because it lies too deep, is too much.
    """
    folders = [Path()]
    while folders:
        try:
            for path in folders.pop().iterdir():
                found = path.lstat()
                num_files -= 1
                disk_bytes -= found.st_blocks * 512
                if num_files < 0 or disk_bytes < 0:
                    return True
                if stat.S_ISDIR(found.st_mode):
                    folders.append(path)
        except FileNotFoundError:
            # Whoever makes things vanish under the eye is looked at again soon.
            num_files -= 1
        except OSError:
            return True
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
