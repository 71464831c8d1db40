"""Python processes that begin as copies of one that has imported what jobs import, as `python -m tests.wire.forking`.

Each runs what the interpreter would with the same arguments: in a process and a session of its own, with an environment
of its own. Only the half second of imports is paid once for all of them.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from octo.processes import die_with_parent

_LARGEST_REQUEST = 1 << 20


class Forked:
    """A process that was started so: its number, what it writes, and how it ends."""

    def __init__(self, pid: int, output: int, ending: int) -> None:
        self.pid = pid
        self.stdout = os.fdopen(output, "rb")
        self._ending = ending

    def wait(self) -> int:
        """Its exit code, once it has ended; negative when a signal ended it."""
        with self.stdout, os.fdopen(self._ending) as ending:
            return int(ending.read())


class Forks:
    """Starts processes that have these modules already."""

    def __init__(self, *modules: str) -> None:
        self._socket, served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Requests hold all the flags of a job.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST_REQUEST)
        self._lock = threading.Lock()
        with served:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.wire.forking", str(os.getpid()), str(served.fileno()), *modules],
                pass_fds=[served.fileno()],
                cwd=Path(__file__).parents[2],
            )

    def start(self, arguments: Sequence[str], *, environment: Mapping[str, str]) -> Forked:
        """Run `python ARGUMENTS`, its output and its errors in one stream."""
        request = json.dumps({"arguments": list(arguments), "environment": dict(environment)}).encode()
        output, ending = os.pipe(), os.pipe()
        with self._lock:
            socket.send_fds(self._socket, [request], [output[1], ending[1]])
            os.close(output[1])
            os.close(ending[1])
            return Forked(int(self._socket.recv(32)), output[0], ending[0])

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def serve(requests: socket.socket) -> list[str]:
    """Fork for every request; returns in each copy, what it is to run, and ends here when nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, _LARGEST_REQUEST, 2)
        if not request:
            sys.exit()
        if os.fork() == 0:
            wanted = json.loads(request)
            if _ended_elsewhere(*descriptors, requests):
                os._exit(0)
            os.environ.clear()
            os.environ.update(wanted["environment"])
            return list(wanted["arguments"])
        for descriptor in descriptors:
            os.close(descriptor)


def _ended_elsewhere(output: int, ending: int, requests: socket.socket) -> bool:
    """Fork once more: False in the process that is asked for, True in the one that has waited for it and told."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        os.close(output)
        requests.close()
        _, status = os.waitpid(child, 0)
        os.write(ending, str(os.waitstatus_to_exitcode(status)).encode())
        return True
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # What they were when this process began may have been files, whose streams can seek.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.close(output)
    os.close(ending)
    requests.send(str(os.getpid()).encode())
    requests.close()
    return False


def run(arguments: Sequence[str]) -> None:
    """What `python -m MODULE FLAGS...` or `python -c CODE FLAGS...` does."""
    option, what, *flags = arguments
    sys.argv = ["-c" if option == "-c" else what, *flags]
    if option == "-c":
        exec(what, {"__name__": "__main__"})
    else:
        runpy.run_module(what, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    parent, descriptor, *modules = sys.argv[1:]
    die_with_parent(int(parent))
    for name in modules:
        import_module(name)
    run(serve(socket.socket(fileno=int(descriptor))))
