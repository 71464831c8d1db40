"""The software that a checkpoint was saved by: a training goes on with the same, whose sums are rounded alike."""

from collections.abc import Mapping
from importlib import metadata

from octo.errors import UsageError
from octo.storage.checkpoints import Checkpoint

ROUNDING = ("torch", "transformers", "deepspeed")
"""Packages that compute: another version of one may round otherwise, and what a training comes to has one digest."""


def software() -> dict[str, str]:
    """Versions of what saves a checkpoint here."""
    return {name: metadata.version(name) for name in (*ROUNDING, "safetensors")}


def check_software(checkpoint: Checkpoint, here: Mapping[str, str], *, place: str) -> None:
    """UsageError where a checkpoint was saved by other versions than those here; `place` is what holds it."""
    for name in ROUNDING:
        if (saved_by := checkpoint.versions.get(name, "another")) != here[name]:
            raise UsageError(
                f"the checkpoint of step {checkpoint.step} was saved with {name} {saved_by}, and this is {here[name]}, "
                f"which may round otherwise: go on with {name} {saved_by}, or delete {place} to begin anew"
            )
