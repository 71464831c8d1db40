"""What stands between a program and the machine, as far as this kernel and this pod allow it."""

import base64
import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from octo.sandbox.python import command, complaint, interpreter

TRIAL = "from octo.sandbox.inside.confinement import Confinement; Confinement(int(sys.argv[1]), sys.argv[2]).enter({})"


@dataclass(frozen=True)
class Layers:
    """Which layers a machine gives, and why it lacks the others."""

    active: tuple[str, ...]
    lacking: Mapping[str, str]
    """By layer, what is in the way and what would help."""

    @property
    def sufficient(self) -> bool:
        """Whether a program that wants to do harm can be run: it reaches neither system calls nor files nor network."""
        return "seccomp" in self.active and ("landlock" in self.active or "namespaces" in self.active)

    def but(self, without: Sequence[str]) -> "Layers":
        """These without some."""
        left = tuple(name for name in self.active if name not in without)
        return Layers(left, {**self.lacking, **dict.fromkeys(without, "left out")})


@functools.cache
def offered() -> Layers:
    """What this machine gives, found out by trying."""
    lacking = {name: reason for name, look in LAYERS.items() if (reason := look())}
    return Layers(tuple(name for name in LAYERS if name not in lacking), lacking)


def system_calls() -> str:
    """The seccomp filter in base 64."""
    from octo.sandbox.system_calls import compiled  # noqa: PLC0415 - absent where seccomp is

    return base64.b64encode(compiled(signals=_keeps_signals())).decode()


def _keeps_signals() -> bool:
    """Whether Landlock does. If not, none can be sent at all, not even to oneself."""
    try:
        from octo.sandbox.landlock import KEEPS_SIGNALS, version  # noqa: PLC0415 - absent where Landlock is
    except ImportError:
        return False
    return version() >= KEEPS_SIGNALS


def _no_limits() -> str:
    return ""


def _no_promise() -> str:
    return "" if sys.platform == "linux" else NEEDS_LINUX


def _no_seccomp() -> str:
    if sys.platform != "linux":
        return NEEDS_LINUX
    try:
        return _tried(-1, system_calls())
    except ImportError:
        return NOT_INSTALLED
    except (RuntimeError, OSError) as error:
        return f"libseccomp 2.5 or newer is needed, libseccomp2 on Debian ({error})"


def _no_landlock() -> str:
    if sys.platform != "linux":
        return NEEDS_LINUX
    try:
        from octo.sandbox.landlock import ruleset, version  # noqa: PLC0415 - absent where Landlock is
    except ImportError:
        return NOT_INSTALLED
    if not version():
        return (
            "this kernel has none, does not name it in lsm=, or a seccomp profile refuses it: it takes Linux 5.13 or "
            "newer, and RuntimeDefault in a pod"
        )
    made = ruleset(Path(os.devnull).parent, packages=False)
    try:
        return _tried(made, "")
    finally:
        os.close(made)


def _no_namespaces() -> str:
    if sys.platform != "linux":
        return NEEDS_LINUX
    try:
        from octo.sandbox.namespaces import inside  # noqa: PLC0415 - absent where it is not packaged
    except ImportError:
        return NOT_INSTALLED
    said = complaint(inside([interpreter(), "-S", "-c", ""], Path(os.devnull), packages=False))
    return f"not allowed here ({said})" if said else ""


def _tried(ruleset: int, code: str) -> str:
    """Have a process enter a layer; why it could not."""
    said = complaint(command(TRIAL, str(ruleset), code), passed=ruleset)
    return f"not allowed here ({said})" if said else ""


NEEDS_LINUX = "needs Linux"
NOT_INSTALLED = "install octo[sandbox]"
LAYERS: Mapping[str, Callable[[], str]] = {
    "rlimits": _no_limits,
    "no-new-privileges": _no_promise,
    "seccomp": _no_seccomp,
    "landlock": _no_landlock,
    "namespaces": _no_namespaces,
}
"""Each with what says why there is none."""
