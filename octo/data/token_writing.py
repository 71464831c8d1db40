"""Writing one source's packed sequences: parts of a stated size, and beside each the slices that lead to documents."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from octo.data.packed import RecordFormat
from octo.data.packing import Slice
from octo.data.token_shards import part_name, record_key

SLICES = pa.schema(
    [
        ("sequence", pa.int64()),
        ("offset", pa.int32()),
        ("length", pa.int32()),
        ("document", pa.string()),
        ("document_offset", pa.int64()),
    ]
)
"""A row per slice: the part's tokens[sequence, offset : offset + length] are the document's from document_offset on."""
ROW_GROUP_ROWS = 50_000


class SourceWriter:
    """Takes sequences one by one and holds none of them. What it has written is whole after `close`."""

    def __init__(
        self, folder: Path, *, index: int, source: str, record_format: RecordFormat, padding: int, part_bytes: int
    ) -> None:
        """Writes nothing yet.

        Args:
            folder: where the files go, under the names of the parts.
            index: of the artifact; part of the records' keys.
            source: whose sequences they are.
            record_format: of the records.
            padding: token that fills sequences up.
            part_bytes: a part ends before it would be larger; it holds one record at least.
        """
        self._folder = folder
        self._index = index
        self._source = source
        self._format = record_format
        self._padding = padding
        self._part_rows = max(1, part_bytes // record_format.record_bytes)
        self._file: BinaryIO | None = None
        self._table: pq.ParquetWriter | None = None
        self._slices: list[tuple[int, int, int, str, int]] = []
        self.parts: dict[str, Path] = {}
        """Files by name of the part."""
        self.rows: dict[str, int] = {}
        """Sequences, or slices, of each."""
        self._tokens_name = self._slices_name = ""

    def write(self, sequence: Sequence[Slice]) -> None:
        """Add a sequence."""
        if self._file is None or self.rows[self._tokens_name] == self._part_rows:
            self.close()
            self._file = self._begin()
        row, offset = self.rows[self._tokens_name], 0
        self._file.write(
            self._format.encode(
                [piece.tokens for piece in sequence],
                padding=self._padding,
                key=record_key(self._index, self._tokens_name),
                row=row,
            )
        )
        self.rows[self._tokens_name] += 1
        for piece in sequence:
            length = len(piece.tokens)
            self._slices.append((row, offset, length, piece.document, piece.document_offset))
            offset += length
        if len(self._slices) >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """End the part that is being written, if one is."""
        if self._file is not None and self._table is not None:
            self._flush()
            self._file.close()
            self._table.close()
            self._file = self._table = None

    def _begin(self) -> BinaryIO:
        number = len(self.parts) // 2
        self._tokens_name = part_name("tokens", self._source, number, "bin")
        self._slices_name = part_name("slices", self._source, number, "parquet")
        for name in (self._tokens_name, self._slices_name):
            self.parts[name], self.rows[name] = self._folder / name, 0
        self._table = pq.ParquetWriter(self.parts[self._slices_name], SLICES, compression="zstd")
        return self.parts[self._tokens_name].open("wb")

    def _flush(self) -> None:
        if self._slices and self._table is not None:
            columns = zip(*self._slices, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SLICES, strict=True)]
            self._table.write_table(pa.table(arrays, schema=SLICES))
            self.rows[self._slices_name] += len(self._slices)
            self._slices.clear()
