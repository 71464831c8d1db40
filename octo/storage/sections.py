"""Files in sections, which processes of a fleet leave for each other in the store: a shuffle without a server.

Each task of one phase leaves one file with a section for every task of the next, which reads its own sections of all
files and nothing else. A file is two objects: the sections, under the name of the attempt that wrote them, and a table
of where each lies, which is written once. A reader asks for its entry of the table, then for the section: two requests
and no listing, however many sections there are. A section is believed when it hashes to what its entry says, with its
file's name and its number; a damaged entry fails at that too.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from octo.errors import IntegrityError, MissingError
from octo.storage.store import Store

_ENTRY = Struct("<QQ8s32s")
"""Where a section begins, its bytes, who wrote it, and its digest."""


def section_file(phase: str, index: int) -> str:
    """The name of the file that the task of that index leaves in a phase."""
    return f"{phase}-{index}"


class SectionWriter:
    """Writes the sections of one file, in their order."""

    def __init__(self, name: str, attempt: str, file: BinaryIO) -> None:
        self._name, self._attempt, self._file = name, attempt.encode(), file
        self._entries: list[bytes] = []

    def write(self, body: bytes) -> None:
        """Add a section."""
        digest = _digest(self._name, len(self._entries), body)
        self._entries.append(_ENTRY.pack(self._file.tell(), len(body), self._attempt, digest))
        self._file.write(body)

    def table(self) -> bytes:
        """The entries of all sections."""
        return b"".join(self._entries)


class Sections:
    """The files in sections below one folder of a store."""

    def __init__(self, store: Store, folder: str, attempt: str) -> None:
        self._store, self._folder, self._attempt = store, folder, attempt

    def has(self, name: str) -> bool:
        """Whether somebody has left that file."""
        return self._store.head(self._table_key(name)) is not None

    def left(self, phase: str) -> set[str]:
        """Names of files of that phase that the store lists, without reading them. It may list too few."""
        found = self._store.list(self._table_key(f"{phase}-"))
        return {name for key in found if "." not in (name := key.rpartition("/")[2])}

    @contextmanager
    def writing(self, name: str, scratch: Path) -> Iterator[SectionWriter]:
        """A writer of that file, which is left in the store when the block ends well; one left meanwhile stays."""
        path = scratch / name
        try:
            with path.open("wb") as file:
                writer = SectionWriter(name, self._attempt, file)
                yield writer
            self._store.upload(path, self._data_key(name, self._attempt))
        finally:
            path.unlink(missing_ok=True)
        self._store.put_if_absent(self._table_key(name), writer.table())

    def read(self, name: str, number: int) -> bytes:
        """One section; MissingError when nobody has left the file, IntegrityError when it is not what was left."""
        try:
            try:
                return self._read(name, number)
            except IntegrityError:
                return self._read(name, number)  # The way may have damaged it.
        except (IntegrityError, MissingError) as error:
            remedy = f"remove {self._store.address}/{self._table_key(name)} and run again: it is made anew"
            raise IntegrityError(f"section {number} of {name} is not what was left: {error}; {remedy}") from error

    def read_all(self, phase: str, count: int, number: int) -> Iterator[bytes]:
        """The section of that number of each of so many files of a phase, one at a time."""
        return (self.read(section_file(phase, index), number) for index in range(count))

    def _read(self, name: str, number: int) -> bytes:
        entry = self._store.get_range(self._table_key(name), number * _ENTRY.size, _ENTRY.size)
        first, size, attempt, digest = _ENTRY.unpack(entry)
        key = self._data_key(name, attempt.decode(errors="replace"))
        body = self._store.get_range(key, first, size) if size else b""
        if _digest(name, number, body) != digest:
            raise IntegrityError("its digest is another")
        return body

    def _table_key(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _data_key(self, name: str, attempt: str) -> str:
        return f"{self._folder}/{name}.{attempt}"


def _digest(name: str, number: int, body: bytes) -> bytes:
    found = hashlib.sha256(b"%s %d " % (name.encode(), number))
    found.update(body)
    return found.digest()
