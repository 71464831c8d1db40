"""The learner's weights as one file with a digest, which every completion names."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from octo.ml.tensor_files import write_tensor_file


@dataclass(frozen=True)
class Weights:
    """A safetensors file and its sha256."""

    path: Path
    digest: str


def write_weights(tensors: Iterable[tuple[str, Tensor]], path: Path) -> Weights:
    """Write the tensors in place of what is there. The same tensors make the same bytes."""
    write_tensor_file(tensors, path)
    with path.open("rb") as file:
        return Weights(path, hashlib.file_digest(file, "sha256").hexdigest())
