"""Settings of the ingestion job, and the grammar of its sources."""

import json
import platform
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from hashlib import file_digest, sha256
from importlib import metadata
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple
from urllib.parse import parse_qsl

from pydantic import Field, JsonValue, field_validator

from octo.errors import UsageError
from octo.settings.base import JobSettings, Verbatim
from octo.settings.proof import ProofSettings
from octo.settings.source_options import (
    parse_arithmetic_options,
    parse_code_options,
    parse_function_options,
    parse_text_options,
)
from octo.source_files import files_below, shown

CODE_KINDS = ("human-eval", "mbpp", "tests")
"""Kinds of sources whose documents are code problems."""
GENERATED_KINDS = ("arithmetic", "functions")
"""Kinds of sources that are made up, and have options."""
PACKAGE_KINDS = ("python", "code")
"""Kinds of sources that are installed packages."""
FILE = "file"
"""A local file, or all files below a directory."""
S3 = "s3"
"""Objects that others have put into the store's service."""
SOURCE_KINDS = (*PACKAGE_KINDS, FILE, S3, *GENERATED_KINDS, *CODE_KINDS)
HUBS = ("hf", "hub", "datasets", "https", "http")
"""What people write who mean a data set elsewhere, which no artifact's digest could tell the bytes of."""
STANDARD_LIBRARY = "stdlib"
PACKAGE = "package"
"""What human-eval: says for the data of the installed package."""

_OPTIONS_LIKE = re.compile(r"[a-z_]+=")
_S3_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/]+)*/?")


class SourceAddress(NamedTuple):
    """Where the documents of one source come from: `LABEL=KIND:WHAT`."""

    label: str
    """What the documents' `source` will be; mixture weights are given for it."""
    kind: str
    """python, code: docstrings of a package, and its functions; file: local files; s3: objects of the store's service;
    arithmetic, functions: generated problems; the others: code problems."""
    what: str
    options: dict[str, str]
    """What follows the question mark: of records `?text=content`, of what is generated `?count=2000`, of code problems
    `?shown=2`."""

    @property
    def is_listed(self) -> bool:
        """Whether it is made of objects of the store's service."""
        return self.kind == S3 or (self.kind in CODE_KINDS and self.what.startswith("s3://"))


def parse_source(text: str) -> SourceAddress:
    """Take `general=python:stdlib`, `web=s3://bucket/prefix` or `noisy=arithmetic:noisy?count=2000` apart."""
    label, has_label, rest = text.partition("=")
    kind, has_kind, what = rest.partition(":")
    if kind in HUBS:
        raise UsageError(
            f"{text!r}: data sets are not read from a hub: copy its files below a prefix, and name LABEL=s3://bucket/prefix"
        )
    if not (label and has_label and has_kind and what) or kind not in SOURCE_KINDS:
        raise UsageError(f"expected LABEL=KIND:WHAT with KIND one of {', '.join(SOURCE_KINDS)}, got {text!r}")
    if kind in (S3, FILE):
        address, options = _with_options(rest if kind == S3 else what)
        parse_text_options(kind, options)
        if kind == S3 and not _S3_ADDRESS.fullmatch(address):
            raise UsageError(f"expected LABEL=s3://bucket/prefix, got {text!r}")
        return SourceAddress(label, kind, address.rstrip("/") if kind == S3 else address, options)
    if kind in PACKAGE_KINDS and "." in what:
        raise UsageError(f"expected the name of a top-level package, got {what}: finding a submodule would import it")
    if kind not in _OPTIONS:
        return SourceAddress(label, kind, what, {})
    what, _, query = what.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    _OPTIONS[kind](what, options)
    return SourceAddress(label, kind, what, options)


def _with_options(text: str) -> tuple[str, dict[str, str]]:
    """A place, and the options behind its last question mark; a name may have one too, before what is no option."""
    place, mark, query = text.rpartition("?")
    if not mark or not _OPTIONS_LIKE.match(query):
        return text, {}
    pairs = parse_qsl(query, keep_blank_values=True)
    if twice := [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]:
        raise UsageError(f"the option {twice[0]!r} is there twice in {text!r}: give it once")
    return place, dict(pairs)


def _check_code_options(kind: str, _what: str, options: Mapping[str, str]) -> None:
    parse_code_options(kind, options)


_OPTIONS: Mapping[str, Callable[[str, Mapping[str, str]], object]] = {
    "arithmetic": parse_arithmetic_options,
    "functions": parse_function_options,
    **{kind: partial(_check_code_options, kind) for kind in CODE_KINDS},
}
"""What checks the options of each kind of source that has some."""


