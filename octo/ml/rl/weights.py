"""The learner's weights as one file with a digest, which every completion names."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


@dataclass(frozen=True)
class Weights:
    """A safetensors file and its sha256."""

    path: Path
    digest: str


def write_weights(tensors: Mapping[str, Tensor], path: Path) -> Weights:
    """Write the tensors in place of what is there. The same tensors make the same bytes."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    with path.open("rb") as file:
        return Weights(path, hashlib.file_digest(file, "sha256").hexdigest())
