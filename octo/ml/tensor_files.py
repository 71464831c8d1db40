"""Tensors in safetensors files: written one at a time, without holding them, and split where a file grows too large.

The room for a file's header is reserved before its size is known, and filled up with spaces, as the format allows.
"""

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from octo.errors import InputError, InvariantError
from octo.ml.numbers import first_without_numbers
from octo.model_files import WEIGHTS, WEIGHTS_INDEX, parse_object

SHARD_BYTES = 4 << 30
HEADER_BYTES = 1 << 18
"""Of the header, its length included: room for some 1,700 tensors. More of them go on in another file."""

_LARGEST_HEADER = 100_000_000
"""What readers of the format allow."""
_BLOCK = 1 << 22
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL"), 8),
    "F4": 4,
}
_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_tensors(
    tensors: Iterable[tuple[str, Tensor]], folder: Path, *, shard_bytes: int = SHARD_BYTES
) -> dict[str, Path]:
    """Write tensors as transformers and vLLM look for them; the files by their names, none where there are no tensors.

    One tensor at a time is in memory. The same tensors in the same order make the same bytes.

    Args:
        tensors: by name, of any device.
        folder: an empty one.
        shard_bytes: a file that would grow beyond is ended before. A larger tensor has a file to itself.
    """
    shards: list[_Shard] = []
    for name, tensor in tensors:
        if not (shards and shards[-1].has_room_for(name, tensor, shard_bytes)):
            if shards:
                shards[-1].close()
            shards.append(_Shard(folder / f"shard-{len(shards)}"))
        shards[-1].append(name, tensor)
    if not shards:
        return {}
    shards[-1].close()
    if len(shards) == 1:
        return {WEIGHTS: shards[0].path.rename(folder / WEIGHTS)}
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    index = {
        "metadata": {"total_size": sum(shard.size for shard in shards)},
        "weight_map": {name: file for file, shard in zip(names, shards, strict=True) for name in shard.names},
    }
    (folder / WEIGHTS_INDEX).write_text(json.dumps(index, indent=1))
    files = {file: shard.path.rename(folder / file) for file, shard in zip(names, shards, strict=True)}
    return {**files, WEIGHTS_INDEX: folder / WEIGHTS_INDEX}


def write_tensor_file(tensors: Iterable[tuple[str, Tensor]], path: Path) -> None:
    """Write tensors into one file, in place of what is there, one of them in memory."""
    shard = _Shard(path)
    for name, tensor in tensors:
        if not shard.has_room_for(name, tensor):
            raise InvariantError(f"{name} does not fit behind the {len(shard.names)} tensors before it in one file")
        shard.append(name, tensor)
    shard.close()


def read_tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a file, one at a time. SafetensorError when it is none of safetensors."""
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            yield name, file.get_tensor(name)


@dataclass(frozen=True)
class TensorEntry:
    """What a header says of a tensor."""

    dtype: str
    """As the format calls it, such as BF16."""
    shape: tuple[int, ...]
    first: int
    """Its place among the numbers, in bytes."""
    end: int


@dataclass(frozen=True)
class TensorHeader:
    """What a file's header says, and where the numbers begin."""

    entries: Mapping[str, TensorEntry]
    start: int


