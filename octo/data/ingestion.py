"""The ingestion job: records from packages, files and generators become documents."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from octo.data.answered import answered
from octo.data.code_benchmarks import NOT_CHOSEN, read_problems
from octo.data.documents import Document, Rejected, to_parquet, writing
from octo.data.files import Reading, read_file
from octo.data.functions import generate_functions
from octo.data.html_text import formulas_of
from octo.data.problems import generate
from octo.data.proving import REASONS, Prover, Tally
from octo.data.python_code import read_functions
from octo.data.python_docs import read_package
from octo.data.text_forms import TextForm
from octo.data.time_limit import DocumentClock, document_clock
from octo.data.unread import Inventory, Unread, check_share, inventory_of_files, inventory_of_objects, say_unread
from octo.data.web_archives import NO_PAGE
from octo.errors import InputError, InvariantError
from octo.job import Job, stage_digest
from octo.settings.ingestion import (
    CODE_KINDS,
    FILE,
    GENERATED_KINDS,
    IngestionSettings,
    SourceAddress,
    fingerprint,
    parse_source,
)
from octo.settings.source_options import parse_arithmetic_options, parse_function_options, parse_text_options
from octo.source_files import files_below
from octo.storage.artifacts import IndexResult
from octo.storage.listing import ListedObject, digest_of_listing, fetch_listed, list_objects_again

NOTHING_WRONG = {NOT_CHOSEN, NO_PAGE, *REASONS}
"""Reasons for setting a record aside that do not make it a bad one."""


class Shard(NamedTuple):
    """What one index reads."""

    source: SourceAddress
    name: str
    """Of the source, as it was given."""
    fingerprint: str = ""
    """Of what it is where it is no objects, as the artifact's digest stands for it."""
    listed: ListedObject | None = None
    """The one object of it; None where the source is no objects."""
    inventory: Inventory | None = None
    """What the source's objects are, with the first of those that are read."""


def ingest(job: Job[IngestionSettings]) -> None:
    """Read every source into documents and rejected records: an index each, or one for each object of an s3 source."""
    job.each(ingest_source, range(len(_shards(job))))


def ingest_source(job: Job[IngestionSettings], index: int) -> IndexResult:
    """The documents and the rejected records of one source, or of one object of it, and the files that are not read."""
    settings, shard = job.settings, _shards(job)[index]
    documents, rejected = job.scratch / f"{index}-documents.parquet", job.scratch / f"{index}-rejected.parquet"
    inventory, name = shard.inventory, shard.name
    prover = Prover(settings.proof, told=partial(_tell, job))
    with document_clock(settings.max_document_seconds) as clock, prover:
        if shard.listed is not None:
            name = f"{name}/{shard.listed.key}"
            read = _read_object(job, shard.source, shard.listed, clock)
        else:
            if shard.source.kind == FILE and Path(shard.source.what).is_dir():
                inventory = inventory_of_files(files_below(Path(shard.source.what)))
                check_share(inventory, name=name, max_share=settings.max_unread_share)
            read = read_source(shard.source, settings, clock)
        if shard.source.kind not in GENERATED_KINDS:
            # What octo generates is right by how it is made.
            read = prover.proven(read)
        counters = write_documents(read, documents, rejected, name=name, max_bad_share=settings.max_bad_share)
    counters = {**counters, **prover.tally.counters()}
    prover.tally.say(name)
    prover.tally.check(name, most=settings.proof.max_set_aside)
    _check_unchanged(shard)
    parts: dict[str, bytes | Path] = {"documents.parquet": documents, "rejected.parquet": rejected}
    rows = {
        "documents.parquet": counters["records.written"],
        "rejected.parquet": counters["records.in"] - counters["records.written"],
    }
    if inventory is not None:
        counters = {**counters, **inventory.counters()}
        if inventory.unread:
            say_unread(inventory, name=shard.name)
            parts["unread.parquet"] = to_parquet(inventory.unread, Unread)
            rows["unread.parquet"] = len(inventory.unread)
    return IndexResult(parts=parts, rows=rows, counters=counters)


def _tell(job: Job[IngestionSettings], tally: Tally) -> None:
    job.progress.advance(tally.total, 0, "problems", proven=tally.proven, set_aside=tally.set_aside.total())


def _check_unchanged(shard: Shard) -> None:
    """InputError when what was read is not what was hashed: files are hashed again, at some 0.5 GB a second."""
    if shard.listed is None and fingerprint(shard.source, anew=True) != shard.fingerprint:
        raise InputError(f"the source {shard.name} changed while it was read: run again, with what is there now")


def _shards(job: Job[IngestionSettings]) -> list[Shard]:
    """Each index's source, and its object where the source is made of several; listed once in a process.

    Raises InputError when other objects are there than the artifact's digest stands for, or too much of a source is not
    read.
    """
    digest = job.output.digest
    if digest not in _SHARDS:
        # Before they are compared: what changes in between makes the digest another.
        fingerprints = {name: fingerprint(parse_source(name)) for name in job.settings.sources}
        listings = {address: list_objects_again(job.store, address) for address in job.settings.prefixes()}
        now = {address: digest_of_listing(found) for address, found in listings.items()}
        if stage_digest(job.settings, listings=now) != digest:
            raise InputError(
                "the files or objects of a source changed while they were listed: run again, with what is there now"
            )
        _SHARDS.clear()
        _SHARDS[digest] = [
            shard
            for name in job.settings.sources
            for shard in _of_source(name, fingerprints[name], listings, job.settings.max_unread_share)
        ]
    return _SHARDS[digest]


