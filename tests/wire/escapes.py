"""A sandbox under attack: what the attack says it found, which verdict it got, and that nothing of it is left.

Each attack names, by `stopped_by`, what stops it; `ATTACKS` is the table of all that have been imported.
"""

import dataclasses
import json
import signal
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any, TypeVar

import psutil
import pytest

from octo.sandbox.layers import LAYERS, offered
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict

LIMITS = Limits(
    cpu_seconds=20,
    wall_seconds=300,
    memory_mib=256,
    file_mib=4,
    disk_mib=16,
    num_files=500,
    open_files=32,
    output_kib=16,
    message_mib=4,
)
"""Time for everything that ends by itself: how busy the machine is changes no verdict."""
BRIEF = dataclasses.replace(LIMITS, cpu_seconds=1)
"""For attacks that compute for ever."""
IMPATIENT = dataclasses.replace(LIMITS, wall_seconds=2.0)
"""For attacks that wait for ever."""
CONFIGURATIONS = [
    pytest.param(
        (),
        id="all-layers",
        marks=pytest.mark.skipif("namespaces" not in offered().active, reason="no namespaces: the same as in a pod"),
    ),
    pytest.param(("namespaces",), id="in-a-pod"),
]
"""Layers to leave out: none, and those that pods under Pod Security's `restricted` rarely give."""
NEEDS_LAYERS = pytest.mark.skipif(
    not offered().but(["namespaces"]).sufficient, reason=f"this machine lacks layers: {offered().lacking}"
)

PAIR = "pair"
"""Test and program are two processes, between which only data travels, and the secret is in one of them."""
WORKER = "worker"
"""The process that forks both: it watches the clock and the disk, kills, and cleans up."""
ATTACKS: dict[str, tuple[str, ...]] = {}
"""By name of the test, the layers that stop the attack, the one that does it first before those behind it."""

Test = TypeVar("Test", bound=Callable[..., None])

ATTEMPT = """
import ctypes, errno, os

def attempt(operation, *arguments, **named):
    try:
        operation(*arguments, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except Exception as error:
        return type(error).__name__
    return "done"

def call(name, *arguments):
    ctypes.set_errno(0)
    given = getattr(ctypes.CDLL(None, use_errno=True), name)(*map(ctypes.c_long, arguments))
    return errno.errorcode[ctypes.get_errno()] if given == -1 else "done"
"""
"""What attacks are told with: the name of the error that an operation ends in."""
TELL = "raise AssertionError(json.dumps(attack({given})))"
HONEST = Task(
    "import json, os\ndef f(x): return json.loads(json.dumps(x)) + 1\ndef left(): return os.listdir()",
    ("assert f(1) == 2 and left() == []",),
)


def stopped_by(*layers: str) -> Callable[[Test], Test]:
    """Enter an attack into the table; it is skipped where the machine lacks what stops it."""
    lacking = [layer for layer in layers[:1] if layer in LAYERS and layer not in offered().active]

    def enter(test: Test) -> Test:
        ATTACKS[test.__name__] = layers
        marked: Test = pytest.mark.skipif(bool(lacking), reason=f"this machine lacks {lacking}")(test)
        return marked

    return enter


@dataclasses.dataclass(frozen=True)
class Target:
    """A sandbox of one worker, so that whoever comes after an attack comes to where it has been."""

    sandbox: Sandbox

    def verdict(self, program: str, test: str = "assert attack() == 'right'", setup: str = "") -> TestVerdict:
        """What an attack gets, once it is known that nothing of it is left."""
        task = Task(ATTEMPT + textwrap.dedent(program), (textwrap.dedent(test),), setup=setup)
        num_processes = len(_family())
        (found,) = self.sandbox.judge(task).tests
        after = self.honest()
        assert after.outcome is Outcome.PASS, f"the next program suffers from this one: {after}"
        assert len(_family()) == num_processes, "a process is left"
        return found

    def honest(self) -> TestVerdict:
        """What an honest program gets, asked again where the machine was too busy for an impatient sandbox."""
        asked = (self.sandbox.judge(HONEST).tests[0] for _ in repeat(None))
        return next(verdict for verdict in asked if verdict.outcome is not Outcome.TIMEOUT)

    def told(self, program: str, given: str = "") -> Any:
        """What `attack` of a program returns, called with some arguments; it is wrong, and must be found so."""
        test = TELL.format(given=given)
        found = self.verdict(program, test, setup="import json")
        assert found.outcome is Outcome.FAIL, found
        return json.loads(found.detail.removeprefix("AssertionError: ").removesuffix(f" in: {test}"))

    @property
    def unreachable(self) -> str:
        """The error that files outside give: there are none in a world of its own, and none allowed otherwise."""
        return "ENOENT" if "namespaces" in self.sandbox.layers else "EACCES"


@contextmanager
def target_of(without: tuple[str, ...], *, weaker: bool = False, limits: Limits = LIMITS) -> Iterator[Target]:
    """A target that has seen one honest program already."""
    with Sandbox(workers=1, limits=limits, without=without, weaker=weaker) as sandbox:
        target = Target(sandbox)
        assert target.honest().outcome is Outcome.PASS
        yield target


@contextmanager
def urgent_signals() -> Iterator[list[int]]:
    """The signals SIGURG that this process is sent meanwhile, by whichever of its threads they are taken."""
    seen: list[int] = []
    before = signal.signal(signal.SIGURG, lambda number, _: seen.append(number))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGURG, before)


def _family() -> set[int]:
    """The workers below this process, and whatever else runs under the command line of one of them.

    Each names its directory there, so none of another sandbox on this machine is among them.
    """
    lines = {each.pid: tuple(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])}
    known = {lines.get(child.pid, ()) for child in psutil.Process().children(recursive=True)}
    return {pid for pid, line in lines.items() if line in known and any("octo-sandbox-" in word for word in line)}
