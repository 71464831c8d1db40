"""Packed sequences as a trainer reads them: tokens, and to which document's slice each token belongs."""

import io
import json
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from octo.data.tokenizer import Tokens, dtype_of
from octo.errors import InputError
from octo.storage.artifacts import Artifact

PADDING_SLICE = -1
"""The slice number of tokens that only fill a sequence up."""


@dataclass(frozen=True)
class PackedTokens:
    """The sequences of a tokenization artifact, N of them with S tokens each."""

    tokens_NS: Tokens
    slices_NS: NDArray[np.int32]
    """Which slice of its sequence a token belongs to, from 0; PADDING_SLICE where there is none."""
    positions_NS: NDArray[np.int32]
    """The token's place in its slice, from 0."""
    vocabulary_size: int

    @property
    def num_sequences(self) -> int:
        """N."""
        return len(self.tokens_NS)

    @property
    def sequence_length(self) -> int:
        """S."""
        return int(self.tokens_NS.shape[1])


def read_packed(artifact: Artifact) -> PackedTokens:
    """All sequences of a tokenization artifact."""
    mixture = json.loads(artifact.read_one("mixture.json"))
    length = mixture["sequence_length"]
    tokens = np.frombuffer(artifact.read_one("tokens.bin"), dtype=dtype_of(mixture["vocabulary_size"]))
    if len(tokens) != mixture["sequences"] * length:
        raise InputError(f"{artifact.address} holds {len(tokens)} tokens, expected {mixture['sequences']} x {length}")
    boundaries = pq.read_table(
        io.BytesIO(artifact.read_one("boundaries.parquet")), columns=["sequence", "offset", "length"]
    )
    rows, offsets, lengths = (boundaries[name].to_numpy() for name in ("sequence", "offset", "length"))
    slices, positions = label_slices(rows, offsets, lengths, num_sequences=mixture["sequences"], sequence_length=length)
    return PackedTokens(tokens.reshape(-1, length), slices, positions, mixture["vocabulary_size"])


def label_slices(
    rows: NDArray[np.int64],
    offsets: NDArray[np.int32],
    lengths: NDArray[np.int32],
    *,
    num_sequences: int,
    sequence_length: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For every token the number of its slice within the sequence, and its place in the slice."""
    slices = np.full((num_sequences, sequence_length), PADDING_SLICE, dtype=np.int32)
    positions = np.zeros((num_sequences, sequence_length), dtype=np.int32)
    counts = np.zeros(num_sequences, dtype=np.int32)
    for row, offset, length in zip(rows.tolist(), offsets.tolist(), lengths.tolist(), strict=True):
        slices[row, offset : offset + length] = counts[row]
        positions[row, offset : offset + length] = np.arange(length)
        counts[row] += 1
    return slices, positions
