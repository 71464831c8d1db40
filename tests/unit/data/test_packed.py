import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.packed import PADDING_SLICE, RecordFormat
from octo.errors import IntegrityError

SLICES = st.lists(st.integers(min_value=1, max_value=9), max_size=4)


@given(st.lists(SLICES, min_size=1, max_size=4), st.sampled_from(["uint16", "uint32"]))
def test_a_record_gives_back_tokens_slices_and_positions(sequences: list[list[int]], dtype) -> None:
    written = RecordFormat(37, dtype)
    highest = np.iinfo(dtype).max
    body = b"".join(
        written.encode(
            [np.arange(highest - length + 1, highest + 1) for length in lengths], padding=5, key="k", row=row
        )
        for row, lengths in enumerate(sequences)
    )
    assert len(body) == len(sequences) * written.record_bytes
    read = written.decode(body)
    for row, lengths in enumerate(sequences):
        rest = 37 - sum(lengths)
        tokens = [token for length in lengths for token in range(highest - length + 1, highest + 1)]
        assert read.tokens_NS[row].tolist() == [*tokens, *[5] * rest]
        labels = [label for label, length in enumerate(lengths) for _ in range(length)]
        assert read.slices_NS[row].tolist() == [*labels, *[PADDING_SLICE] * rest]
        assert read.positions_NS[row].tolist() == [place for length in lengths for place in range(length)] + [0] * rest


def test_a_record_is_verified_alone_with_its_place() -> None:
    written = RecordFormat(16, "uint16")
    record = written.encode([np.arange(9)], padding=0, key="0/tokens-web-00000.bin", row=3)
    written.check(record, key="0/tokens-web-00000.bin", row=3)
    damaged = bytearray(record)
    damaged[-1] ^= 1
    for body, key, row in (
        (bytes(damaged), "0/tokens-web-00000.bin", 3),
        (record[:-1], "0/tokens-web-00000.bin", 3),
        (record, "0/tokens-web-00000.bin", 4),
        (record, "1/tokens-web-00000.bin", 3),
    ):
        with pytest.raises(IntegrityError, match=f"{key}: the record of sequence {row} is not the one"):
            written.check(body, key=key, row=row)


def test_a_token_is_stored_in_as_few_bytes_as_the_format_says() -> None:
    assert RecordFormat(8192, "uint16").record_bytes == 32 + 4 + 1024 + 2 * 8192
    assert RecordFormat(8192, "uint32").record_bytes == 32 + 4 + 1024 + 4 * 8192
