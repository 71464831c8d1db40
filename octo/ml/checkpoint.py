"""Checkpoints inside a training: saved beside it, verified by another process, restored by whoever comes next.

A training's loop reads

    checkpoints = Checkpoints(job, engine, num_steps=..., every=...)
    first, state = checkpoints.restore()
    with checkpoints:
        for step in range(first, num_steps):
            ...
            checkpoints.after(step + 1, lambda: {...})
"""

import json
import logging
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from safetensors import SafetensorError
from torch import Tensor

from octo.errors import IntegrityError, OctoError, PreemptedError, StorageError
from octo.job import Job
from octo.ml.engine import Engine
from octo.ml.tensor_files import SHARD_BYTES, StoredTensors, write_tensors
from octo.model_files import WEIGHTS_INDEX
from octo.processes import rank, shielded, world_size
from octo.settings.base import JobSettings
from octo.storage.checkpoints import Checkpoint, CheckpointFile, fetch, keep, kept_checkpoints, upload, verify
from octo.trainings import name_of

S = TypeVar("S", bound=JobSettings)

logger = logging.getLogger(__name__)

WEIGHTS = "model"
"""What names of files with weights begin with."""
STATE = "state.json"
_SAVED_WITH = ("torch", "deepspeed", "safetensors")


@dataclass
class _Saving:
    """A checkpoint on its way: stored, then read back by another process, then kept."""

    step: int
    folder: Path
    stored: "Future[list[CheckpointFile]]"
    files: tuple[CheckpointFile, ...] = ()
    """Of all ranks, once all of them have stored theirs."""
    reader: BaseProcess | None = None


