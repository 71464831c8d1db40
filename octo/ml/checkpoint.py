"""Checkpoints inside a training: saved beside it, verified by another process, restored by whoever comes next.

A training's loop reads

    checkpoints = Checkpoints(job, engine, num_steps=..., gang=...)
    first, state = checkpoints.restore()
    with checkpoints:
        for step in range(first, num_steps):
            ...
            checkpoints.after(step + 1, lambda: {...})
"""

import json
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from safetensors import SafetensorError

from octo.errors import InvariantError, OctoError, PreemptedError, StorageError
from octo.job import Job
from octo.ml.engine import Engine
from octo.ml.saving.agreement import Agreement
from octo.ml.saving.copies import HostCopies
from octo.ml.saving.grace import Pace, objection
from octo.ml.saving.portions import Portion, own_portion
from octo.ml.saving.restoring import is_damage, restored
from octo.ml.saving.saver import SHARD_BYTES, Outcome, Saver
from octo.ml.saving.signals import HeldSignals
from octo.ml.saving.software import check_software, software
from octo.processes import rank, world_size
from octo.settings.base import JobSettings
from octo.settings.midtraining import GangSettings
from octo.storage.checkpoints import Checkpoint, Keeping, Latest, SupersededError, folder_of
from octo.trainings import name_of

S = TypeVar("S", bound=JobSettings)

logger = logging.getLogger(__name__)

_STOP, _GIVE_WAY, _GIVE_UP = 1, 2, 3
"""What a rank may have to tell the others at the end of a step."""


