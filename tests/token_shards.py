"""Token shards for tests, written as tokenization writes them, of random tokens."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from octo.data.packed import RecordFormat
from octo.data.packing import Slice
from octo.data.token_shards import PACKING
from octo.data.token_writing import SourceWriter
from octo.data.tokenizer import TextTokenizer, train
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

VOCABULARY_SIZE = 48


def commit_tokens(
    store: Store,
    folder: Path,
    sequences: Mapping[str, Sequence[int]],
    *,
    length: int = 16,
    vocabulary_size: int = VOCABULARY_SIZE,
    tokenizer: TextTokenizer | None = None,
    part_bytes: int = 1 << 20,
    seed: int = 3,
) -> Artifact:
    """A tokenization artifact with so many sequences of each source in each index, of two documents each."""
    random = np.random.default_rng(seed)
    written = RecordFormat(length, "uint16")
    indexes: list[dict[str, bytes]] = []
    rows: list[dict[str, int]] = []
    for index in range(max(map(len, sequences.values()))):
        parts: dict[str, bytes] = {}
        counts: dict[str, int] = {}
        here = folder / str(index)
        here.mkdir(parents=True)
        for source, numbers in sequences.items():
            writer = SourceWriter(
                here, index=index, source=source, record_format=written, padding=1, part_bytes=part_bytes
            )
            for number in range(numbers[index] if index < len(numbers) else 0):
                cut = int(random.integers(1, length - 1))
                tokens = random.integers(2, VOCABULARY_SIZE, length - number % 2).astype(np.uint16)
                writer.write([Slice("a", 0, tokens[:cut]), Slice("b", 0, tokens[cut:])])
            writer.close()
            parts |= {name: path.read_bytes() for name, path in writer.parts.items()}
            counts |= writer.rows
        indexes.append(parts)
        rows.append(counts)
    packing = {"sequence_length": length, "dtype": "uint16", "vocabulary_size": vocabulary_size}
    indexes[0] |= {**(tokenizer or train([""], vocabulary_size=0)).files, PACKING: json.dumps(packing).encode()}
    return commit(store, indexes, job="tokenization", rows=rows)
