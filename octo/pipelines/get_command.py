"""`octo get`: what an artifact holds, as files under the names of its parts, or as rows on standard output."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
from pydantic import Field
from pydantic_settings import CliPositionalArg

from octo.errors import EXIT_DONE, UsageError
from octo.lineage import address_of
from octo.pipelines.export_command import appearing, check_empty
from octo.pipelines.settings import StoreSettings
from octo.processes import stoppable
from octo.report.text import megabytes
from octo.scratch import scratch_folder
from octo.settings.base import Flag
from octo.settings.loading import load
from octo.storage.artifacts import Artifact, Part, open_artifact
from octo.storage.session import open_session
from octo.terminal import Console

_ROWS_AT_ONCE = 1024


class GetSettings(StoreSettings):
    """Bring what an artifact holds here, every byte verified: its parts as files, or their rows on standard output."""

    address: CliPositionalArg[str]
    """The artifact: its address, or JOB/DIGEST of which the first letters are enough."""
    directory: CliPositionalArg[Path] = Path()
    """Where to write: a directory that is not there yet, or is empty. STAGE-DIGEST here, where none is given. Parts of
    an artifact of several indexes are in a folder for each."""
    part: tuple[str, ...] = ()
    """Only parts of these names, such as documents.parquet."""
    index: int | None = Field(default=None, ge=0)
    """Only parts of this index: a shard, or one of several trainings."""
    rows: bool = False
    """Write no files: print the rows of Parquet parts as JSON lines, and other parts as they are."""
    quiet: Annotated[bool, Flag(short="-q")] = False
    """Print no summary."""


def get_command(arguments: Sequence[str]) -> int:
    """Bring the parts; nothing is at the place before all of them are."""
    settings = load(GetSettings, arguments, os.environ)
    with stoppable("nothing was written"), open_session(settings.store, settings.s3) as session:
        artifact = open_artifact(session.store, address_of(session.store, settings.address))
        parts = _wanted(artifact, settings)
        if settings.rows:
            with scratch_folder("get") as folder:
                for part in parts:
                    _print(artifact, part, folder / "part")
            return EXIT_DONE
        directory = settings.directory
        if directory == Path():
            directory = Path(f"{artifact.manifest.stage}-{artifact.manifest.digest[:8]}")
        check_empty(directory)
        # One index is the whole; several would have parts of one name.
        several = len(artifact.indexes) > 1
        with appearing(directory) as folder:
            for part in parts:
                file = folder / str(part.index) / part.name if several else folder / part.name
                file.parent.mkdir(exist_ok=True)
                artifact.fetch(part, file)
    if not settings.quiet:
        size = megabytes(sum(part.size for part in parts))
        Console().print(f"{directory.resolve()}: {len(parts)} files, {size}", soft_wrap=True)
    return EXIT_DONE


def _wanted(artifact: Artifact, settings: GetSettings) -> list[Part]:
    """The parts that are asked for; UsageError names those that there are when it is none."""
    parts = artifact.parts()
    if settings.index is not None and settings.index not in artifact.indexes:
        raise UsageError(f"{artifact.address} has the indexes {_range(artifact.indexes)}, got --index {settings.index}")
    names = sorted({part.name for part in parts})
    for name in settings.part:
        if name not in names:
            raise UsageError(f"{artifact.address} has no part {name}: it has {', '.join(names)}")
    return [
        part
        for part in parts
        if (not settings.part or part.name in settings.part) and settings.index in (None, part.index)
    ]


def _range(indexes: Sequence[int]) -> str:
    return f"{indexes[0]} to {indexes[-1]}" if len(indexes) > 1 else str(indexes[0] if indexes else "none")


def _print(artifact: Artifact, part: Part, file: Path) -> None:
    artifact.fetch(part, file)
    for line in _lines(file, part.name):
        sys.stdout.write(line)
    file.unlink()


def _lines(file: Path, name: str) -> Iterator[str]:
    """What is printed of a part; a thousand rows of it are in memory."""
    if name.endswith(".parquet"):
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    yield f"{json.dumps(row, ensure_ascii=False, default=str)}\n"
    elif name.endswith((".json", ".jsonl", ".txt")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield line if line.endswith("\n") else f"{line}\n"
    else:
        raise UsageError(f"{name} is no part that has rows or is text: get it as a file, without --rows")
