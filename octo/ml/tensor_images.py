"""Files of tensors that are not written: the bytes that a safetensors file would have, of tensors where they are."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from octo.ml.tensor_files import described

_ALIGNMENT = 8
"""Of the numbers' beginning, in bytes, as the format has it."""


def images(tensors: Mapping[str, Tensor], stem: str, *, most_bytes: int) -> "dict[str, TensorImage]":
    """The tensors as one file or several, by the files' names, which begin with the stem; none where there are none.

    A file that would grow beyond `most_bytes` is ended before. A larger tensor has a file to itself.
    """
    shards: list[list[tuple[str, Tensor]]] = []
    size = 0
    for name, tensor in tensors.items():
        if not shards or size + tensor.nbytes > most_bytes:
            shards.append([])
            size = 0
        shards[-1].append((name, tensor))
        size += tensor.nbytes
    if len(shards) == 1:
        return {f"{stem}.safetensors": TensorImage(shards[0])}
    return {
        f"{stem}-{number:05}-of-{len(shards):05}.safetensors": TensorImage(shard)
        for number, shard in enumerate(shards, start=1)
    }


class TensorImage:
    """One such file. It holds the tensors themselves: what they hold when a byte is read is what the byte says."""

    def __init__(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Nothing is copied."""
        # The widest first: so each begins at a multiple of its numbers' size, where readers expect it.
        self.tensors: Sequence[tuple[str, Tensor]] = sorted(tensors, key=lambda pair: -pair[1].element_size())
        starts = [0, *accumulate(tensor.nbytes for _, tensor in self.tensors)]
        header = {
            "__metadata__": {"format": "pt"},
            **{name: described(tensor, start) for (name, tensor), start in zip(self.tensors, starts, strict=False)},
        }
        body = json.dumps(header).encode()
        body = body.ljust(-(-len(body) // _ALIGNMENT) * _ALIGNMENT)
        self._header = len(body).to_bytes(8, "little") + body
        self._starts = [len(self._header) + start for start in starts]
        self.size = self._starts[-1]

    def read(self, first: int, size: int) -> bytes:
        """So many of the file's bytes, from `first` on."""
        return b"".join(self._pieces(first, min(first + size, self.size)))

    def _pieces(self, first: int, end: int) -> Iterator[memoryview]:
        if first < len(self._header):
            yield memoryview(self._header)[first:end]
        place = max(0, bisect_right(self._starts, first) - 1)
        while place < len(self.tensors) and self._starts[place] < end:
            start = self._starts[place]
            numbers = self.tensors[place][1].detach().reshape(-1).view(torch.uint8)
            # Of a tensor elsewhere no more is brought here than is asked for.
            body: Any = numbers[max(0, first - start) : end - start].cpu().numpy()
            yield memoryview(body)
            place += 1