class Checkpoints:
    """The checkpoints of one training; every rank has one and calls it alike.

    Within the `with`, SIGTERM, SIGINT and SIGHUP wait for the end of a step, where all ranks save and stop together. A
    second signal does not wait.
    """

    def __init__(
        self, job: Job[S], engine: Engine, *, num_steps: int, gang: GangSettings, shard_bytes: int = SHARD_BYTES
    ) -> None:
        """Nothing is read or written yet.

        Args:
            job: whose training they are of.
            engine: what they hold.
            num_steps: after the last step there is no checkpoint.
            gang: how often they are made and which are kept; where they are never made, signals are let through.
            shard_bytes: a file with tensors that would grow beyond is ended before.
        """
        self._job = job
        self._name = name_of(job)
        self._engine = engine
        self._num_steps = num_steps
        self._every = gang.checkpoint_every
        self._keeping = Keeping(gang.checkpoints_kept, gang.checkpoints_kept_each * gang.checkpoint_every)
        self._shard_bytes = shard_bytes
        self._signals = HeldSignals()
        self._copies: dict[str, HostCopies] = defaultdict(HostCopies)
        self._pace = Pace()
        self._agreement = Agreement()
        self._attempt = self._agreement.exchange(secrets.token_hex(4))[0]
        self._latest: Latest | None = None
        self._damaged: set[int] = set()
        self._was_damage = False
        self._saver: Saver[S] | None = None
        self._saving: Future[Outcome] | None = None
        self._superseded = ""
        self._spoilt = ""

    def restore(self) -> tuple[int, dict[str, Any]]:
        """Make the engine what it was at the newest checkpoint; the steps done by then, and rank 0's state.

        0 and nothing where there is no checkpoint that these ranks can use.

        Raises:
            UsageError: the newest was saved by other software, which may round otherwise.
            StorageError: one could not be read, as on a full disk, and nothing says that it is damaged.
        """
        if not self._every:
            return 0, {}
        for checkpoint in self._agreed_checkpoints():
            check_software(checkpoint, software(), place=folder_of(self._job.store, self._name))
            if not self._engine.ranks_needed(checkpoint.world_size):
                saved_by = f"the checkpoint of step {checkpoint.step} is of {checkpoint.world_size} ranks"
                self._say(f"{saved_by}, and at this ZeRO stage {world_size()} cannot use it")
                continue
            with self._job.telemetry.span("octo.checkpoint.restore", {"octo.step": checkpoint.step}):
                state = restored(self._job, self._engine, checkpoint, self._attempted)
            if not isinstance(state, str):
                self._say(f"goes on after step {checkpoint.step} of {self._num_steps}")
                return checkpoint.step, state
            if not self._agreement.most(int(self._was_damage)):
                # It may be whole: to begin before it would throw away what was trained.
                raise StorageError(
                    f"the checkpoint of step {checkpoint.step} could not be read: {state}; mend that and run again, or "
                    f"delete {folder_of(self._job.store, self._name)} to begin anew"
                )
            self._say(f"the checkpoint of step {checkpoint.step} is left out: {state}")
            self._damaged.add(checkpoint.step)
        return 0, {}

    def after(self, step: int, state: Callable[[], Mapping[str, Any]]) -> None:
        """At the end of a step: save when it is time, and stop if told to.

        Args:
            step: steps done.
            state: gives what `restore` is to give back, as JSON; asked on every rank, where it is time to save.

        Raises:
            PreemptedError: another rank was told to stop.
            SupersededError: another trainer goes on with this training.
            InvariantError: what was to be saved holds no numbers.
        """
        if not self._every or step == self._num_steps:
            return
        self._conclude(wait=False)
        own = _GIVE_UP if self._spoilt else _GIVE_WAY if self._superseded else _STOP if self._signals.held else 0
        told = self._agreement.most(own)
        stopping = told == _STOP
        if told > _STOP or stopping or step % self._every == 0:
            self._conclude(wait=True)
            if self._spoilt:
                raise InvariantError(self._spoilt)
            if self._superseded:
                raise SupersededError(self._superseded)
            with self._job.telemetry.span("octo.checkpoint.save", {"octo.step": step}):
                self._begin(own_portion(self._engine, step, state()), stopping=stopping)
        if stopping:
            self._conclude(wait=True)
            self._signals.deliver()
            raise PreemptedError("another rank was told to stop; what is saved stays: run again to resume")

    def __enter__(self) -> Self:
        if self._every:
            self._signals.hold()
            self._saver = Saver(
                self._job,
                self._name,
                attempt=self._attempt,
                latest=self._latest,
                keeping=self._keeping,
                damaged=frozenset(self._damaged),
                shard_bytes=self._shard_bytes,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signals.release()
        if self._saver:
            # What was copied before the training failed is worth keeping; who insists, or lost a rank, does not wait.
            in_hurry = kind is not None and (not issubclass(kind, Exception) or issubclass(kind, PreemptedError))
            self._saver.close(hurry=in_hurry)
        if kind is None:
            self._conclude(wait=True)
            # A signal of the last step; what is trained is committed on the next run.
            self._signals.deliver()

    def _agreed_checkpoints(self) -> list[Checkpoint]:
        """Those that rank 0 finds: another rank may look a moment later."""
        found: list[Checkpoint] = []
        if rank() == 0:
            self._latest = Latest(self._job.store, self._name, attempt=self._attempt)
            found = self._latest.checkpoints()
        said = self._agreement.exchange(json.dumps([checkpoint.model_dump() for checkpoint in found]))[0]
        return [Checkpoint.model_validate(each) for each in json.loads(said)]

    def _begin(self, portion: Portion, *, stopping: bool) -> None:
        """Save it beside the training; or here and now, without a copy, when nothing changes it any more."""
        if self._saver is None:
            return
        if stopping:
            used = self._agreement.most(int(self._signals.age * 1000)) / 1000
            expected = self._pace.expected(portion.num_bytes)
            why = objection(expected, grace=self._job.settings.grace_seconds, used=used)
            if why := self._agreement.first(why):
                self._say(f"no checkpoint of step {portion.step} is begun: {why}; what is kept stays")
            else:
                self._saving = self._saver.begin(portion, copied=lambda: None)
            return
        copies = {holds: self._copies[holds].copy(tensors) for holds, tensors in portion.tensors.items()}
        self._saving = self._saver.begin(replace(portion, tensors=copies), copied=self._await_copies)

    def _await_copies(self) -> None:
        for copies in self._copies.values():
            copies.wait()

    def _conclude(self, *, wait: bool) -> None:
        """Take note of how the saving that is under way has ended, if it has, or once it has."""
        saving = self._saving
        if saving is None or not (wait or saving.done()):
            return
        self._saving = None
        outcome = saving.result()
        self._superseded, self._spoilt = outcome.superseded, outcome.spoilt
        if outcome.problem:
            # The training is worth more than a checkpoint, and the next may succeed.
            self._say(f"no checkpoint of step {outcome.step} is kept: {outcome.problem}")
        elif not outcome.superseded:
            self._pace.record(outcome.seconds, outcome.num_bytes)
        if outcome.leftovers:
            self._say(f"checkpoints before that of step {outcome.step} are not all removed yet: {outcome.leftovers}")

    def _attempted(self, attempt: Callable[[], object]) -> str:
        """What went wrong with it on any rank; every rank hears of it."""
        problem, self._was_damage = "", False
        try:
            attempt()
        except (OctoError, OSError, SafetensorError) as error:  # OSError when the scratch disk is full
            problem, self._was_damage = str(error), is_damage(error)
        return self._agreement.first(problem)

    def _say(self, sentence: str) -> None:
        if rank() == 0:
            logger.warning("%s: %s", self._job.settings.stage or self._job.settings.job, sentence)