_SHARDS: dict[str, list[Shard]] = {}
"""Of the artifact that this process works on, by its digest."""


def _of_source(
    name: str, found: str, listings: Mapping[str, list[ListedObject]], max_unread_share: float
) -> Iterator[Shard]:
    source = parse_source(name)
    if not source.is_listed:
        yield Shard(source, name, found)
        return
    inventory = inventory_of_objects(listings[source.what])
    check_share(inventory, name=name, max_share=max_unread_share)
    unread = {each.name for each in inventory.unread}
    known = [listed for listed in listings[source.what] if listed.key not in unread]
    for place, listed in enumerate(known):
        yield Shard(source, name, found, listed, inventory if place == 0 else None)


def _read_object(
    job: Job[IngestionSettings], source: SourceAddress, listed: ListedObject, clock: DocumentClock
) -> Iterator[Document | Rejected]:
    """What an object holds, by way of scratch, where it is as long as it is read."""
    path = job.scratch / f"object-{listed.key.replace('/', '-')[-200:]}"
    fetch_listed(job.store, source.what, listed, path)
    try:
        # Documents come from where they were put, and not from this machine's scratch.
        yield from _read_files(source._replace(what=str(path)), f"{source.what}/{listed.key}", job.settings, clock)
    finally:
        path.unlink(missing_ok=True)


def read_source(
    source: SourceAddress, settings: IngestionSettings, clock: DocumentClock
) -> Iterator[Document | Rejected]:
    """Stream what a source holds."""
    if source.kind == "python":
        return read_package(source.what, label=source.label)
    if source.kind == "code":
        return read_functions(source.what, label=source.label)
    if source.kind == FILE or source.kind in CODE_KINDS:
        return _read_files(source, "", settings, clock)
    if source.kind == "functions":
        asked = parse_function_options(source.what, source.options)
        return generate_functions(source.what, asked, label=source.label, seed=settings.seed)
    options = parse_arithmetic_options(source.what, source.options)
    return generate(source.what, options, label=source.label, seed=settings.seed)


def _read_files(
    source: SourceAddress, name: str, settings: IngestionSettings, clock: DocumentClock
) -> Iterator[Document | Rejected]:
    """What local files hold; a single one may have another name that its documents come from."""
    skip = settings.on_bad_file == "skip"
    if source.kind in CODE_KINDS:
        yield from read_problems(
            source,
            max_record_bytes=settings.max_document_bytes,
            skip_bad_files=skip,
            max_file_expansion=settings.max_file_expansion,
            name=name,
            clock=clock,
        )
        return
    form = TextForm(parse_text_options(source.kind, source.options))
    reading = Reading(settings.max_document_bytes, skip, settings.max_file_expansion, clock, settings.pages, form)
    for file in files_below(Path(source.what)):
        if not file.left_out:
            records = read_file(file.path, name=name or f"file:{file.path}", label=source.label, reading=reading)
            yield from map(answered, records)


def write_documents(
    records: Iterable[Document | Rejected], documents: Path, rejected: Path, *, name: str, max_bad_share: float
) -> Mapping[str, int]:
    """Stream records into two Parquet files and count them.

    Raises InputError for a source without a record and for one with too many bad ones, InvariantError when what was
    read is not what was written.
    """
    reasons, formulas = Counter[str](), Counter[str]()
    first_of: dict[str, Rejected] = {}
    num_records = 0
    with writing(documents, Document) as good, writing(rejected, Rejected) as bad:
        for record in records:
            num_records += 1
            if isinstance(record, Document):
                good.write(record)
                formulas.update(formulas_of(record.metadata))
            else:
                bad.write(record)
                reasons[record.reason] += 1
                first_of.setdefault(record.reason, record)
    if num_records == 0:
        raise InputError(
            f"the source {name} is empty: it holds no record of a known format; put some there, "
            "or take it out of --sources"
        )
    _check_share(reasons, first_of, num_records, name=name, max_bad_share=max_bad_share)
    written, set_aside = (pq.read_metadata(file).num_rows for file in (documents, rejected))
    if num_records != written + set_aside:
        raise InvariantError(f"{name}: {num_records} records read, {written} written and {set_aside} rejected")
    counts = {f"records.rejected.{reason}": count for reason, count in sorted(reasons.items())}
    return {"records.in": num_records, "records.written": written, **counts, **formulas}


def _check_share(
    reasons: Counter[str], first_of: Mapping[str, Rejected], num_records: int, *, name: str, max_bad_share: float
) -> None:
    reasons = Counter({reason: count for reason, count in reasons.items() if reason not in NOTHING_WRONG})
    num_bad = reasons.total()
    if num_bad <= max_bad_share * num_records:
        return
    reason, count = reasons.most_common(1)[0]
    example = first_of[reason]
    raise InputError(
        f"{num_bad} of {num_records} records of {name} are bad ({num_bad / num_records:.1%}, the limit is "
        f"{max_bad_share:.1%}), {count} of them {reason}, first {example.url}: {example.detail}; "
        "mend them, or raise --max-bad-share"
    )
