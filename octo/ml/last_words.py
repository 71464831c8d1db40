"""What a rank's libraries write on stderr by themselves, past Python: a rank that aborts says there what it died of.

A rank has its bare stderr go to a file in its launcher's folder. The launcher shows it with the rank's number, like the
rest, and knows what each has said last.
"""

import os
import sys
from pathlib import Path

MOST_CHARACTERS = 400
"""Of last words in a sentence."""
_STDERR = 2


def speak_in(folder: Path, rank: int) -> None:
    """Have this process's bare stderr go to the folder from now on. What Python writes goes where it went before."""
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(_STDERR), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    with _file_of(folder, rank).open("ab") as file:
        os.dup2(file.fileno(), _STDERR)


class Listener:
    """Shows what this machine's ranks say so, a line at a time."""

    def __init__(self, folder: Path) -> None:
        """Nothing is heard yet."""
        self._folder = folder
        self._heard: dict[Path, int] = {}

    def show(self, *, over: bool = False) -> None:
        """Show the lines that have come since; where the ranks are over, also one that was never ended."""
        for path in sorted(self._folder.glob("*.stderr")):
            with path.open("rb") as file:
                file.seek(self._heard.get(path, 0))
                new = file.read()
            whole = len(new) if over else new.rfind(b"\n") + 1
            self._heard[path] = self._heard.get(path, 0) + whole
            for line in new[:whole].decode(errors="replace").splitlines():
                sys.stderr.write(f"[rank {path.stem}] {line}\n")
        sys.stderr.flush()


def last_words(folder: Path, rank: int) -> str:
    """The last line that a rank's libraries have written, as a clause behind a verdict; empty where there is none."""
    path = _file_of(folder, rank)
    lines = path.read_text(errors="replace").split("\n") if path.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f", and said last: {last[:MOST_CHARACTERS]}" if last else ""


def _file_of(folder: Path, rank: int) -> Path:
    return folder / f"{rank}.stderr"
