"""Lines, or paragraphs, that several documents share: which are taken out of a document, and what for.

The law. Documents have the order of near matches (`near.order_of`). A line is told from others by its form for
comparing (`normal_forms`), so that white space and case do not count. One that at least `min_documents` documents have
is taken out of all of them but the first; in that one it stays, as often as it is there. So what stays depends on the
documents alone, and the witness of every line that went is the document in which it stays.

Here are the steps of that as functions; `line_search` carries what they leave through the store.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.documents import Document
from octo.data.near import order_of
from octo.data.normal_forms import comparable
from octo.settings.lines import LineSettings

LINE = np.dtype([("line", "<u8"), ("order", "<u8"), ("document", "V32"), ("row", "<u4")])
"""A line of a document: the hash of its form, and the document's order, id and row in its shard."""
TAKEN = np.dtype([("row", "<u4"), ("line", "<u8"), ("witness", "V32")])
"""A row of a shard, the hash of a line to take out of it, and the id of the document in which the line stays."""

_FIRST = np.dtype([("line", "<u8"), ("order", "<u8"), ("document", "V32"), ("documents", "<i8")])
_COMPACTED_ROWS = 1 << 16
_PARAGRAPHS = re.compile(r"(\n(?:[^\S\n]*\n)+)")


class Cut(NamedTuple):
    """A line that was taken out of a document."""

    id: str
    """Of the document that lost it, as it was before."""
    witness: str
    """Of the document in which it stays."""
    excerpt: str
    """Its beginning, at most 200 characters."""


def lines_of(
    rows: Iterable[tuple[int, Document]], settings: LineSettings, *, unfiltered: frozenset[str]
) -> NDArray[np.void]:
    """The lines of documents, each once for a document."""
    found: list[tuple[int, int, bytes, int]] = []
    for row, document in rows:
        order = order_of(document.id, filtered=document.source not in unfiltered)
        own = bytes.fromhex(document.id)
        marks = {mark for _, mark in _marked(document.text, settings) if mark is not None}
        found += [(mark, order, own, row) for mark in marks]
    return np.array(found, LINE)


class Firsts:
    """The first document of every line and how many have it, of lines that come shard by shard.

    As many are held as there are different lines, and as many again that came last.
    """

    def __init__(self) -> None:
        self._table = np.empty(0, _FIRST)
        self._new: list[NDArray[np.void]] = []
        self._num_new = 0

    def add(self, lines: NDArray[np.void]) -> None:
        """Take the lines of one shard into account."""
        rows = np.empty(len(lines), _FIRST)
        for name in ("line", "order", "document"):
            rows[name] = lines[name]
        rows["documents"] = 1
        self._new.append(rows)
        self._num_new += len(rows)
        if self._num_new > max(len(self._table), _COMPACTED_ROWS):
            self._compact()

    def shared(self, min_documents: int) -> NDArray[np.void]:
        """The first documents of lines that so many documents have, by line."""
        self._compact()
        return self._table[self._table["documents"] >= min_documents]

    def _compact(self) -> None:
        rows = np.concatenate([self._table, *self._new])
        rows = rows[np.lexsort((rows["order"], rows["line"]))]
        starts = np.flatnonzero(np.concatenate([[True], rows["line"][1:] != rows["line"][:-1]])[: len(rows)])
        table = rows[starts]
        if len(starts):
            table["documents"] = np.add.reduceat(rows["documents"], starts)
        self._table, self._new, self._num_new = table, [], 0


def taken(firsts: NDArray[np.void], lines: NDArray[np.void]) -> NDArray[np.void]:
    """Which lines of one shard are taken out: those that are shared and have their first document elsewhere."""
    if not len(firsts):
        return np.empty(0, TAKEN)
    at = np.minimum(np.searchsorted(firsts["line"], lines["line"]), len(firsts) - 1)
    goes = (firsts["line"][at] == lines["line"]) & (firsts["document"][at] != lines["document"])
    found = np.empty(int(goes.sum()), TAKEN)
    found["row"], found["line"], found["witness"] = (
        lines["row"][goes],
        lines["line"][goes],
        firsts["document"][at[goes]],
    )
    return found


def without_lines(text: str, gone: Mapping[int, str], settings: LineSettings) -> tuple[str, list[tuple[str, str]]]:
    """The text without these lines, by their hashes, and each that went, with what the hash stands for here."""
    kept, cut = [], []
    for piece, mark in _marked(text, settings):
        if mark is not None and mark in gone:
            cut.append((piece, gone[mark]))
        else:
            kept.append(piece)
    return (_joined(kept, settings) if cut else text), cut


def _marked(text: str, settings: LineSettings) -> Iterator[tuple[str, int | None]]:
    """The lines of a text and what stands between them, each with the hash of its form; None where it stays anyway."""
    pieces = text.split("\n") if settings.unit == "lines" else _PARAGRAPHS.split(text)
    for piece in pieces:
        form = comparable(piece)
        counts = form.count(" ") + 1 >= settings.min_words and form
        yield piece, (_hash(form) if counts else None)


def _joined(pieces: list[str], settings: LineSettings) -> str:
    if settings.unit == "lines":
        return "\n".join(pieces)
    # Where a paragraph went, what stood before it and behind it meets.
    kept = [piece for at, piece in enumerate(pieces) if piece.strip() or (at and pieces[at - 1].strip())]
    return "".join(kept).strip("\n")


def _hash(form: str) -> int:
    return int.from_bytes(blake2b(form.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
