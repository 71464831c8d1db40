"""The files of a source: what lies below a directory, each real file once, what it is, and why some are not read.

One rule for directories and for objects: what has a name that begins with a dot, or lies in a folder that does, is
hidden, and no part of the source. A link is followed where it leads to a place below the directory that was named.
"""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from octo.errors import InputError, UsageError

COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".xz": "xz", ".bz2": "bzip2"}
"""By the last end of a name, in any case."""
STREAMED = {
    **dict.fromkeys((".jsonl", ".ndjson"), "json lines"),
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    **dict.fromkeys((".txt", ".md", ".rst"), "text"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".warc": "warc",
}
"""Formats that are read from their beginning to their end, and so from any compression, by the end before that."""
SEEKED = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow"}
"""Formats that are read in several places, and so only as they are."""

HIDDEN = "hidden"
LINK_OUTSIDE = "link_outside"
BROKEN_LINK = "broken_link"
NO_FILE = "no_file"
"""A pipe, a socket, a device: who opened it would wait, or read for ever."""
SAME_FILE = "same_file"
"""Another name of a file or folder that is read by a name before it."""
UNKNOWN_FORMAT = "unknown_format"
NO_DATA = "no_data"
"""What is said about the data: such a name, without an end that says what it holds."""
_ABOUT_DATASETS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""What Hugging Face's datasets says of the files beside it."""
_ABOUT = {"readme", "license", "licence", "copying", "notice", "authors", "citation", "changelog", "_success"}


_MEASURED = 10_000
"""Files of a folder outside that are asked for their size."""


class Format(NamedTuple):
    """What a file's name says of its content."""

    name: str
    compression: str
    """Empty for none."""


class SourceFile(NamedTuple):
    """A file below a source."""

    name: str
    """Below the source, with slashes; what is no UTF-8 in it is escaped."""
    path: Path
    size: int
    left_out: str
    """Why it is not read; empty when it is."""


def format_of(name: str) -> Format | None:
    """What a file of that name holds, by its ends in any case: `a.JSONL.gz`. None for what octo does not read."""
    *_, inner, end = "", "", *PurePosixPath(name.lower()).suffixes[-2:]
    if end in COMPRESSIONS:
        return Format(STREAMED[inner], COMPRESSIONS[end]) if inner in STREAMED else None
    found = STREAMED.get(end) or SEEKED.get(end)
    return Format(found, "") if found else None


def known_ends() -> str:
    """The ends of names that are read, for a message."""
    return f"{', '.join((*STREAMED, *SEEKED))} (all but {', '.join(SEEKED)} also with {', '.join(COMPRESSIONS)})"


def reason_against_name(name: str) -> str:
    """Why what has that name below a source is not read; empty when it is."""
    if any(part.startswith(".") for part in name.split("/")):
        return HIDDEN
    end = name.rpartition("/")[2].lower()
    if end in _ABOUT_DATASETS:
        return NO_DATA
    if format_of(name):
        return ""
    return NO_DATA if end in _ABOUT else UNKNOWN_FORMAT


def files_below(path: Path) -> list[SourceFile]:
    """The files of a directory in the order of their names; of a file, it alone, whatever its name.

    A hidden folder is one entry. About 500 bytes are held for each file.

    Raises:
        UsageError: nothing is there.
        InputError: a folder cannot be listed.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist: expected a file or a directory")
    if not path.is_dir():
        return [SourceFile(shown(path.name), path, _size(path), "" if path.is_file() else NO_FILE)]
    root = path.resolve()
    return list(_each_once(sorted(_below(path, "", root, {root}), key=lambda file: file.name.split("/"))))


def shown(name: str) -> str:
    """A name as text, of one that need not be UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _below(folder: Path, prefix: str, root: Path, entered: set[Path]) -> Iterator[SourceFile]:
    for path in _listed(folder):
        name, real = f"{prefix}{shown(path.name)}", Path(os.path.realpath(path))
        folder_name = f"{name}/" if path.is_dir() else name
        if reason_against_name(name) == HIDDEN:
            yield SourceFile(folder_name, path, _size(path), HIDDEN)
        elif path.is_symlink() and not real.exists():
            yield SourceFile(name, path, 0, BROKEN_LINK)
        elif root not in real.parents and real != root:
            yield SourceFile(folder_name, path, _size_below(path) if path.is_dir() else _size(path), LINK_OUTSIDE)
        elif not path.is_dir():
            yield SourceFile(name, path, _size(path), _reason_against(name, path))
        elif real in entered:
            yield SourceFile(folder_name, path, 0, SAME_FILE)
        else:
            entered.add(real)
            yield from _below(path, folder_name, root, entered)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be listed: {error.strerror}; mend it, or name another") from error


def _reason_against(name: str, path: Path) -> str:
    if not path.is_file():
        return NO_FILE
    return reason_against_name(name)


def _size(path: Path) -> int:
    try:
        facts = path.stat()
    except OSError:
        return 0
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def _size_below(folder: Path) -> int:
    """How large what a link leads to is, at least: some of its files."""
    names = (Path(place) / name for place, _, files in os.walk(folder) for name in files)
    return sum(map(_size, islice(names, _MEASURED)))


def _each_once(found: list[SourceFile]) -> Iterator[SourceFile]:
    """Links give a file several names: it is read by the first that says what it holds, and not by the others."""
    first: dict[str, str] = {}
    for file in found:
        if not file.left_out:
            first.setdefault(os.path.realpath(file.path), file.name)
    for file in found:
        again = (
            file.left_out in {"", UNKNOWN_FORMAT, NO_DATA}
            and first.get(os.path.realpath(file.path), file.name) != file.name
        )
        yield file._replace(left_out=SAME_FILE) if again else file