class Checkpoints:
    """The checkpoints of one training; every rank has one and calls it alike.

    Within the `with`, SIGTERM, SIGINT and SIGHUP wait for the end of a step, where all ranks save and stop together. A
    second signal does not wait.
    """

    def __init__(
        self, job: Job[S], engine: Engine, *, num_steps: int, every: int, shard_bytes: int = SHARD_BYTES
    ) -> None:
        """Nothing is read or written yet.

        Args:
            job: whose training they are of.
            engine: what they hold.
            num_steps: after the last step there is no checkpoint.
            every: steps between two; 0 neither saves nor restores, and lets signals through.
            shard_bytes: a file with tensors that would grow beyond is ended before.
        """
        self._job = job
        self._name = name_of(job)
        self._engine = engine
        self._num_steps = num_steps
        self._every = every
        self._shard_bytes = shard_bytes
        self._saving: _Saving | None = None
        self._signals = _HeldSignals()
        self._uploads = ThreadPoolExecutor(1)
        self._attempt = engine.exchange(secrets.token_hex(4))[0]

    def restore(self) -> tuple[int, dict[str, Any]]:
        """Make the engine what it was at the newest checkpoint; the steps done by then, and rank 0's state.

        0 and nothing where there is no checkpoint that these ranks can use.
        """
        if not self._every:
            return 0, {}
        for checkpoint in self._agreed_checkpoints():
            if not self._engine.ranks_needed(checkpoint.world_size):
                saved_by = f"the checkpoint of step {checkpoint.step} is of {checkpoint.world_size} ranks"
                self._say(f"{saved_by}, and at this ZeRO stage {world_size()} cannot use it")
                continue
            with self._job.telemetry.span("octo.checkpoint.restore", {"octo.step": checkpoint.step}):
                state = self._restored(checkpoint)
            if state is not None:
                self._say(f"goes on after step {checkpoint.step} of {self._num_steps}")
                return checkpoint.step, state
        return 0, {}

    def after(self, step: int, state: Callable[[], Mapping[str, Any]]) -> None:
        """At the end of a step: go on with what is being saved, save when it is time, and stop if told to.

        Args:
            step: steps done.
            state: gives what `restore` is to give back, as JSON; asked on every rank, where it is time to save.

        Raises:
            PreemptedError: another rank was told to stop.
        """
        if not self._every or step == self._num_steps:
            return
        stopping = self._engine.most(float(self._signals.held)) > 0
        due = stopping or step % self._every == 0
        self._advance(wait=due)
        if due:
            with self._job.telemetry.span("octo.checkpoint.save", {"octo.step": step}):
                self._begin(step, state())
        if stopping:
            self._advance(wait=True)
            self._signals.deliver()
            raise PreemptedError("another rank was told to stop; what is saved stays: run again to resume")

    def __enter__(self) -> Self:
        if self._every:
            self._signals.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signals.release()
        self._uploads.shutdown(cancel_futures=True)
        if self._saving and self._saving.reader:
            self._saving.reader.kill()
            self._saving.reader.join()
        if kind is None:
            # A signal of the last step; what is trained is committed on the next run.
            self._signals.deliver()

    def _agreed_checkpoints(self) -> list[Checkpoint]:
        """Those that rank 0 finds: another rank may look a moment later."""
        found = kept_checkpoints(self._job.store, self._name) if rank() == 0 else []
        said = self._engine.exchange(json.dumps([checkpoint.model_dump() for checkpoint in found]))[0]
        return [Checkpoint.model_validate(each) for each in json.loads(said)]

    def _restored(self, checkpoint: Checkpoint) -> dict[str, Any] | None:
        """The state, once every rank has read its files and become what they say; None when one could not read them."""
        folder = self._job.scratch / f"restored-{checkpoint.step}"
        folder.mkdir()
        try:
            problem = self._attempted(partial(self._fetch, checkpoint, folder))
            if problem:
                self._say(f"the checkpoint of step {checkpoint.step} is left out: {problem}")
                return None
            saved_by = checkpoint.world_size
            self._engine.restore(
                StoredTensors(_paths_of(folder, WEIGHTS)),
                {
                    each: StoredTensors(_paths_of(folder, _partition_name(each)))
                    for each in self._engine.ranks_needed(saved_by)
                },
                saved_by=saved_by,
            )
            state: dict[str, Any] = json.loads((folder / STATE).read_bytes())
            return state
        finally:
            shutil.rmtree(folder)

    def _fetch(self, checkpoint: Checkpoint, folder: Path) -> None:
        stems = [*map(_partition_name, self._engine.ranks_needed(checkpoint.world_size))]
        if not self._engine.weights_are_partitioned:
            stems.append(WEIGHTS)
        names = [file.name for file in checkpoint.files if any(_is_of(stem, file.name) for stem in stems)]
        for name in (STATE, *names):
            fetch(self._job.store, checkpoint.file(name), folder / name)

    def _begin(self, step: int, state: Mapping[str, Any]) -> None:
        """Write this rank's files to the scratch disk, and send them from there beside the training."""
        folder = self._job.scratch / f"saved-{step}"
        problem = self._attempted(partial(self._write, folder, state))
        if problem:
            self._abandon(step, folder, problem)
        else:
            self._saving = _Saving(step, folder, self._uploads.submit(self._upload, step, folder))

    def _write(self, folder: Path, state: Mapping[str, Any]) -> None:
        folder.mkdir()
        self._save(self._engine.partition().items(), folder, _partition_name(rank()))
        if rank() == 0:
            (folder / STATE).write_text(json.dumps(dict(state)))
            if not self._engine.weights_are_partitioned:
                self._save(self._engine.weights(), folder, WEIGHTS)

    def _save(self, tensors: Iterable[tuple[str, Tensor]], folder: Path, stem: str) -> None:
        """Write tensors, one of them in memory, into as many files as they need, whose names begin with the stem."""
        within = folder / f"writing-{stem}"
        within.mkdir()
        for name, path in write_tensors(tensors, within, shard_bytes=self._shard_bytes).items():
            if name != WEIGHTS_INDEX:
                path.rename(folder / name.replace("model", stem, 1))
            else:
                path.unlink()
        within.rmdir()

    def _upload(self, step: int, folder: Path) -> list[CheckpointFile]:
        return [
            upload(self._job.store, self._name, step, path, attempt=self._attempt) for path in sorted(folder.iterdir())
        ]

    def _advance(self, *, wait: bool) -> None:
        """Take what is being saved as far as it has come on every rank; to its end, if it is to be waited for."""
        saving = self._saving
        if saving is None:
            return
        problem = ""
        if saving.reader is None and (wait or self._everywhere(saving.stored.done())):
            problem = self._attempted(saving.stored.result)
            if not problem:
                self._read_back(saving)
        if saving.reader is not None and (wait or self._everywhere(not saving.reader.is_alive())):
            problem = self._attempted(partial(await_reader, saving.reader)) or self._attempted(self._keep)
            if not problem:
                self._saving = None
                shutil.rmtree(saving.folder)
        if problem:
            self._abandon(saving.step, saving.folder, problem)

    def _abandon(self, step: int, folder: Path, problem: str) -> None:
        """Go on without this checkpoint: the training is worth more than it, and the next may succeed."""
        self._say(f"no checkpoint of step {step} is kept: {problem}")
        self._saving = None
        shutil.rmtree(folder, ignore_errors=True)

    def _read_back(self, saving: _Saving) -> None:
        """Let a process of its own read the next rank's files, while the training goes on."""
        said = self._engine.exchange(json.dumps([file.model_dump() for file in saving.stored.result()]))
        files = [[CheckpointFile.model_validate(each) for each in json.loads(text)] for text in said]
        saving.files = tuple(file for of_rank in files for file in of_rank)
        saving.reader = get_context("spawn").Process(
            target=verify,
            args=(os.getpid(), self._job.store.address, self._job.settings.s3),
            kwargs={"files": files[(rank() + 1) % world_size()], "folder": saving.folder},
            daemon=True,
        )
        with shielded():
            saving.reader.start()

    def _keep(self) -> None:
        if rank() == 0 and self._saving:
            checkpoint = Checkpoint(
                step=self._saving.step,
                world_size=world_size(),
                files=self._saving.files,
                versions={name: metadata.version(name) for name in _SAVED_WITH},
            )
            keep(self._job.store, self._name, checkpoint)

    def _everywhere(self, so: bool) -> bool:  # noqa: FBT001 - it is all that is asked
        return self._engine.most(float(not so)) == 0

    def _attempted(self, attempt: Callable[[], object]) -> str:
        """What went wrong with it on any rank; every rank hears of it."""
        problem = ""
        try:
            attempt()
        except (OctoError, OSError, SafetensorError) as error:  # the last when the scratch disk is full
            problem = str(error)
        return next(filter(None, self._engine.exchange(problem)), "")

    def _say(self, sentence: str) -> None:
        if rank() == 0:
            logger.warning("%s: %s", self._job.settings.stage or self._job.settings.job, sentence)


