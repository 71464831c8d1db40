"""What is said to a worker and its pair while a test runs, and heard from them, none of it waited for alone."""

import json
import selectors
import socket
import time
from dataclasses import dataclass
from io import RawIOBase
from typing import Any

from octo.errors import SandboxError

PART = 1 << 16
LONGEST_REPORT = 1 << 20


class WorkerLostError(SandboxError):
    """The worker ended or did not answer."""


@dataclass(frozen=True)
class Heard:
    """What the three said."""

    reply: dict[str, Any]
    """Of the worker: why it stopped the pair, if it did, and how they ended."""
    report: dict[str, Any]
    """Of the judge; empty where it gave none."""
    output: bytes
    """The beginning of what the program printed."""


def converse(
    control: socket.socket, judge: socket.socket, output: RawIOBase, *, said: bytes, kept: int, seconds: float
) -> Heard:
    """Tell the judge its task, and listen until the worker replies, the pair being dead by then.

    A program that prints without end is read without end, and all but the beginning dropped: it must not be able to
    wait on a full pipe, nor to fill anybody's memory.

    Raises:
        WorkerLostError: the worker ended, or `seconds` have gone by.
    """
    heard: dict[object, bytes] = {control: b"", judge: b"", output: b""}
    most: dict[object, int] = {control: LONGEST_REPORT, judge: LONGEST_REPORT, output: kept}
    unsaid = memoryview(said)
    deadline = time.monotonic() + seconds
    judge.settimeout(0)
    with selectors.DefaultSelector() as selector:
        for read_only in (control, output):
            selector.register(read_only, selectors.EVENT_READ)
        selector.register(judge, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while not heard[control].endswith(b"\n"):
            ready = selector.select(deadline - time.monotonic())
            if not ready or time.monotonic() > deadline:
                raise WorkerLostError("a worker of the sandbox gave no answer in time")
            for key, events in ready:
                if events & selectors.EVENT_WRITE:
                    unsaid = unsaid[_sent(judge, unsaid) :]
                    if not unsaid:
                        selector.modify(judge, selectors.EVENT_READ)
                if events & selectors.EVENT_READ:
                    source: Any = key.fileobj
                    part = _part(source)
                    heard[source] += part[: most[source] - len(heard[source])]
                    if not part and source is control:
                        raise WorkerLostError("a worker of the sandbox has ended")
                    if not part:
                        selector.unregister(source)
    heard[judge] += _rest(judge, LONGEST_REPORT - len(heard[judge]))
    heard[output] += _rest(output, kept - len(heard[output]))
    return Heard(json.loads(heard[control]), _report(heard[judge]), heard[output])


def _sent(judge: socket.socket, unsaid: memoryview) -> int:
    try:
        return judge.send(unsaid[:PART])
    except BlockingIOError:
        return 0
    except OSError:
        # It is gone already, and the worker will say how.
        return len(unsaid)


def _part(source: Any) -> bytes:
    try:
        return bytes(source.recv(PART) if isinstance(source, socket.socket) else source.read(PART) or b"")
    except ConnectionError:
        return b""


def _rest(source: Any, most: int) -> bytes:
    """What is left of what the dead have said."""
    rest = b""
    while len(rest) < most and (part := _part(source)):
        rest += part
    return rest[:most]


def _report(said: bytes) -> dict[str, Any]:
    try:
        report = json.loads(said)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
