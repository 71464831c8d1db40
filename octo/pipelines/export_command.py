"""`octo export`: a model's artifact as a directory that transformers and vLLM load as it is."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from octo.errors import EXIT_DONE, InputError, UsageError
from octo.lineage import address_of
from octo.model_files import CONFIGURATION, is_of_model, is_weights
from octo.pipelines.settings import StoreSettings
from octo.processes import stoppable
from octo.settings.loading import load
from octo.storage.artifacts import Artifact, Part, open_artifact
from octo.storage.session import open_session
from octo.terminal import Console
from octo.trainings import models_of


class ExportSettings(StoreSettings):
    """Write a model as a directory that transformers and vLLM load as it is, every file verified."""

    address: CliPositionalArg[str]
    """The model's artifact, of a pretrained, midtraining, tuning or rl job: its address, or JOB/DIGEST of which the
    first letters are enough."""
    directory: CliPositionalArg[Path]
    """Where to write it: a directory that is not there yet, or is empty."""
    training: int = Field(default=0, ge=0)
    """Which model of an artifact that holds one for each of several seeds; 0 is the first."""


def export_command(arguments: Sequence[str]) -> int:
    """Write the model's files; nothing is at the place before all of them are."""
    settings = load(ExportSettings, arguments, os.environ)
    check_empty(settings.directory)
    with stoppable("nothing was written"), open_session(settings.store, settings.s3) as session:
        artifact = open_artifact(session.store, address_of(session.store, settings.address))
        parts = model_parts_of(artifact, training=settings.training)
        with appearing(settings.directory) as folder:
            for part in parts:
                artifact.fetch(part, folder / part.name)
    size = sum(part.size for part in parts)
    Console().print(
        f"{settings.directory.resolve()}: {len(parts)} files, {size / 1e6:,.1f} MB: "
        + ", ".join(part.name for part in parts),
        soft_wrap=True,
        highlight=False,
    )
    return EXIT_DONE


def model_parts_of(artifact: Artifact, *, training: int = 0) -> list[Part]:
    """The parts that are the model of a training; InputError when the artifact holds none, UsageError when too few."""
    models = models_of(artifact)
    if training >= len(models):
        raise UsageError(
            f"expected --training of {len(models) - 1} at most, got {training}: {artifact.address} holds "
            f"{len(models)} trainings, and the first is 0"
        )
    parts = [part for part in models[training].parts() if part.index == 0 and is_of_model(part.name)]
    names = {part.name for part in parts}
    if CONFIGURATION not in names or not any(map(is_weights, names)):
        raise InputError(
            f"{artifact.address} holds no model: it is of the job {artifact.manifest.job}; give the address of a "
            "pretrained, midtraining, tuning or rl artifact"
        )
    return parts


def check_empty(directory: Path) -> None:
    """UsageError where something is there that would be written over."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is there and not empty: give a directory that is not there yet, or is empty")


@contextmanager
def appearing(directory: Path) -> Iterator[Path]:
    """A folder to write to that becomes the directory at the end, and is gone if the end is not reached."""
    partial = directory.absolute().with_name(f".{directory.absolute().name}-{secrets.token_hex(4)}")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(directory)
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
