"""Exact deduplication by content digest, whose result does not depend on shards, order or workers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple


class Copy(NamedTuple):
    """One document among those with the same text; the smallest copy of a text stays."""

    filtered: bool
    """Whether the quality rules apply. Copies that skip them come first: no rule drops a text one source keeps."""
    source: str
    url: str
    date: str
    metadata: str
    shard: int
    row: int
    """Where it lies. It decides only between rows that are equal in every column, which changes nothing kept."""


def duplicates(copies: Iterable[tuple[str, Copy]]) -> Mapping[int, frozenset[int]]:
    """For each shard, the rows whose text another document keeps.

    Args:
        copies: (document id, copy) of every document of every shard, in any order.
    """
    kept: dict[str, Copy] = {}
    lost: dict[int, set[int]] = {}
    for document_id, copy in copies:
        other = kept.setdefault(document_id, copy)
        if other is not copy:
            kept[document_id], loser = min(copy, other), max(copy, other)
            lost.setdefault(loser.shard, set()).add(loser.row)
    return {shard: frozenset(rows) for shard, rows in lost.items()}


def copies_of(
    rows: Iterable[tuple[str, ...]], *, shard: int, unfiltered: Collection[str]
) -> Iterator[tuple[str, Copy]]:
    """The copies in one shard, of its columns (id, source, url, date, metadata)."""
    for row, (document_id, source, url, date, metadata) in enumerate(rows):
        yield document_id, Copy(source not in unfiltered, source, url, date, metadata, shard, row)
