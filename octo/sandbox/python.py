"""Python as the sandbox starts it: without an environment's packages, and with as few files as it needs."""

import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

OCTO = Path(__file__).parents[1]
SHARED_LIBRARIES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"),
    *("/usr/share/zoneinfo", "/etc/localtime"),
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def command(statement: str, *arguments: str) -> list[str]:
    """What runs a statement; the arguments are its `sys.argv[1:-1]`.

    `octo` can be imported there, and of it comes only what is asked for.
    """
    boot = (
        "import sys, types; octo = types.ModuleType('octo'); octo.__path__ = sys.argv[-1:]; sys.modules['octo'] = octo"
    )
    return [
        *(interpreter(), "-s", "-S", "-B", "-P", "-X", "utf8"),
        *("-c", f"{boot}; {statement}", *arguments, str(OCTO)),
    ]


def interpreter() -> str:
    """Python itself, without what an environment adds to it."""
    return os.path.realpath(sys.executable)


def readable(*, packages: bool, arrays: bool = False) -> list[str]:
    """What such a process reads: Python, shared libraries, and installed packages where it is to import some."""
    built_in = importlib.util.find_spec("_ctypes")
    found = {Path(os.__file__).parent, Path((built_in and built_in.origin) or os.__file__).parent}
    found |= {*Path(sys.base_prefix, "lib").glob("libpython*"), *map(Path, SHARED_LIBRARIES)}
    if arrays:
        found |= set(folders_of_numpy())
    if packages:
        found |= {Path(path) for path in sys.path if path} | {OCTO}
    return sorted(str(path) for path in found if path.exists())


@functools.cache
def folders_of_numpy() -> list[Path]:
    """Where numpy is, and the libraries that come with it; nothing where it is not installed."""
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent
    return [each for each in (folder, folder.with_name("numpy.libs")) if each.exists()]


def devices() -> list[str]:
    """The devices that such a process may open."""
    return [path for path in DEVICES if Path(path).exists()]


def complaint(words: Sequence[str], *, passed: int = -1) -> str:
    """What a command says where it fails; nothing where it does not."""
    kept = [passed] if passed >= 0 else []
    try:
        done = subprocess.run(  # noqa: S603 - Python itself, or a packaged binary
            words, pass_fds=kept, capture_output=True, text=True, check=False, env={}
        )
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
