"""The standard streams as a command finds them: full, closed, or with a reader that has left.

What cannot be written to standard output ends a command; what cannot be said on standard error never does.
"""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, cast

from octo.errors import OutputError, ReaderLeftError


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Standard streams that are all there while the block lasts, and tell octo's errors from those of writing to them.

    Streams that somebody has put in their place, such as another guard or a test, stay as they are.
    """
    _open_missing()
    output, errors = sys.stdout, sys.stderr
    if type(output) is io.TextIOWrapper:
        # Whatever the encoding, nothing is lost and nothing fails.
        output.reconfigure(errors="backslashreplace")
        sys.stdout = cast("TextIO", _Output(output))
    if type(errors) is io.TextIOWrapper:
        sys.stderr = cast("TextIO", _Errors(errors))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = output, errors


def write_output(file: Path, text: str) -> None:
    """Write a file that somebody named for it; OutputError where that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}; what is committed stays") from None


class _Stream:
    """Another stream, but for what happens when it cannot be written to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class _Output(_Stream):
    def write(self, text: str) -> int:
        with self._losing():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        with self._losing():
            self._stream.writelines(lines)

    def flush(self) -> None:
        with self._losing():
            self._stream.flush()

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is still buffered would be tried once more, and complained about, when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if isinstance(error, BrokenPipeError):
                raise ReaderLeftError("") from None
            sentence = f"standard output cannot be written: {error.strerror}; what is committed stays"
            raise OutputError(sentence) from None


class _Errors(_Stream):
    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        with suppress(OSError):
            self._stream.writelines(lines)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _open_missing() -> None:
    """Give back streams that were closed before the command began, or its files would take their numbers.

    Each takes the lowest number that is free, which is its own. Writing to output that was closed fails, as it should.
    """
    if sys.stdin is None:
        sys.stdin = _null(os.O_RDONLY, "r")
    if sys.stdout is None:
        sys.stdout = _null(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _null(os.O_WRONLY, "w")


def _null(flags: int, mode: str) -> TextIO:
    return cast("TextIO", os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8", closefd=False))
