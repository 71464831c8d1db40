"""Packed sequences as records of one size, so that any of them can be read, and verified, alone.

A record is the digest of the rest, the number of tokens used, a bit for each token that begins a slice of a document,
and the tokens in 16 or 32 bits, all little-endian. The digest covers the record's key and row too: bytes that are
whole and stand somewhere else are as wrong as damaged ones.

Axes: N sequences, S tokens of a sequence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from octo.errors import IntegrityError

PADDING_SLICE = -1
"""The slice number of tokens that only fill a sequence up."""

Tokens = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True)
class PackedSequences:
    """N sequences of S tokens each."""

    tokens_NS: NDArray[np.int64]
    slices_NS: NDArray[np.int64]
    """Which slice of its sequence a token belongs to, from 0; PADDING_SLICE where there is none."""
    positions_NS: NDArray[np.int64]
    """The token's place in its slice, from 0."""


@dataclass(frozen=True)
class RecordFormat:
    """How long a sequence is, and in what its tokens are written."""

    sequence_length: int
    dtype: Literal["uint16", "uint32"]

    @property
    def record_bytes(self) -> int:
        """Size of one record."""
        return int(self._layout.itemsize)

    def encode(self, slices: Iterable[Tokens], *, padding: int, key: str, row: int) -> bytes:
        """A record of these slices, which are no longer than a sequence together.

        Args:
            slices: runs of tokens, of a document each.
            padding: the token that stands where the slices leave room.
            key: name of what holds the record.
            row: its place there.
        """
        record = np.zeros((), dtype=self._layout)
        tokens_S = np.full(self.sequence_length, padding, dtype=self.dtype)
        begins_S = np.zeros(self.sequence_length, dtype=np.uint8)
        used = 0
        for tokens in slices:
            begins_S[used] = 1
            tokens_S[used : used + len(tokens)] = tokens
            used += len(tokens)
        record["used"], record["tokens"] = used, tokens_S
        record["begins"] = np.packbits(begins_S, bitorder="little")
        record["digest"] = np.frombuffer(_digest(record.tobytes(), key, row), dtype=np.uint8)
        return record.tobytes()

    def check(self, record: bytes, *, key: str, row: int) -> None:
        """IntegrityError unless this is the record that was written there."""
        if len(record) != self.record_bytes or record[:_DIGEST_BYTES] != _digest(record, key, row):
            raise IntegrityError(f"{key}: the record of sequence {row} is not the one that was written")

    def decode(self, body: bytes) -> PackedSequences:
        """The sequences of records one after another; S is the same for all."""
        records_N = np.frombuffer(body, dtype=self._layout)
        columns_S = np.arange(self.sequence_length)
        begins_NS = np.unpackbits(records_N["begins"], axis=1, count=self.sequence_length, bitorder="little").astype(
            np.bool
        )
        padding_NS = columns_S >= records_N["used"][:, None]
        slices_NS = np.cumsum(begins_NS, axis=1) - 1
        positions_NS = columns_S - np.maximum.accumulate(np.where(begins_NS, columns_S, 0), axis=1)
        slices_NS[padding_NS], positions_NS[padding_NS] = PADDING_SLICE, 0
        return PackedSequences(records_N["tokens"].astype(np.int64), slices_NS, positions_NS)

    @cached_property
    def _layout(self) -> np.dtype[np.void]:
        return np.dtype(
            [
                ("digest", np.uint8, (_DIGEST_BYTES,)),
                ("used", "<u4"),
                ("begins", np.uint8, (-(-self.sequence_length // 8),)),
                ("tokens", np.dtype(self.dtype).newbyteorder("<"), (self.sequence_length,)),
            ]
        )


_DIGEST_BYTES = 32


def _digest(record: bytes, key: str, row: int) -> bytes:
    return sha256(f"{key}:{row}:".encode() + record[_DIGEST_BYTES:]).digest()