class IngestionSettings(JobSettings):
    """Turn records from packages, files and generators into documents."""

    job: ClassVar[str] = "ingestion"
    code_version: ClassVar[int] = 10
    pod_shape = "fleet"

    sources: Annotated[tuple[str, ...], Verbatim()] = ()
    """Where documents come from, LABEL=KIND:WHAT each: math=python:sympy (docstrings of an installed package; stdlib is
    the standard library), web=file:PATH (records with a field `text` in .jsonl, .ndjson, .json, .csv, .tsv, .parquet,
    .arrow or .feather; .txt, .md, .rst, .html; the pages of .warc; all but .parquet and .arrow also with .gz, .zst, .xz
    or .bz2; or a directory of such files, without those whose name or folder begins with a dot), web=s3://bucket/prefix
    (the same, an index for each object, in the store's service and with its credentials), either with ?text=COLUMN
    (another column than text), ?template={title}%0A{body} (a text of several), ?layout=qa&question=COLUMN&answer=COLUMN
    (a question and its answer), ?layout=think (with thinking= between them, in <think> tags) or
    ?layout=chat&messages=COLUMN (turns, User: and Assistant:), and url=, date=, id= (the columns of these),
    code=code:stdlib (functions
    of an installed package), short=arithmetic:short?count=2000 and easy=functions:solutions?count=2000&mistakes=0.2
    (generated problems), he=human-eval:package (of the installed package human-eval, or a PATH), mbpp=mbpp:PATH?shown=1
    (or, as all code problems, mbpp:s3://bucket/prefix), code=tests:PATH?shown=1 (code problems; shown is how many of
    its tests a question shows, which then do not score). With ?style=fenced human-eval asks for a block of code, with
    ?style=continuation mbpp asks for what comes next; with ?hardest=0.2&widest=0.4 tests keeps the problems that models
    solve least often and least evenly, and with ?docstrings=1 it puts questions once more as functions to complete."""
    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    """The job fails when more than this share of a source's records cannot become documents."""
    proof: ProofSettings = ProofSettings()
    """What a code problem must show before it is taken."""
    max_unread_share: float = Field(default=0.5, ge=0, le=1)
    """The job fails when files with more than this share of a directory's or a prefix's bytes are not read: of unknown
    names, or links that lead out of it. What is not read is counted, said in the log, and named in unread.parquet."""
    pages: Literal["whole", "main"] = "whole"
    """What of an HTML page is taken. whole: all of its text, menus and notices too; main: its main content, as most
    crawls are used. Either way a formula is TeX between dollars; one that is not in the text is counted, and listed in
    the document's metadata."""
    max_document_bytes: int = Field(default=10_000_000, gt=0)
    """A longer record is rejected as too_large, without being held in memory."""
    max_document_seconds: float = Field(default=60, gt=0)
    """A record whose reading takes more processor time is rejected as too_slow."""
    max_file_expansion: int = Field(default=200, gt=0)
    """A file that gives more than so many times its size, and more than 256 MiB, is a bad file."""
    on_bad_file: Literal["fail", "skip"] = "fail"
    """What a bad file does (a broken gzip, a Parquet file cut short or without a column text). fail: the job stops and
    names it; skip: what could be read stays and the file counts as one rejected record."""

    @field_validator("sources")
    @classmethod
    def _sources_parse(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            try:
                parse_source(source)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return sources

    def lacking(self) -> str:
        """The sources."""
        return "" if self.sources else "nothing to ingest: give --sources LABEL=KIND:WHAT, such as math=python:sympy"

    def determinants(self) -> dict[str, JsonValue]:
        """Versions of the packages and digests of the local files that the sources name."""
        return {source: _determinant(parse_source(source)) for source in self.sources}

    def prefixes(self) -> tuple[str, ...]:
        """Where the sources are that are objects."""
        found = (parse_source(source) for source in self.sources)
        return tuple(dict.fromkeys(source.what for source in found if source.is_listed))


def fingerprint(source: SourceAddress, *, anew: bool = False) -> str:
    """One digest for what a source that is no objects holds; with `anew` nothing is taken for read before."""
    if anew:
        _file_digest.cache_clear()
    return sha256(json.dumps(_determinant(source), sort_keys=True).encode()).hexdigest()


def _determinant(source: SourceAddress) -> JsonValue:
    if source.is_listed:
        # By whoever has the store (see `prefixes`).
        return None
    if source.kind in PACKAGE_KINDS:
        return _package_version(source.what)
    if source.what == PACKAGE and source.kind == "human-eval":
        return _package_version("human_eval")
    if source.kind not in GENERATED_KINDS:
        return dict(_file_digests(Path(source.what)))
    return None


def _package_version(package: str) -> str:
    if package == STANDARD_LIBRARY or package in sys.stdlib_module_names:
        return platform.python_version()
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(package)
    if not names:
        raise UsageError(f"the package {package} is not installed: install it, or take it out of --sources")
    return metadata.version(names[0])


def _file_digests(path: Path) -> Iterator[tuple[str, JsonValue]]:
    for file in files_below(path):
        if file.left_out:
            yield file.name, {"size": file.size, "left_out": file.left_out}
        else:
            facts = file.path.stat()
            digest = _file_digest(file.path, facts.st_size, facts.st_mtime_ns)
            yield shown(str(file.path)), {"size": facts.st_size, "sha256": digest}


@cache
def _file_digest(file: Path, _size: int, _modified_ns: int) -> str:
    # Asked again by every process of the job: size and time make a changed file a new question.
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
