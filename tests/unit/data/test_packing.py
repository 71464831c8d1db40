import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from octo.data.packing import Packer, Slice, pack

LENGTHS = st.lists(st.integers(min_value=1, max_value=50), max_size=60)


def documents(lengths: list[int]) -> list[Slice]:
    starts = np.cumsum([0, *lengths])
    return [
        Slice(str(number), 0, np.arange(starts[number], starts[number] + length, dtype=np.uint16))
        for number, length in enumerate(lengths)
    ]


def packed(lengths: list[int], *, sequence_length: int = 16, num_open: int = 4) -> list[list[Slice]]:
    return list(pack(documents(lengths), sequence_length=sequence_length, num_open=num_open))


@given(LENGTHS, st.integers(min_value=2, max_value=40), st.integers(min_value=1, max_value=8))
def test_every_token_is_in_exactly_one_sequence(lengths: list[int], sequence_length: int, num_open: int) -> None:
    sequences = packed(lengths, sequence_length=sequence_length, num_open=num_open)
    tokens = np.concatenate([piece.tokens for sequence in sequences for piece in sequence] or [np.array([])])
    assert sorted(tokens) == list(range(sum(lengths)))
    assert all(0 < sum(len(piece.tokens) for piece in sequence) <= sequence_length for sequence in sequences)


@given(LENGTHS)
def test_a_slice_says_where_in_its_document_it_begins(lengths: list[int]) -> None:
    whole = documents(lengths)
    for sequence in packed(lengths):
        for piece in sequence:
            document = whole[int(piece.document)].tokens
            cut = document[piece.document_offset : piece.document_offset + len(piece.tokens)]
            assert (cut == piece.tokens).all()


@given(LENGTHS)
def test_a_document_that_fits_is_never_cut(lengths: list[int]) -> None:
    for sequence in packed(lengths):
        for piece in sequence:
            if lengths[int(piece.document)] <= 16:
                assert len(piece.tokens) == lengths[int(piece.document)]


@given(LENGTHS)
def test_padding_remains_only_when_no_long_document_is_there(lengths: list[int]) -> None:
    sequences = packed([16 * 70, *lengths])
    assert sum(sum(len(piece.tokens) for piece in sequence) < 16 for sequence in sequences) <= 1


def test_a_document_of_many_sequences_is_cut_at_once_and_not_held() -> None:
    packer = Packer(16, num_open=4)
    ready = packer.put(Slice("book", 0, np.arange(16 * 1000 + 5, dtype=np.uint16)))
    left = list(packer.finish())
    assert len(ready) + len(left) == 1001
    assert len(left) <= 5


def test_a_document_goes_where_it_fits_best() -> None:
    sequences = packed([10, 13, 3, 6])
    assert [[piece.document for piece in sequence] for sequence in sequences] == [["1", "2"], ["0", "3"]]
