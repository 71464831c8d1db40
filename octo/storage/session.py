"""Opening the store that a command works on: any S3, or a directory served by the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from octo.errors import UsageError
from octo.settings.base import S3Settings
from octo.storage.client import FIRST_ATTEMPTS
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.greeting import greet
from octo.storage.probe import probe
from octo.storage.store import Store, connect

DEFAULT_DIRECTORY = ".octo"


def check_shared(address: str) -> None:
    """UsageError for a directory, where several machines or processes are to reach the store."""
    if not _is_address(address):
        raise UsageError(f"pods share no directory: give --store s3://bucket/prefix, got {address!r}")


@dataclass(frozen=True)
class Session:
    """A store that is open, and how other processes reach it."""

    store: Store
    s3: S3Settings
    embedded: EmbeddedStore | None

    @property
    def alive(self) -> bool:
        """False once the embedded server has ended; a store elsewhere is taken to be alive."""
        return self.embedded is None or self.embedded.alive()


@contextmanager
def open_session(address: str, s3: S3Settings, *, probed: bool = False, attended: bool = True) -> Iterator[Session]:
    """Open `s3://bucket/prefix`, or serve the directory of that name for as long as the context lasts.

    Args:
        address: of the store.
        s3: the connection.
        probed: prove first that the store honours conditional writes, as whoever writes artifacts must.
        attended: whether a person waits, who is told within seconds of a store that is silent.
    """
    if _is_address(address):
        session = Session(connect(address, s3), s3, embedded=None)
        if attended:
            greet(s3)
        if probed:
            probe(connect(address, s3, attempts=FIRST_ATTEMPTS))
        yield session
        return
    with embedded_store(Path(address or DEFAULT_DIRECTORY)) as served:
        session = Session(connect(served.address, served.s3), served.s3, embedded=served)
        if probed:
            # Its writers' races are proved by octo's own tests, and would cost a second here.
            probe(session.store, rivals=0)
        yield session


def _is_address(address: str) -> bool:
    # What only resembles one is for `connect` to refuse: no directory of that name is meant.
    return address.startswith("s3:") or "://" in address
