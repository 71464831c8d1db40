"""How a command ends: an exit code, for every error one line on stderr, and for Kubernetes a line in a file."""

import errno
import fcntl
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from octo.errors import EXIT_DONE, EXIT_FAILED, EXIT_PREEMPTED, OctoError, OutputError
from octo.shown import show_logs, shown
from octo.streams import guarded_streams

TERMINATION_BYTES = 2048
"""What Kubernetes keeps of a termination message that is read from logs; of a file it keeps twice that."""

_TRUE = {"1", "true", "t", "yes", "y", "on"}
"""What the settings take for true; said here again because the settings may be what failed."""

_NO_MEMORY = ("can't allocate memory", "out of memory")
"""Words of torch's allocators, whose errors have several types, in lower case."""

Command = Callable[[Sequence[str]], int]
Listener = Callable[[str], object]

logger = logging.getLogger(__name__)


@dataclass
class TerminationLog:
    """A file with one JSON line that says how a process ended; Kubernetes shows it with the pod.

    Nothing fails because it cannot be written.
    """

    path: Path | None = None
    """None until the settings that name it are known, and where they name none."""
    shared: bool = False
    """Whether other ranks of a gang write here too. Of their errors the first stays: the others follow from it."""

    def artifact(self, address: str) -> None:
        """Say what was made."""
        self._write(_line("artifact", address), first_only=False)

    def error(self, sentence: str) -> None:
        """Say what went wrong, cut where it is too long."""
        self._write(_line("error", sentence), first_only=self.shared)

    def _write(self, line: bytes, *, first_only: bool) -> None:
        if self.path is None:
            return
        try:
            # Opened to append: what is there must outlast the opening.
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if first_only and os.fstat(file.fileno()).st_size:
                    return
                file.truncate(0)
                file.write(line)
        except OSError as error:
            logger.warning("the termination log %s could not be written: %s", self.path, error)


def concluded(command: Command, arguments: Sequence[str], *, on_error: Listener | None = None) -> int:
    """Run a command and give its exit code (errors.py). A traceback is shown only with `--debug` or OCTO_DEBUG.

    `on_error` is told the sentence that the user reads, if there is one.
    """
    show_logs()
    with guarded_streams():
        exit_code, sentence = _ended(command, arguments)
        try:
            sys.stdout.flush()
        except OutputError as lost:
            # Whatever went wrong before is more worth telling.
            if exit_code == EXIT_DONE:
                exit_code, sentence = lost.exit_code, str(lost)
        if sentence:
            sentence = shown(sentence)
            print(f"octo: {sentence}", file=sys.stderr, flush=True)
            if on_error is not None:
                on_error(sentence)
        return exit_code


def _ended(command: Command, arguments: Sequence[str]) -> tuple[int, str]:
    """The exit code of a command, and the sentence that the user reads; empty for none."""
    try:
        return command(arguments), ""
    except SystemExit as ended:
        # argparse has printed the help that was asked for.
        return _exit_code(ended)
    except KeyboardInterrupt:
        return EXIT_PREEMPTED, "stopped; what is committed stays: run again to resume"
    except OctoError as error:
        _show(error, arguments)
        return error.exit_code, str(error)
    except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, the user gets a sentence
        _show(error, arguments)
        return EXIT_FAILED, _surprise(error)


def _exit_code(ended: SystemExit) -> tuple[int, str]:
    if isinstance(ended.code, int):
        return ended.code, ""
    return (EXIT_DONE, "") if ended.code is None else (EXIT_FAILED, str(ended.code))


def _show(error: Exception, arguments: Sequence[str]) -> None:
    if "--debug" in arguments or os.environ.get("OCTO_DEBUG", "").lower() in _TRUE:
        sys.stderr.write(shown("".join(traceback.format_exception(error))))


def _surprise(error: Exception) -> str:
    if isinstance(error, MemoryError) or any(clause in str(error).lower() for clause in _NO_MEMORY):
        told = f" ({str(error).splitlines()[0]})" if str(error) else ""
        return f"no memory is left{told}: give this process more, or less to do at once: smaller batches, fewer workers"
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        place = f" for {error.filename}" if error.filename else ""
        return f"no space left on this machine{place}: free some, or point TMPDIR elsewhere, then run again"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] not in ("octo", "jobs"):
        return f"this needs the package {error.name}: install octo with the extra that brings it, or all of them"
    return f"this is a bug in octo: {type(error).__name__}: {error} (--debug shows the traceback)"


def _line(key: str, text: str) -> bytes:
    """`{key: text}` and a newline in UTF-8, never over the limit."""
    line = _encoded(key, text := text.encode(errors="replace").decode())
    while (excess := len(line) - TERMINATION_BYTES) > 0:
        # A character takes at most six bytes: this never cuts much too much, and a few rounds do.
        text = f"{text.removesuffix('…')[: -(excess // 6 + 1)]}…"
        line = _encoded(key, text)
    return line


def _encoded(key: str, text: str) -> bytes:
    return f"{json.dumps({key: text}, ensure_ascii=False)}\n".encode()
