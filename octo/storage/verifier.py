"""A process that reads checkpoints back and hashes them again: one in a pod, for as long as the pod trains.

`python -m octo.storage.verifier` is told by lines of JSON on its standard input, first where it reads from, then the
files of a checkpoint; it answers each of these by a line with what is wrong. It ends with its input, and with whoever
started it. It imports no more than the store takes.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from octo.errors import IntegrityError, OctoError, StorageError
from octo.processes import die_with_parent, shielded
from octo.settings.base import S3Settings
from octo.storage.checkpoints import CheckpointFile, check
from octo.storage.store import connect

LEAST_SECONDS = 600.0
"""How long it may take to answer in any case: a store that is away is asked again for minutes."""
SLOWEST = 4 * 2**20
"""Bytes a second that it reads at least."""
FILES_AT_ONCE = 2
_LONGEST_ANSWER = 1 << 16
_STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Verifier:
    """That process, as who trains sees it. One that ended is started again with the next question."""

    def __init__(self, address: str, s3: S3Settings, *, least_seconds: float = LEAST_SECONDS) -> None:
        """Nothing is started yet.

        Args:
            address: of the store.
            s3: the connection, by which it connects too. Its keys go over the pipe alone.
            least_seconds: after which one that is silent is hung, besides the time that its bytes may take.
        """
        self._address = address
        self._s3 = s3
        self._least_seconds = least_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self) -> None:
        """Start it, unless it runs. It dies with the thread that calls this."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._closed:
            raise StorageError("nobody reads back what is saved any more: the training has ended")
        self._end()
        with shielded():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "octo.storage.verifier"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
        secrets = {
            name: None if key is None else key.get_secret_value()
            for name, key in (("access_key", self._s3.access_key), ("secret_key", self._s3.secret_key))
        }
        s3 = self._s3.model_dump(mode="json") | secrets
        # A pipe that nothing is in yet takes this at once; where it ended already, the question will tell.
        with suppress(BrokenPipeError):
            self._tell({"parent": os.getpid(), "address": self._address, "s3": s3}, time.monotonic())

    def verify(self, files: Sequence[CheckpointFile]) -> None:
        """Return when it has read the files and found them to be what was saved.

        Raises:
            IntegrityError: one is not.
            StorageError: it was ended, twice, or does not answer, which says nothing about the files.
        """
        self.start()
        try:
            problem = self._asked(files)
        except EOFError:
            self.start()
            try:
                problem = self._asked(files)
            except EOFError as error:
                raise StorageError(
                    f"{error} ended the process that reads back what was saved, before it was through"
                ) from None
        if problem:
            raise IntegrityError(f"what was saved could not be read back: {problem}")

    def close(self) -> None:
        """End it, whatever it does. It is not started again."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(BrokenPipeError):  # what it was not told any more
                    pipe.close()

    def _asked(self, files: Sequence[CheckpointFile]) -> str:
        """What is wrong; EOFError, with what ended it, when it ends instead of answering."""
        seconds = self._least_seconds + sum(file.size for file in files) / SLOWEST
        end = time.monotonic() + seconds
        try:
            line = self._line(end) if self._tell([file.model_dump() for file in files], end) else None
        except BrokenPipeError:
            line = b""
        if line is None:
            self._end()
            raise StorageError(f"the process that reads back what was saved has not answered in {seconds:.0f} s")
        if not line:
            raise EOFError(self._cause())
        try:
            problem = json.loads(line)["problem"]
        except (ValueError, TypeError, KeyError):
            problem = None
        if not isinstance(problem, str):
            self._end()
            raise StorageError(f"the process that reads back what was saved answered {line[:80]!r}")
        return problem

    def _cause(self) -> str:
        """What has ended it."""
        code = self._process.wait() if self._process else 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _tell(self, message: Any, end: float) -> bool:
        """Write a line for it; whether it has taken it in time. BrokenPipeError when it has ended."""
        pipe = self._process.stdin if self._process else None
        if pipe is None:
            raise BrokenPipeError
        line = memoryview(json.dumps(message).encode() + b"\n")
        while line:
            _, ready, _ = select.select([], [pipe], [], max(0, end - time.monotonic()))
            if not ready:
                return False
            line = line[os.write(pipe.fileno(), line[: select.PIPE_BUF]) :]
        return True

    def _line(self, end: float) -> bytes | None:
        """Its next line; empty when it has ended, None when there is none in time."""
        pipe = self._process.stdout if self._process else None
        if pipe is None:
            return b""
        found = b""
        while not found.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0, end - time.monotonic()))
            if not ready or len(found) > _LONGEST_ANSWER:
                return found if ready else None
            piece = os.read(pipe.fileno(), _LONGEST_ANSWER)
            if not piece:
                return b""
            found += piece
        return found


def main() -> None:
    """Answer until there are no more questions."""
    for number in _STOPPING:
        # Who trains waits for the answer, and takes this process along when it dies.
        signal.signal(number, signal.SIG_IGN)
    # What a library prints is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    told = json.loads(sys.stdin.readline())
    die_with_parent(told["parent"])
    store = connect(told["address"], S3Settings.model_validate(told["s3"]))

    def problem_of(file: CheckpointFile) -> str:
        try:
            check(store, file)
        except OctoError as error:
            return str(error)
        return ""

    for line in sys.stdin:
        files = [CheckpointFile.model_validate(each) for each in json.loads(line)]
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            problem = next(filter(None, pool.map(problem_of, files)), "")
        answers.write(json.dumps({"problem": problem}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
