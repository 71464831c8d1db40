import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from octo.ml.partitions import own_share, ranks_needed, share_size


def dealt(whole: torch.Tensor, ranks: int) -> list[dict[str, torch.Tensor]]:
    size = share_size(len(whole), ranks)
    padded = torch.cat([whole, torch.zeros(size * ranks - len(whole))])
    return [{"0.weights": share, "0.step": torch.tensor(7.0)} for share in padded.split(size)]


@pytest.mark.parametrize(("ranks", "size"), [(1, 3370), (2, 1686), (3, 1124)])
def test_a_share_is_as_large_as_deepspeed_makes_it(ranks: int, size: int) -> None:
    assert share_size(3370, ranks) == size


@given(st.integers(1, 200), st.integers(1, 9), st.integers(1, 9))
def test_partitions_are_dealt_again_without_loss(num_weights: int, saved_by: int, ranks: int) -> None:
    whole = torch.arange(1.0, num_weights + 1)
    saved, expected = dealt(whole, saved_by), dealt(whole, ranks)
    for rank in range(ranks):
        needed = ranks_needed(num_weights, saved_by=saved_by, rank=rank, ranks=ranks)
        partitions = {each: saved[each] for each in needed}
        for name in expected[rank]:
            found = own_share(partitions, name, num_weights, saved_by=saved_by, rank=rank, ranks=ranks)
            assert torch.equal(found, expected[rank][name])


def test_only_the_partitions_that_overlap_are_needed() -> None:
    assert [list(ranks_needed(800, saved_by=8, rank=rank, ranks=2)) for rank in (0, 1)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert list(ranks_needed(800, saved_by=2, rank=5, ranks=8)) == [1]
