"""Which files a confined process may use: a Landlock ruleset, made once for each worker and entered by its children."""

import os
from pathlib import Path

from landlockpy import AccessFS, LandlockError, Ruleset, Scope, abi_version

from octo.sandbox.python import devices, readable

READING = AccessFS.READ_FILE | AccessFS.READ_DIR
USING = (
    READING
    | AccessFS.WRITE_FILE
    | AccessFS.TRUNCATE
    | AccessFS.REFER
    | AccessFS.REMOVE_DIR
    | AccessFS.REMOVE_FILE
    | AccessFS.MAKE_DIR
    | AccessFS.MAKE_REG
    | AccessFS.MAKE_SYM
)
KEEPS_SIGNALS = 6
"""The first version that keeps signals within."""


def version() -> int:
    """Which version this kernel has; 0 for none."""
    try:
        return abi_version()
    except LandlockError:
        return 0


def ruleset(directory: Path, *, packages: bool, arrays: bool = False) -> int:
    """A ruleset as a descriptor: what Python needs may be read, the directory used, and nothing else.

    It has no port that may be connected to or listened on, and keeps signals and abstract sockets within, where the
    kernel can.
    """
    with Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as made:
        for path in readable(packages=packages, arrays=arrays):
            made.allow_path(path, READING if Path(path).is_dir() else AccessFS.READ_FILE)
        for path in devices():
            made.allow_path(path, AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        made.allow_path(directory, USING)
        return os.dup(made.fileno())
