"""Being stopped, and child processes that never outlive the process that started them."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from octo.errors import PreemptedError

_PR_SET_PDEATHSIG = 1


class Stopped(BaseException):
    """SIGTERM, SIGHUP or Ctrl-C arrived. No Exception: libraries that retry on errors must not retry on this."""


def num_cores() -> int:
    """Processor cores that this process may run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def rank() -> int:
    """Which rank of its gang this process is; 0 where there is no gang."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Which rank of its machine this process is: the number of its accelerator."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def local_world_size() -> int:
    """Ranks of the gang on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def world_size() -> int:
    """Ranks of the gang, on all of its machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def stoppable(remedy: str) -> Iterator[None]:
    """Turn SIGTERM, SIGHUP and Ctrl-C into an exception that leaves here as PreemptedError, so every `finally` runs.

    Only the main thread may enter. A second signal interrupts the cleaning up; what is committed stays all the same.
    """

    def stop(signal_number: int, _frame: FrameType | None) -> None:
        raise Stopped(signal.Signals(signal_number).name)

    stopping = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it, for whom the terminal may close
        stopping.append(signal.SIGHUP)
    previous = {number: signal.signal(number, stop) for number in stopping}
    try:
        yield
    except Stopped as stopped:
        raise PreemptedError(f"stopped by {stopped}; {remedy}") from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Start a child meanwhile that a signal for the whole group does not end before it can say that it ignores it.

    What is blocked here is blocked in the child from its first instruction on; what comes meanwhile is heard after.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: for imports of libraries that make a million objects which are there to stay.

    Each search looks at all objects that there are, which is a fifth of the time that importing torch and transformers
    takes.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


_LAUNCHER = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(parent):
    os._exit(1)
for ignored in signal.SIGPIPE, signal.SIGXFSZ:
    signal.signal(ignored, signal.SIG_DFL)
try:
    os.execv(command[0], command)
except OSError as error:
    sys.exit(f"octo: cannot run {command[0]}: {error.strerror}")
"""
"""What `die_with_parent` does, in an interpreter without site packages, which then becomes the command itself."""


def dying_with_parent(command: Sequence[str | Path]) -> list[str]:
    """What to start in place of the command, by its absolute path, so that it dies with this process's main thread.

    For children that are not ours to write. The request is made by a launcher of some 20 ms in the child, not between
    fork and exec by `preexec_fn`: that would be Python in a copy of this process, where every thread but one is gone
    and the locks that the others held are not. The command keeps the launcher's process id, session and descriptors.
    """
    words = [str(word) for word in command]
    if sys.platform != "linux":
        return words
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *words]


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when the thread that started it ends, however it ends.

    Called in the child, with the process id of its parent. The signal follows the parent's *thread*: start children
    from the main thread. Kernels other than Linux have no such request: there a killed parent's child ends by itself.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the request was made, which then does nothing.
        os._exit(1)