def read_header(path: Path) -> TensorHeader:
    """A file's header, compared with the file's size; no tensor is read.

    Raises:
        InputError: it is no safetensors file, or cut short, or its tensors are not side by side.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
            raise InputError(f"{path.name} is no safetensors file, or was cut short within its header: fetch it again")
        body = file.read(length)
    try:
        entries = {
            name: _entry(each)
            for name, each in parse_object(body, f"the header of {path.name}").items()
            if name != "__metadata__"
        }
        bits = {name: _BITS[each.dtype] * math.prod(each.shape) for name, each in entries.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path.name} is no safetensors file: its header cannot be read ({error!r:.200}): fetch it again"
        ) from error
    end = 0
    for name, each in sorted(entries.items(), key=lambda item: (item[1].first, item[1].end)):
        if each.first != end or 8 * (each.end - each.first) != bits[name]:
            raise InputError(
                f"{path.name} is damaged: its header has {name} at bytes {each.first} to {each.end}, expected "
                f"{end} to {end + bits[name] // 8}"
            )
        end = each.end
    if size != 8 + length + end:
        what = "was cut short" if size < 8 + length + end else "has something behind its end"
        raise InputError(f"{path.name} {what}: it has {size} bytes, expected {8 + length + end}: fetch it again")
    return TensorHeader(entries, 8 + length)


def _entry(raw: Mapping[str, Any]) -> TensorEntry:
    shape, (first, end) = raw["shape"], raw["data_offsets"]
    if not all(type(each) is int and each >= 0 for each in (*shape, first, end)):
        raise ValueError(f"expected whole numbers for shapes and places, got {shape} and {first}, {end}")
    return TensorEntry(raw["dtype"], tuple(shape), first, end)


def rename_tensors(source: Path, target: Path, rename: Callable[[str], str]) -> None:
    """Copy a file with its tensors under other names; their numbers are copied as they are, in blocks."""
    header = read_header(source)
    entries = {
        rename(name): {"dtype": each.dtype, "shape": list(each.shape), "data_offsets": [each.first, each.end]}
        for name, each in header.entries.items()
    }
    body = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    body = body.ljust(-8 * (-len(body) // 8))
    with source.open("rb") as reading, target.open("wb") as writing:
        writing.write(len(body).to_bytes(8, "little") + body)
        reading.seek(header.start)
        shutil.copyfileobj(reading, writing, _BLOCK)


class StoredTensors(Mapping[str, Tensor]):
    """The tensors of some files by name, each of them read when it is looked up."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Read the files' headers. SafetensorError where a file is none of safetensors."""
        self._files: dict[str, Any] = {}
        for path in paths:
            file: Any = safe_open(path, framework="pt")
            self._files.update(dict.fromkeys(file.keys(), file))

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._files[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def described(tensor: Tensor, first: int) -> dict[str, object]:
    """What a header says of a tensor whose numbers begin at that byte of them."""
    return {
        "dtype": _DTYPES[tensor.dtype],
        "shape": list(tensor.shape),
        "data_offsets": [first, first + tensor.nbytes],
    }


class _Shard:
    """A safetensors file while it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
        self._header_bytes = len(json.dumps(self._entries))
        self._file = path.open("wb")
        self._file.seek(HEADER_BYTES)

    @property
    def names(self) -> list[str]:
        """Of its tensors."""
        return [name for name in self._entries if name != "__metadata__"]

    def has_room_for(self, name: str, tensor: Tensor, shard_bytes: int = sys.maxsize) -> bool:
        """Whether the tensor can be appended; readers expect it at a multiple of its numbers' size."""
        return (
            self.size + tensor.nbytes <= shard_bytes
            and self.size % tensor.element_size() == 0
            and self._header_bytes + len(self._entry(name, tensor)) + 8 <= HEADER_BYTES
        )

    def append(self, name: str, tensor: Tensor) -> None:
        """Write a tensor's numbers; InvariantError where they are none."""
        if first_without_numbers([(name, tensor)]):
            raise InvariantError(f"{name} is to be written and holds a NaN or an infinity: lower --learning-rate")
        self._header_bytes += len(self._entry(name, tensor))
        self._entries[name] = described(tensor, self.size)
        plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        # numpy's own way to write tells nothing of a disk that is full.
        self._file.write(plain.numpy().data)
        self.size += tensor.nbytes

    def close(self) -> None:
        """Write the header."""
        body = json.dumps(self._entries).encode().ljust(HEADER_BYTES - 8)
        self._file.seek(0)
        self._file.write(len(body).to_bytes(8, "little") + body)
        self._file.close()

    def _entry(self, name: str, tensor: Tensor) -> str:
        return json.dumps({name: described(tensor, self.size)})
