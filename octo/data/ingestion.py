"""The ingestion job: records from packages, files and generators become documents."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from octo.data.code_benchmarks import NOT_CHOSEN, read_problems
from octo.data.documents import Document, Rejected, writing
from octo.data.files import FORMATS, read_path
from octo.data.functions import generate_functions, parse_function_options
from octo.data.problems import generate, parse_options
from octo.data.python_code import read_functions
from octo.data.python_docs import read_package
from octo.errors import InputError, InvariantError, UsageError
from octo.job import Job, stage_digest
from octo.settings.ingestion import CODE_KINDS, S3, IngestionSettings, SourceAddress, parse_source
from octo.storage.artifacts import IndexResult
from octo.storage.listing import ListedObject, digest_of_listing, fetch_listed, list_objects


def ingest(job: Job[IngestionSettings]) -> None:
    """Read every source into documents and rejected records: an index each, or one for each object of an s3 source."""
    if not job.settings.sources:
        raise UsageError("nothing to ingest: give --sources LABEL=KIND:WHAT, such as math=python:sympy")
    job.each(ingest_source, range(len(_shards(job))))


def ingest_source(job: Job[IngestionSettings], index: int) -> IndexResult:
    """The documents and the rejected records of one source, or of one object of it."""
    name, listed = _shards(job)[index]
    documents, rejected = job.scratch / f"{index}-documents.parquet", job.scratch / f"{index}-rejected.parquet"
    source = parse_source(name)
    if listed is None:
        read = read_source(source, job.settings)
    else:
        name = f"{name}/{listed.key}"
        read = _read_object(job, source, listed)
    counters = write_documents(read, documents, rejected, name=name, max_bad_share=job.settings.max_bad_share)
    return IndexResult(
        parts={"documents.parquet": documents, "rejected.parquet": rejected},
        rows={
            "documents.parquet": counters["records.written"],
            "rejected.parquet": counters["records.in"] - counters["records.written"],
        },
        counters=counters,
    )


def _shards(job: Job[IngestionSettings]) -> list[tuple[str, ListedObject | None]]:
    """Each index's source, and its object where the source is made of several; listed once in a process.

    Raises InputError when other objects are there than the artifact's digest stands for.
    """
    digest = job.output.digest
    if digest not in _SHARDS:
        listings = {address: list_objects(job.store, address) for address in job.settings.prefixes()}
        now = {address: digest_of_listing(found) for address, found in listings.items()}
        if stage_digest(job.settings, listings=now) != digest:
            raise InputError(
                "the objects of a source changed while they were listed: run again, with what is there now"
            )
        _SHARDS.clear()
        _SHARDS[digest] = [
            (name, listed) for name in job.settings.sources for listed in _objects(parse_source(name), listings)
        ]
    return _SHARDS[digest]


_SHARDS: dict[str, list[tuple[str, ListedObject | None]]] = {}
"""Of the artifact that this process works on, by its digest."""


def _objects(source: SourceAddress, listings: Mapping[str, list[ListedObject]]) -> list[ListedObject] | list[None]:
    if not source.is_listed:
        return [None]
    known = [listed for listed in listings[source.what] if listed.key.endswith(tuple(FORMATS))]
    if not known:
        raise InputError(f"expected objects that end in one of {', '.join(FORMATS)} below {source.what}, found none")
    return known


def _read_object(
    job: Job[IngestionSettings], source: SourceAddress, listed: ListedObject
) -> Iterator[Document | Rejected]:
    """What an object holds, by way of scratch, where it is as long as it is read."""
    path = job.scratch / f"object-{listed.key.replace('/', '-')[-200:]}"
    address = f"{source.what}/{listed.key}"
    fetch_listed(job.store, source.what, listed, path)
    try:
        kind = "file" if source.kind == S3 else source.kind
        for each in read_source(source._replace(kind=kind, what=str(path)), job.settings):
            # Documents come from where they were put, and not from this machine's scratch.
            yield each._replace(url=each.url.replace(f"{kind}:{path}", address, 1))
    except InputError as error:
        raise InputError(str(error).replace(str(path), address)) from None
    finally:
        path.unlink(missing_ok=True)


def read_source(source: SourceAddress, settings: IngestionSettings) -> Iterator[Document | Rejected]:
    """Stream what a source holds."""
    if source.kind == "python":
        return read_package(source.what, label=source.label)
    if source.kind == "code":
        return read_functions(source.what, label=source.label)
    if source.kind == "file":
        return read_path(
            Path(source.what),
            label=source.label,
            max_document_bytes=settings.max_document_bytes,
            skip_bad_files=settings.on_bad_file == "skip",
        )
    if source.kind in CODE_KINDS:
        return read_problems(
            source,
            max_record_bytes=settings.max_document_bytes,
            skip_bad_files=settings.on_bad_file == "skip",
        )
    if source.kind == "functions":
        asked = parse_function_options(source.what, source.options)
        return generate_functions(source.what, asked, label=source.label, seed=settings.seed)
    return generate(source.what, parse_options(source.what, source.options), label=source.label, seed=settings.seed)


def write_documents(
    records: Iterable[Document | Rejected], documents: Path, rejected: Path, *, name: str, max_bad_share: float
) -> Mapping[str, int]:
    """Stream records into two Parquet files and count them.

    Raises InputError for a source without a record and for one with too many bad ones, InvariantError when what was
    read is not what was written.
    """
    reasons: Counter[str] = Counter()
    first_of: dict[str, Rejected] = {}
    num_records = 0
    with writing(documents, Document) as good, writing(rejected, Rejected) as bad:
        for record in records:
            num_records += 1
            if isinstance(record, Document):
                good.write(record)
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
    return {"records.in": num_records, "records.written": written, **counts}


def _check_share(
    reasons: Counter[str], first_of: Mapping[str, Rejected], num_records: int, *, name: str, max_bad_share: float
) -> None:
    reasons = Counter({reason: count for reason, count in reasons.items() if reason != NOT_CHOSEN})
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
