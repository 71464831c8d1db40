"""Becoming what a training was at a checkpoint."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError

from octo.errors import InputError, IntegrityError, MissingError
from octo.job import Job
from octo.ml.engine import Engine
from octo.ml.saving.portions import STATE, WEIGHTS, optimizer_of
from octo.ml.tensor_files import StoredTensors
from octo.settings.base import JobSettings
from octo.storage.checkpoints import Checkpoint, CheckpointFile, fetch
from octo.storage.store import Store

S = TypeVar("S", bound=JobSettings)

_FILES_AT_ONCE = 2


def restored(
    job: Job[S], engine: Engine, checkpoint: Checkpoint, attempted: Callable[[Callable[[], object]], str]
) -> dict[str, Any] | str:
    """The state that was saved, once every rank has its files and has become what they say; else why one has not.

    Args:
        job: in whose scratch folder the files are meanwhile.
        engine: what becomes it, only when every rank has all of its files.
        checkpoint: one that these ranks can use.
        attempted: says what went wrong with something on any rank, on every rank.
    """
    folder = job.scratch / f"restored-{checkpoint.step}"
    folder.mkdir()
    try:
        problem = attempted(partial(_fetch, job.store, checkpoint, engine, folder))
        if problem:
            return problem
        saved_by = checkpoint.world_size
        weights = {} if engine.weights_are_partitioned else _tensors(checkpoint, WEIGHTS, folder)
        needed = engine.ranks_needed(saved_by)
        with _of_this_model(job.store, checkpoint):
            engine.restore(
                weights,
                {each: _tensors(checkpoint, optimizer_of(engine, each), folder) for each in needed},
                saved_by=saved_by,
            )
        state: dict[str, Any] = json.loads((folder / checkpoint.files_of(STATE)[0].name).read_bytes())
        return state
    finally:
        shutil.rmtree(folder)


@contextmanager
def _of_this_model(store: Store, checkpoint: Checkpoint) -> Iterator[None]:
    """InputError where a checkpoint has not the tensors that it is to have."""
    try:
        yield
    except (KeyError, RuntimeError) as error:
        # torch has no type for it.
        if isinstance(error, RuntimeError) and "size of tensor" not in str(error):
            raise
        place = checkpoint.files[0].key.rpartition("/step-")[0]
        raise InputError(
            f"the checkpoint of step {checkpoint.step} is of another model than this training's ({error}): delete "
            f"{store.address}/{place} to begin anew"
        ) from error


def is_damage(error: BaseException) -> bool:
    """Whether an error says that what was saved is not there any more as it was."""
    return isinstance(error, IntegrityError | MissingError | SafetensorError)


def _fetch(store: Store, checkpoint: Checkpoint, engine: Engine, folder: Path) -> None:
    needed = [STATE, *{optimizer_of(engine, each) for each in engine.ranks_needed(checkpoint.world_size)}]
    if not engine.weights_are_partitioned:
        needed.append(WEIGHTS)

    def bring(file: CheckpointFile) -> None:
        fetch(store, file, folder / file.name)

    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        list(pool.map(bring, [file for holds in needed for file in checkpoint.files_of(holds)]))
    # Their headers are read: one that is none of safetensors is known before the engine is touched.
    for holds in needed[1:]:
        _tensors(checkpoint, holds, folder)


def _tensors(checkpoint: Checkpoint, holds: str, folder: Path) -> StoredTensors:
    return StoredTensors(folder / file.name for file in checkpoint.files_of(holds))
