"""One rank of a gang: a job's module, run under `octo.ml.gang`, which alone speaks to the user about how it ended.

`python -m octo.ml.rank PARENT FOLDER -m jobs.JOB flags...`. What the rank says on stderr carries its number; its
closing sentence is left in the folder with its exit code instead, because when one rank fails the others do too.
"""

import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import NoReturn, TextIO

from pydantic import BaseModel

from octo.errors import EXIT_DONE, EXIT_FAILED
from octo.ml.last_words import speak_in
from octo.ml.marks import leave_in
from octo.processes import die_with_parent, rank, world_size

_SENTENCE = "octo: "
_STDOUT = 1


class Ending(BaseModel):
    """How a rank ended by itself."""

    rank: int
    exit_code: int
    sentence: str
    """What a job says last on stderr; empty when it said nothing."""


def endings(folder: Path) -> list[Ending]:
    """The endings that this machine's ranks have left, by rank. One that was killed has left none."""
    return sorted(
        (Ending.model_validate_json(path.read_bytes()) for path in folder.glob("*.json")), key=lambda each: each.rank
    )


class _Stderr:
    """Standard error of a rank: whole lines behind the rank's number, except the job's closing sentence."""

    def __init__(self, stream: TextIO, prefix: str) -> None:
        self._stream = stream
        self._prefix = prefix
        self._begun = ""
        self.sentence = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.startswith(_SENTENCE):
                self.sentence = line
            else:
                # One write a line: lines of several ranks must not run into each other.
                self._stream.write(f"{self._prefix}{line}\n")
                self._stream.flush()
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """Let out a line that was never ended; the stream itself stays open."""
        if self._begun:
            self.write("\n")

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def main(arguments: list[str]) -> int:
    """Run the module as the interpreter's `-m` would, and give its exit code."""
    parent, folder, _, module, *flags = arguments
    die_with_parent(int(parent))
    leave_in(Path(folder), pid=os.getpid())
    if rank():
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    stderr = _Stderr(sys.stderr, f"[rank {rank()}] " if world_size() > 1 else "")
    sys.stderr = stderr
    sys.argv = [module, *flags]
    exit_code = EXIT_FAILED
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        exit_code = EXIT_DONE
    except SystemExit as ended:
        exit_code = ended.code if isinstance(ended.code, int) else EXIT_FAILED if ended.code else EXIT_DONE
        if exit_code and not isinstance(ended.code, int):
            stderr.sentence = f"{_SENTENCE}{ended.code}"
    except ImportError as error:
        stderr.sentence = f"{_SENTENCE}cannot run {module}: {error}"
    except Exception as error:  # noqa: BLE001 - a job says in a sentence what it fails of: this one has not begun
        traceback.print_exc()
        stderr.sentence = (
            f"{_SENTENCE}rank {rank()} died before {module} began: {_told(error)} (its traceback is above)"
        )
    finally:
        stderr.close()
        ending = Ending(rank=rank(), exit_code=exit_code, sentence=stderr.sentence)
        _leave(ending, Path(folder))
    return exit_code


def _told(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def _leave(ending: Ending, folder: Path) -> None:
    """Leave it whole or not at all: the agent stops who is about to end by itself, as soon as another has."""
    unfinished = folder / f"{ending.rank}.unfinished"
    unfinished.write_text(ending.model_dump_json())
    unfinished.rename(folder / f"{ending.rank}.json")


def _end(exit_code: int) -> NoReturn:
    """End the process here: threads of collectives, still running, can abort an interpreter that ends around them."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    speak_in(Path(sys.argv[2]), rank())
    _end(main(sys.argv[1:]))
