"""A warm worker: a process that forks a confined pair for each test, and what is said to it and heard from it."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from octo.errors import SandboxError
from octo.sandbox.conversation import Heard, WorkerLostError, converse
from octo.sandbox.inside.directory import FULL_BYTES, empty
from octo.sandbox.inside.judge import WAS_GONE
from octo.sandbox.layers import system_calls
from octo.sandbox.names import asked_names
from octo.sandbox.python import command, folders_of_numpy
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict

START = "from octo.sandbox.inside.zygote import main; main()"
NUMPY = "numpy"
SECONDS_TO_END = 2.0
SECONDS_TO_REMOVE = 60.0
PATIENCE_SECONDS = 10.0
"""How much longer than a test may take the worker may, before it is given up."""


class DiskFullError(SandboxError):
    """The disk was full while a test ran that did not pass, or filled it."""

    def __init__(self, room: int, held: int) -> None:
        super().__init__(f"the sandbox's disk was full: {room >> 10} KiB were free when the test began")
        self.room = room
        """Bytes that were free when the test began."""
        self.held = held
        """Bytes that became free when what the program had written was removed."""


@dataclass(frozen=True)
class Ran:
    """A test that ran, and what it cost."""

    verdict: TestVerdict
    cpu_seconds: float
    """Processor time of the program and of its test."""
    wall_seconds: float
    filled: bool
    """Whether the program left more than it may, and no room for anybody else."""


class Worker:
    """One process and its working directory."""

    def __init__(self, *, limits: Limits, packages: Sequence[str], active: Sequence[str], arrays: bool = False) -> None:
        """With `arrays`, numpy is loaded beforehand: a process of its own, for it is slower to fork."""
        self._limits = limits
        self._packages = tuple(packages)
        self._active = tuple(active)
        self._arrays = arrays
        self._with_arrays: Worker | None = None
        self._stack: ExitStack | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """End the process under whoever is talking to it, from another thread."""
        if self._with_arrays:
            self._with_arrays.kill()
        if self._process:
            _end(self._process, self._control)

    def close(self) -> None:
        """End the process, and with it whatever it runs."""
        if self._with_arrays:
            self._with_arrays.close()
        stack, self._stack = self._stack, None
        if stack:
            stack.close()

    def run(self, task: Task, test: str) -> Ran:
        """Run one test of a task, starting the process where there is none.

        Raises:
            WorkerLostError: no verdict could be reached.
            DiskFullError: none that says something of the program alone.
        """
        if (
            not (self._arrays or self._packages)
            and folders_of_numpy()
            and NUMPY in "".join((task.program or "", task.setup, test))
        ):
            return self._one_with_arrays().run(task, test)
        return self._run(task, test)

    def _one_with_arrays(self) -> "Worker":
        if self._with_arrays is None:
            self._with_arrays = Worker(limits=self._limits, packages=(), active=self._active, arrays=True)
        return self._with_arrays

    def _run(self, task: Task, test: str) -> Ran:
        if self._stack is None:
            try:
                self._start()
            except OSError as error:
                raise WorkerLostError(f"no worker of the sandbox can be started: {error}") from None
        secret = secrets.token_hex(16)
        asked = {
            "program": task.program,
            "setup": task.setup,
            "names": task.names,
            "entry_points": _entry_points(task),
            "test": test,
            "secret": secret,
        }
        judge, theirs = socket.socketpair()
        reading, writing = os.pipe()
        with judge, theirs, os.fdopen(reading, "rb", buffering=0) as output:
            try:
                socket.send_fds(self._control, [self._request(task)], [theirs.fileno(), writing])
            except OSError as error:
                raise WorkerLostError(f"a worker of the sandbox has ended: {error}") from None
            finally:
                os.close(writing)
            theirs.close()
            heard = converse(
                self._control,
                judge,
                output,
                said=json.dumps(asked).encode() + b"\n",
                kept=self._limits.output_kib << 10,
                seconds=self._limits.wall_seconds + PATIENCE_SECONDS,
            )
        if heard.reply["worn"]:
            self.close()
        return _ran(heard, secret=secret, limits=self._limits)

    def _start(self) -> None:
        with ExitStack() as stack:
            directory = Path(tempfile.mkdtemp(prefix="octo-sandbox-"))
            stack.callback(_remove, directory)
            self._folder_bytes = directory.stat().st_size
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs, ExitStack() as passed:
                ruleset = self._ruleset(directory)
                if ruleset >= 0:
                    passed.callback(os.close, ruleset)
                settings = {
                    "control": theirs.fileno(),
                    "ruleset": ruleset,
                    "filter": system_calls() if "seccomp" in self._active else "",
                    "directory": str(directory),
                    "packages": self._packages,
                    "paths": [path for path in sys.path if path] if self._packages else [],
                    "numpy": str(folders_of_numpy()[0].parent) if self._arrays else "",
                }
                process = subprocess.Popen(  # noqa: S603 - Python itself and our own module
                    self._placed(command(START, json.dumps(settings)), directory),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno(), *([ruleset] if ruleset >= 0 else [])],
                    # The order of a set must not depend on the worker.
                    env={"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
                    start_new_session=True,
                )
            stack.callback(_end, process, ours)
            self._control, self._process = ours, process
            self._stack = stack.pop_all()

    def _placed(self, words: list[str], directory: Path) -> list[str]:
        if "namespaces" not in self._active:
            return words
        from octo.sandbox.namespaces import inside  # noqa: PLC0415 - absent where it is not packaged

        return inside(words, directory, packages=bool(self._packages), arrays=self._arrays)

    def _ruleset(self, directory: Path) -> int:
        if "landlock" not in self._active:
            return -1
        from octo.sandbox.landlock import ruleset  # noqa: PLC0415 - absent where Landlock is

        return ruleset(directory, packages=bool(self._packages), arrays=self._arrays)

    def _request(self, task: Task) -> bytes:
        limits = self._limits
        mib = 1 << 20
        request = {
            "program": task.program is not None,
            "wall_seconds": limits.wall_seconds,
            "kept": limits.output_kib << 10,
            "disk_bytes": limits.disk_mib * mib,
            "num_files": limits.num_files,
            "folder_bytes": self._folder_bytes,
            "largest": limits.message_mib * mib,
            "limits": {
                "RLIMIT_CPU": limits.cpu_seconds,
                "RLIMIT_AS": limits.memory_mib * mib,
                "RLIMIT_FSIZE": min(limits.file_mib, limits.disk_mib) * mib,
                "RLIMIT_NOFILE": limits.open_files,
                "RLIMIT_NPROC": limits.threads,
                "RLIMIT_CORE": 0,
                "RLIMIT_MEMLOCK": 0,
                "RLIMIT_MSGQUEUE": 0,
            },
        }
        return json.dumps(request).encode()


def _entry_points(task: Task) -> list[str] | None:
    """Those that are declared, or the only one that there can be; None where there may be several."""
    if task.entry_points is not None:
        return list(task.entry_points)
    asked = asked_names(task.tests, task.setup)
    return list(asked) if len(asked) == 1 else None


def _ran(heard: Heard, *, secret: str, limits: Limits) -> Ran:
    verdict = _verdict(heard, secret=secret, limits=limits)
    disk, stopped = heard.reply["disk"], heard.reply["stopped"]
    had_no_room = disk["room"] < FULL_BYTES and verdict.outcome is not Outcome.PASS
    if stopped == "full" or (had_no_room and stopped != "disk"):
        raise DiskFullError(disk["room"], disk["held"])
    return Ran(
        verdict,
        cpu_seconds=sum(status["cpu_seconds"] for status in heard.reply["statuses"]),
        wall_seconds=heard.reply["seconds"],
        filled=stopped == "disk" and disk["left"] < FULL_BYTES,
    )


def _verdict(heard: Heard, *, secret: str, limits: Limits) -> TestVerdict:
    """Put together what the judge said, if it said anything, and how the processes ended."""
    if not heard.reply["confined"]:
        raise WorkerLostError("a process of the sandbox could not be confined: octo doctor says what is offered here")
    output = heard.output.decode(errors="replace")
    passed = heard.report.get("outcome") == Outcome.PASS and heard.reply["stopped"] != "disk"
    if passed and secrets.compare_digest(str(heard.report.get("secret")), secret):
        return TestVerdict(Outcome.PASS, output=output, word=tuple(map(str, heard.report.get("word", ()))))
    outcome, said = _shortfall(heard, limits)
    # Without addresses in memory, which differ from run to run, and without halves of characters, which no file takes.
    detail = re.sub(r"\bat 0x[0-9a-f]+", "at 0x...", said).encode(errors="backslashreplace").decode()
    return TestVerdict(outcome, detail, output)


def _shortfall(heard: Heard, limits: Limits) -> tuple[Outcome, str]:
    """Which verdict short of a pass it is, and why.

    What was left comes first, for it is chance whether it was seen before the test had an outcome; then a failure,
    whatever else happened beside it.
    """
    statuses = heard.reply["statuses"]
    said = str(heard.report.get("detail", ""))
    if heard.reply["stopped"] == "disk":
        return Outcome.ERROR, f"left more than {limits.disk_mib} MiB or {limits.num_files} files"
    if heard.report.get("outcome") == Outcome.FAIL:
        return Outcome.FAIL, said
    if heard.reply["stopped"] == "wall":
        return Outcome.TIMEOUT, f"no answer within {limits.wall_seconds:g} s"
    if said not in ("", WAS_GONE):
        return Outcome.ERROR, said
    if any(_spent(status, limits) for status in statuses):
        return Outcome.TIMEOUT, f"used up its {limits.cpu_seconds} s of processor time"
    gone = statuses[0] if said else statuses[-1]
    return Outcome.ERROR, f"{said or 'the test gave no report'}: {_ending(gone['code'])}"


def _spent(status: dict[str, float], limits: Limits) -> bool:
    """Whether a process was killed for its processor time, at the soft limit or, having ignored that, at the hard one.

    The kernel counts ticks there, and so may find a little more than was used.
    """
    if status["code"] == -signal.SIGXCPU:
        return True
    return status["code"] == -signal.SIGKILL and status["cpu_seconds"] >= limits.cpu_seconds - 0.5


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _remove(directory: Path) -> None:
    """What cannot be removed in a minute is left to whoever cleans up temporary files: there may be any number."""
    with suppress(OSError):
        empty(directory, seconds=SECONDS_TO_REMOVE)
        directory.rmdir()


def _end(process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
    """Have the worker end, and wait for its children first; kill it where it does not."""
    with suppress(OSError):
        control.shutdown(socket.SHUT_RDWR)
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
