"""Bytes that somebody named by their sha256, brought here and compared with it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from octo.errors import IntegrityError
from octo.storage.store import Store

B = TypeVar("B")


def verified(name: str, expected: str, read: Callable[[], B], sha256: Callable[[B], str]) -> B:
    """What `read` gives, once its hash is the expected one; a second read tells a bad wire from a bad object."""
    found = ""
    for _ in range(2):
        body = read()
        found = sha256(body)
        if found == expected:
            return body
    raise IntegrityError(f"{name}: expected sha256 {expected}, got {found}")


def fetch_verified(store: Store, key: str, path: Path, *, name: str, sha256: str) -> None:
    """Bring an object into a file, without holding it in memory. IntegrityError leaves no file."""

    def download() -> Path:
        store.download(key, path)
        return path

    try:
        verified(name, sha256, download, sha256_of)
    except IntegrityError:
        path.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """The digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
