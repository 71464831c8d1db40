"""One stage as a child process: `python -m jobs.JOB flags`, followed by the JSON lines it prints."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from octo.processes import dying_with_parent
from octo.settings.base import JobSettings
from octo.settings.loading import arguments_of


class StageProcess:
    """A running stage. Its stdout is progress, its stderr the log."""

    def __init__(self, settings: JobSettings, *, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._pending = b""
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own flags
                dying_with_parent([sys.executable, "-P", "-m", f"jobs.{settings.job}", *arguments_of(settings)]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=dict(environment),
                # A group of its own: Ctrl-C reaches the run alone, which then stops its stages in order.
                start_new_session=True,
            )
        if self._process.stdout is None:  # pragma: no cover - asked for above
            raise OSError("a stage's standard output could not be opened")
        self.stdout = self._process.stdout
        os.set_blocking(self.stdout.fileno(), False)

    def messages(self) -> Iterator[dict[str, Any]]:
        """The JSON lines that have arrived since the last call; other output is passed over."""
        while chunk := self.stdout.read(65536):
            self._pending += chunk
        *lines, self._pending = self._pending.split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # something a library printed
            if isinstance(message, dict):
                yield message

    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    def last_words(self) -> str:
        """The sentence that its log ends with, or the last line of one that ends without."""
        lines = self.log.read_text(errors="replace").splitlines()
        said = [line for line in lines if line.startswith("octo: ")] or lines
        return said[-1].removeprefix("octo: ") if said else ""

    def stop(self) -> None:
        """Ask it to end; `wait` sees that it does."""
        if self.exit_code() is None:
            self._process.terminate()

    def wait(self, *, grace_seconds: float) -> None:
        """Wait for it to end; kill its whole process group after the grace."""
        try:
            self._process.wait(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def exit_text(code: int) -> str:
    """An exit code as a person would say it."""
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
