"""The Unix sockets that SeaweedFS makes in /tmp whatever it is told, and leaves there when it ends."""

import errno
import socket
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

SHORT = Path("/tmp")  # noqa: S108 - where they are
"""A folder of the shortest name: a Unix socket's path has at most some 100 characters."""


def sockets_of(ports: Mapping[str, int]) -> list[Path]:
    """Where a server of these gRPC ports, by its parts, has its sockets."""
    return [SHORT / f"seaweedfs-{part}-grpc-{port}.sock" for part, port in ports.items()]


def remove_unheard(sockets: Iterable[Path]) -> None:
    """Remove those that no process listens at any more: another server may have been given the same port since."""
    for path in sockets:
        if _is_unheard(path):
            with suppress(OSError):
                path.unlink()


def _is_unheard(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as asking:
        try:
            asking.connect(str(path))
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
    return False