class _HeldSignals:
    """Signals that are noted instead of heard, until they are released."""

    def __init__(self) -> None:
        self.held: int = 0
        """The number of the signal that came; 0 when none did."""
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def hold(self) -> None:
        """Note what somebody would hear from now on."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._note)

    def release(self) -> None:
        """Let signals through again."""
        while self._handlers:
            signal.signal(*self._handlers.popitem())

    def deliver(self) -> None:
        """Let the noted signal be heard now."""
        self.release()
        if self.held:
            signal.raise_signal(self.held)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.held:
            self.deliver()
        self.held = number


def await_reader(reader: BaseProcess) -> None:
    """Wait for the process that reads a checkpoint back.

    Raises:
        IntegrityError: what it has read is not what was saved, or could not be had.
        StorageError: a signal has ended it, which says nothing about the checkpoint.
    """
    reader.join()
    if reader.exitcode and reader.exitcode < 0:
        name = signal.Signals(-reader.exitcode).name
        raise StorageError(f"{name} ended the process that reads back what was saved, before it was through")
    if reader.exitcode:
        raise IntegrityError("what was saved could not be read back")


def _paths_of(folder: Path, stem: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _is_of(stem, path.name))


def _is_of(stem: str, name: str) -> bool:
    """Whether a file was written with the stem: by itself, or as one of several."""
    return name == f"{stem}.safetensors" or (name.startswith(f"{stem}-") and "-of-" in name)


def _partition_name(of_rank: int) -> str:
    return f"optimizer-{of_rank}"
