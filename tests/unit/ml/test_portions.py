"""What all ranks have is saved once, a share by each."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from octo.ml.saving.copies import HostCopies
from octo.ml.saving.portions import dealt


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 5))
def test_each_tensor_is_one_ranks(sizes: list[int], ranks: int) -> None:
    tensors = {f"t{number}": torch.zeros(size) for number, size in enumerate(sizes)}
    shares = [dealt(tensors, ranks=ranks, rank=rank) for rank in range(ranks)]
    assert sorted(name for share in shares for name in share) == sorted(tensors)
    bytes_of = [sum(each.nbytes for each in share.values()) for share in shares]
    assert max(bytes_of) - min(bytes_of) <= 4 * max(sizes, default=0)


def test_a_copy_stays_as_it_was_and_the_next_takes_its_room() -> None:
    tensors = {"a": torch.ones(5), "b": torch.tensor(3.0, dtype=torch.bfloat16)}
    copies = HostCopies()
    first = copies.copy(tensors)
    places = {name: each.data_ptr() for name, each in first.items()}
    tensors["a"].fill_(2)
    assert first["a"].tolist() == [1] * 5
    second = copies.copy(tensors)
    assert second["a"].tolist() == [2] * 5
    assert {name: each.data_ptr() for name, each in second.items()} == places
    tensors["a"] = torch.ones(6)
    assert copies.copy(tensors)["a"].tolist() == [1] * 6


@pytest.mark.parametrize("value", [float("nan"), 1.5])
def test_a_copy_is_of_the_bits(value: float) -> None:
    tensor = torch.full((3,), value, dtype=torch.float32)
    copied = HostCopies().copy({"a": tensor})["a"]
    assert torch.equal(copied.view(torch.int32), tensor.view(torch.int32))
