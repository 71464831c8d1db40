"""Lists of hosts that documents may be from, or may not.

A list is held as 64-bit hashes of its lines, 8 bytes each, in a file that workers map: 32 MB for four million hosts.
Two hosts have one hash once in 10^19 pairs.
"""

from collections.abc import Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from octo.errors import InputError, IntegrityError
from octo.settings.gates import OBJECTS, UrlSettings, digest_of_list
from octo.storage.listing import fetch_listed, list_objects
from octo.storage.store import Store

_LONGEST_HOST = 253
"""Of characters: no name in the Internet is longer."""


class Hosts:
    """Which hosts are blocked, and which alone are allowed."""

    def __init__(self, folder: Path, settings: UrlSettings) -> None:
        """Of what `leave_hosts` has left in a folder."""
        lists = {name: np.load(_file(folder, name), mmap_mode="r") for name in settings.named()}
        self._blocked, self._allowed = lists.get("block"), lists.get("allow")

    def wrong(self, url: str, *, filtered: bool) -> str | None:
        """Why a document from there is not taken, or None; whether only some hosts are is asked of filtered ones."""
        host = host_of(url)
        if self._blocked is not None and _has(self._blocked, host):
            return "url_blocked"
        if filtered and self._allowed is not None and not _has(self._allowed, host):
            return "url_not_allowed"
        return None


def leave_hosts(settings: UrlSettings, store: Store, folder: Path) -> None:
    """Read the lists and leave them in the folder.

    Raises:
        InputError: a list has no host.
        IntegrityError: a list is not what it was when its digest was taken.
    """
    for name, place in settings.named().items():
        flag = f"--urls.{name}"
        lines = _objects(place, store, folder) if place.startswith(OBJECTS) else _lines_of(place, flag)
        hosts = np.unique(np.fromiter((_hash(host) for line in lines if (host := _listed(line))), np.uint64))
        if not len(hosts):
            raise InputError(f"{flag}: there is no host in {place}: a line each, such as example.org")
        np.save(_file(folder, name), hosts)


def host_of(url: str) -> str:
    """The host of an address, in lower case and without a port; empty where there is none."""
    if "//" not in url[:16]:
        return ""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    host = host.rstrip(".")
    if len(host) > _LONGEST_HOST or host.isascii():
        return host if len(host) <= _LONGEST_HOST else ""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _has(hosts: NDArray[np.uint64], host: str) -> bool:
    names = [host, *_above(host)] if host else []
    hashes = np.array([_hash(name) for name in names], np.uint64)
    at = np.minimum(np.searchsorted(hosts, hashes), len(hosts) - 1)
    return bool((hosts[at] == hashes).any())


def _above(host: str) -> Iterator[str]:
    while "." in host:
        host = host.partition(".")[2]
        yield host


def _listed(line: str) -> str:
    host = line.partition("#")[0].strip().lower().removeprefix("*.").rstrip(".")
    return host_of(host) if "//" in host else host.partition("/")[0]


def _hash(host: str) -> int:
    return int.from_bytes(blake2b(host.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _lines_of(path: str, flag: str) -> Iterator[str]:
    body = Path(path).read_bytes()
    if sha256(body).hexdigest() != digest_of_list(path, flag):
        raise IntegrityError(f"{flag}: {path} has changed since the job began: run again")
    yield from body.decode(errors="replace").splitlines()


def _objects(address: str, store: Store, folder: Path) -> Iterator[str]:
    path = folder / "hosts"
    for listed in list_objects(store, address):
        fetch_listed(store, address, listed, path)
        yield from path.read_text(errors="replace").splitlines()
    path.unlink(missing_ok=True)


def _file(folder: Path, name: str) -> Path:
    return folder / f"hosts-{name}.npy"
