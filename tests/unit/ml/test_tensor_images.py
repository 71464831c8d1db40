"""The bytes of a file that is never written are those of a safetensors file."""

import random

import pytest
import torch
from safetensors.torch import load

from octo.ml.tensor_images import TensorImage, images

TENSORS = {
    "means": torch.arange(12, dtype=torch.float32).reshape(3, 4) / 7,
    "flags": torch.tensor([True, False, True]),
    "halves": torch.linspace(-2, 2, 5, dtype=torch.bfloat16),
    "step": torch.tensor(7.0),
    "ids": torch.tensor([2**40], dtype=torch.int64),
    "turned": torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
    "none": torch.zeros(0, 3),
}


def test_whoever_reads_it_finds_the_tensors() -> None:
    image = TensorImage(TENSORS.items())
    found = load(image.read(0, image.size))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_pieces_of_any_size_are_the_whole(size: int) -> None:
    image = TensorImage(TENSORS.items())
    pieces = [image.read(first, size) for first in range(0, image.size, size)]
    assert b"".join(pieces) == image.read(0, image.size)
    assert {len(piece) for piece in pieces[:-1]} <= {size}
    first = random.randrange(image.size)
    assert image.read(first, size) == image.read(0, image.size)[first : first + size]


def test_many_tensors_are_several_files_and_a_large_one_has_its_own() -> None:
    tensors = {f"t{number}": torch.full((size,), float(number)) for number, size in enumerate((2, 2, 100, 1, 1))}
    files = images(tensors, "model", most_bytes=20)
    assert [*files] == [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    assert [[name for name, _ in image.tensors] for image in files.values()] == [["t0", "t1"], ["t2"], ["t3", "t4"]]
    assert [*images(tensors, "model", most_bytes=1000)] == ["model.safetensors"]
    assert images({}, "model", most_bytes=1000) == {}
