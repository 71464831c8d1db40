"""Saving beside the training: what was copied is stored, read back by another process, and kept.

Every rank has a thread that does so, one checkpoint after another. The ranks meet after each part of it, over a group
of these threads' own, so that the training's steps wait for nothing of this.
"""

import json
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from octo.errors import InvariantError, OctoError
from octo.job import Job
from octo.ml.numbers import first_without_numbers
from octo.ml.saving.agreement import Agreement
from octo.ml.saving.portions import STATE, Portion
from octo.ml.saving.software import software
from octo.ml.tensor_images import images
from octo.processes import local_rank, local_world_size, rank, world_size
from octo.settings.base import JobSettings
from octo.storage.checkpoints import Checkpoint, CheckpointFile, Keeping, Latest, SupersededError, key_of
from octo.storage.verifier import Verifier

S = TypeVar("S", bound=JobSettings)

SHARD_BYTES = 1 << 29
"""Of a file: files are read and hashed side by side."""


@dataclass(frozen=True)
class Outcome:
    """How the saving of a checkpoint has ended, alike on every rank."""

    step: int
    problem: str = ""
    """Why it is not kept; empty where it is."""
    superseded: str = ""
    """Who goes on with this training instead; empty where nobody does."""
    spoilt: str = ""
    """What is no number of what was to be saved, as a sentence: no later checkpoint will be better."""
    leftovers: str = ""
    """Why checkpoints that are kept no more could not be removed; of rank 0 alone."""
    seconds: float = 0.0
    num_bytes: int = 0
    """That this rank has stored."""


class Saver(Generic[S]):
    """Saves one checkpoint at a time, on a thread of its own."""

    def __init__(
        self,
        job: Job[S],
        name: str,
        *,
        attempt: str,
        latest: Latest | None,
        keeping: Keeping,
        damaged: Collection[int],
        shard_bytes: int,
    ) -> None:
        """Every rank makes one at the same time. Nothing is started yet.

        Args:
            job: whose training is saved.
            name: of the training.
            attempt: the trainer's own name.
            latest: the pointer; of rank 0.
            keeping: which checkpoints are kept.
            damaged: steps of kept checkpoints that cannot be read.
            shard_bytes: a file with tensors that would grow beyond is ended before.
        """
        self._job = job
        self._name = name
        self._attempt = attempt
        self._latest = latest
        self._keeping = keeping
        self._damaged = damaged
        self._shard_bytes = shard_bytes
        self._agreement = Agreement()
        self._thread = ThreadPoolExecutor(1)
        self._verifier: Verifier | None = None
        self._closing = False
        self._spoilt = ""

    def begin(self, portion: Portion, *, copied: Callable[[], object]) -> "Future[Outcome]":
        """Save it from now on; what it holds must stay as it is until that has ended.

        `copied` returns once its tensors hold what is to be saved.
        """
        return self._thread.submit(self._save_traced, portion, copied)

    def close(self, *, hurry: bool) -> None:
        """End with what is being saved, or in a hurry leave it: then other ranks may be gone."""
        self._closing = hurry
        if hurry and self._verifier:
            self._verifier.close()
        self._thread.shutdown(wait=not hurry or world_size() == 1, cancel_futures=hurry)
        if self._verifier:
            self._verifier.close()

    def _save_traced(self, portion: Portion, copied: Callable[[], object]) -> Outcome:
        about = {"octo.step": portion.step, "octo.checkpoint.bytes": portion.num_bytes}
        with self._job.telemetry.span("octo.checkpoint.keep", about) as span:
            outcome = self._save(portion, copied)
            span.set_attribute("octo.checkpoint.kept", not (outcome.problem or outcome.superseded))
        return outcome

    def _save(self, portion: Portion, copied: Callable[[], object]) -> Outcome:
        began = time.monotonic()
        own: list[CheckpointFile] = []
        if local_rank() == 0:
            # It is ready when there is something to read back. It dies with this thread, and so with this process.
            self._verifier = self._verifier or Verifier(self._job.store.address, self._job.settings.s3)
        problem = self._attempted(partial(self._store, portion, copied, own))
        if problem:
            return Outcome(portion.step, problem, spoilt=self._agreement.first(self._spoilt))
        said = self._agreement.exchange(json.dumps([file.model_dump() for file in own]))
        files = [[CheckpointFile.model_validate(each) for each in json.loads(text)] for text in said]
        problem = self._attempted(partial(self._read_back, files))
        if problem:
            return Outcome(portion.step, problem)
        superseded = ""

        def keep() -> None:
            nonlocal superseded
            superseded = self._kept_instead(portion.step, [file for each in files for file in each])

        problem = self._attempted(keep)
        superseded = self._agreement.first(superseded)
        if problem or superseded:
            return Outcome(portion.step, problem, superseded)
        # Kept by now, whatever becomes of the older ones.
        seconds = time.monotonic() - began
        return Outcome(portion.step, leftovers=self._remove_others(), seconds=seconds, num_bytes=portion.num_bytes)

    def _store(self, portion: Portion, copied: Callable[[], object], stored: list[CheckpointFile]) -> None:
        if self._verifier:
            self._verifier.start()
        copied()
        for holds, tensors in portion.tensors.items():
            if name := first_without_numbers(tensors.items()):
                self._spoilt = f"{name} is to be saved and holds a NaN or an infinity: lower --learning-rate"
                raise InvariantError(self._spoilt)
            # The ranks' files are side by side.
            stem = holds if world_size() == 1 else f"{holds}-by-{rank()}"
            for file, image in images(tensors, stem, most_bytes=self._shard_bytes).items():
                stored.append(self._sent(portion.step, file, holds, image.size, image.read))
        if portion.state:
            body = portion.state
            stored.append(
                self._sent(
                    portion.step, f"{STATE}.json", STATE, len(body), lambda first, most: body[first : first + most]
                )
            )

    def _sent(self, step: int, name: str, holds: str, size: int, read: Callable[[int, int], bytes]) -> CheckpointFile:
        def read_on(first: int, most: int) -> bytes:
            if self._closing:
                raise InvariantError("the training has ended")
            return read(first, most)

        key = key_of(self._name, step, f"{self._attempt}.{name}")
        sha256 = self._job.store.upload_read(key, size, read_on)
        return CheckpointFile(name=name, holds=holds, key=key, sha256=sha256, size=size)

    def _read_back(self, files: list[list[CheckpointFile]]) -> None:
        """Let this pod's verifier read what the ranks of the next pod have stored."""
        if self._verifier is None:
            return
        first = (rank() - local_rank() + local_world_size()) % world_size()
        ranks = range(first, min(first + local_world_size(), world_size()))
        self._verifier.verify([file for each in ranks for file in files[each]])

    def _kept_instead(self, step: int, files: list[CheckpointFile]) -> str:
        """Keep it; who has gone on with this training instead, in a sentence, empty where nobody has."""
        if self._latest is None:
            return ""
        checkpoint = Checkpoint(step=step, world_size=world_size(), files=tuple(files), versions=software())
        try:
            self._latest.keep(checkpoint, self._keeping, damaged=self._damaged)
        except SupersededError as error:
            return str(error)
        return ""

    def _remove_others(self) -> str:
        try:
            if self._latest is not None:
                self._latest.remove_others()
        except OctoError as error:
            return str(error)
        return ""

    def _attempted(self, attempt: Callable[[], object]) -> str:
        """What went wrong with it on any rank; every rank hears of it."""
        problem = ""
        try:
            attempt()
        except (OctoError, OSError) as error:
            problem = str(error)
        return self._agreement.first(problem)
