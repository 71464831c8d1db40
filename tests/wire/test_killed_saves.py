"""At whatever moment of a save a trainer is killed, the next goes on from a whole checkpoint to the same weights."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from octo.errors import InvariantError, PreemptedError, StorageError
from octo.job import Job, open_job
from octo.ml.checkpoint import Checkpoints
from octo.ml.engine import Engine
from octo.processes import stoppable
from octo.settings.base import S3Settings
from octo.settings.midtraining import GangSettings, MidtrainingSettings
from octo.storage.checkpoints import SupersededError, kept_checkpoints
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import ObjectInfo, Store, connect
from tests.unit.ml.engine_run import engine_of, train
from tests.wire.faults import Act, FaultProxy, Forward, Reply, answer

DIGEST = "e" * 64
NUM_STEPS, EVERY = 9, 2
STRUCK = 6
"""The step whose save is struck: with it, the checkpoint of step 2 is removed."""

Weights = dict[str, torch.Tensor]


class Killed(BaseException):
    """The process ends here."""


class MortalStore(Store):
    """A store that hears nothing more of a process from a moment on: all that others see of its being killed."""

    def __init__(self, store: Store, strikes: Callable[[str, str], bool] = lambda *_: False) -> None:
        super().__init__(store.client, store.location, store.service, store.patience)
        self.strikes = strikes
        self.dead = False

    def hear(self, request: str, key: str) -> None:
        self.dead = self.dead or self.strikes(request, key)
        if self.dead:
            raise Killed

    def upload_read(self, key: str, size: int, read: Callable[[int, int], bytes]) -> str:
        def read_on(first: int, most: int) -> bytes:
            self.hear("send", key)
            return read(first, most)

        self.hear("begin", key)
        sha256 = super().upload_read(key, size, read_on)
        self.hear("stored", key)
        return sha256

    def put(self, key: str, body: bytes, **keywords: Any) -> None:
        self.hear("put", key)
        super().put(key, body, **keywords)

    def put_if_absent(self, key: str, body: bytes) -> bool:
        self.hear("put", key)
        return super().put_if_absent(key, body)

    def replace(self, key: str, body: bytes, *, etag: str) -> bool:
        self.hear("move", key)
        return super().replace(key, body, etag=etag)

    def head(self, key: str) -> ObjectInfo | None:
        self.hear("head", key)
        return super().head(key)

    def list(self, prefix: str) -> Iterator[str]:
        self.hear("list", prefix)
        return super().list(prefix)

    def delete(self, key: str) -> None:
        self.hear("delete", key)
        super().delete(key)


class Trainer:
    """One rank, in this process."""

    def __init__(self, job: Job[MidtrainingSettings]) -> None:
        self.engine: Engine = engine_of("1-float32")
        gang = GangSettings(checkpoint_every=EVERY)
        self.checkpoints = Checkpoints(job, self.engine, num_steps=NUM_STEPS, gang=gang)
        self.first, state = self.checkpoints.restore()
        self.done: list[int] = state.get("done", [])

    def run(self, upto: int = NUM_STEPS, before: Callable[[int], object] = lambda _: None) -> Weights:
        with self.checkpoints:
            for step in range(self.first, upto):
                train(self.engine, range(step, step + 1))
                self.done.append(step)
                before(step + 1)
                self.checkpoints.after(step + 1, lambda: {"done": self.done})
        assert self.done == list(range(upto))
        return weights_of(self.engine)


def weights_of(engine: Engine) -> Weights:
    return {name: each.clone() for name, each in engine.weights()}


@pytest.fixture(scope="module")
def straight() -> Weights:
    engine = engine_of("1-float32")
    train(engine, range(NUM_STEPS))
    return weights_of(engine)


@contextmanager
def trainer(store: Store, s3: S3Settings, *, grace_seconds: float = 0) -> Iterator[Trainer]:
    settings = MidtrainingSettings(store=store.address, s3=s3, stage="stable", grace_seconds=grace_seconds)
    with open_job(settings, DIGEST, "attempt", None) as job:
        yield Trainer(replace(job, store=store))


def steps(store: Store) -> list[int]:
    return [checkpoint.step for checkpoint in kept_checkpoints(store, DIGEST)]


def goes_on_to_the_same_end(store: Store, s3: S3Settings, straight: Weights) -> int:
    """The step that the next trainer goes on from, to the weights of one that was never killed."""
    with trainer(store, s3) as resumed:
        found = resumed.run()
    assert found.keys() == straight.keys()
    assert all(torch.equal(found[name], straight[name]) for name in straight)
    assert steps(store) == [8, 6]
    folders = {key.split("/")[2] for key in store.list(f"checkpoints/{DIGEST}/")}
    assert folders == {"latest.json", "step-6", "step-8"}
    return resumed.first


def at(request: str, what: str, *, time: int = 1) -> Callable[[str, str], bool]:
    """The so manieth of such requests whose key holds those words."""
    seen = 0

    def strikes(heard: str, key: str) -> bool:
        nonlocal seen
        seen += heard == request and all(word in key for word in what.split())
        return seen == time

    return strikes


PHASES: dict[str, tuple[Callable[[], Callable[[str, str], bool]], int]] = {
    "copied and nothing sent": (lambda: at("begin", f"step-{STRUCK}/"), 4),
    "within a file": (lambda: at("send", f"step-{STRUCK}/ optimizer"), 4),
    "between files": (lambda: at("stored", f"step-{STRUCK}/ model"), 4),
    "stored and not read back": (lambda: at("stored", f"step-{STRUCK}/ state"), 4),
    "read back and without a manifest": (lambda: at("put", f"step-{STRUCK}/manifest"), 4),
    "before latest moves": (lambda: at("move", "latest.json", time=STRUCK // EVERY - 1), 4),
    "kept and nothing removed": (lambda: at("list", "step-", time=STRUCK // EVERY), 6),
    "the first removed": (lambda: at("delete", "step-2/", time=2), 6),
    "all but one removed": (lambda: at("delete", "step-2/", time=4), 6),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_trainer_killed_at_any_moment_of_a_save_loses_no_whole_checkpoint(
    store: Store, embedded: EmbeddedStore, straight: Weights, phase: str
) -> None:
    strikes, resumed_from = PHASES[phase]
    with trainer(MortalStore(store, strikes()), embedded.s3) as killed, pytest.raises(Killed):
        killed.run()
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == resumed_from


def test_a_trainer_killed_while_its_checkpoint_is_read_back_loses_that_one_alone(
    store: Store, embedded: EmbeddedStore, proxy: FaultProxy, straight: Weights
) -> None:
    mortal = MortalStore(store)

    def die(forward: Forward) -> Reply:
        mortal.dead = True
        return forward()

    # The verifier alone reads over the proxy.
    proxy.chance = lambda method, path: die if method == "GET" and f"step-{STRUCK}/" in path else None
    told = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    with trainer(mortal, told) as killed, pytest.raises(Killed):
        killed.run()
    assert proxy.happened
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == 4


def test_of_two_trainers_at_once_one_goes_on_and_the_other_stops_with_a_sentence(
    store: Store, embedded: EmbeddedStore, straight: Weights
) -> None:
    with trainer(store, embedded.s3) as one, trainer(store, embedded.s3) as two:
        one.run(upto=5)
        assert steps(store) == [4, 2]
        kept = kept_checkpoints(store, DIGEST)
        with pytest.raises(SupersededError, match=r"another trainer \(\w+\) .* kept step 4: this one stops") as told:
            two.run()
    assert told.value.exit_code == 75
    # It has stopped where it heard of it, and nothing of it is among what is kept.
    assert len(two.done) <= 2 * EVERY
    assert kept_checkpoints(store, DIGEST) == kept
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == 4


@pytest.mark.parametrize(
    ("answered", "said"),
    [(answer(503, "SlowDown"), "answered SlowDown"), (answer(507, "InsufficientStorage"), "has no space left")],
    ids=["away", "full"],
)
@pytest.mark.parametrize("place", ["attempt", "step-2/manifest", "latest.json"])
def test_a_store_that_is_away_or_full_within_a_save_costs_that_checkpoint_alone(
    store: Store,
    embedded: EmbeddedStore,
    proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
    answered: Act,
    said: str,
    place: str,
) -> None:
    told = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    proxy.plan("PUT", place if place != "attempt" else "optimizer-0", answered)
    with trainer(connect(store.address, told, attempts=1), embedded.s3) as struck:
        struck.run()
    assert len(proxy.happened) == 1
    assert f"no checkpoint of step 2 is kept: {proxy.endpoint} {said}" in caplog.text
    assert steps(store) == [8, 6]


def test_a_checkpoint_that_the_store_does_not_give_now_is_waited_for_and_not_begun_before(
    store: Store, embedded: EmbeddedStore, proxy: FaultProxy, straight: Weights
) -> None:
    with trainer(store, embedded.s3) as one:
        one.run(upto=7)
    told = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    proxy.plan("GET", "optimizer-0", answer(503, "SlowDown"))
    with (
        pytest.raises(
            StorageError, match=r"the checkpoint of step 6 could not be read: .*SlowDown.*; mend that and run"
        ),
        trainer(connect(store.address, told, attempts=1), embedded.s3),
    ):
        pytest.fail("it began anew")
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == 6


def test_weights_that_are_no_numbers_are_saved_by_nobody_and_end_the_training(
    store: Store, embedded: EmbeddedStore, straight: Weights
) -> None:
    with trainer(store, embedded.s3) as spoilt:

        def poison(step: int) -> None:
            if step == 3:
                next(iter(spoilt.engine.held_weights().values()))[0] = torch.nan

        with pytest.raises(
            InvariantError, match=r"\S+ is to be saved and holds a NaN or an infinity: lower --learning"
        ):
            spoilt.run(before=poison)
    assert len(spoilt.done) <= 2 * EVERY + 2
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == 2


def test_older_checkpoints_that_cannot_be_removed_are_removed_with_the_next(
    store: Store, embedded: EmbeddedStore, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    told = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    proxy.plan("DELETE", "step-2/", answer(503, "SlowDown"))
    with trainer(connect(store.address, told, attempts=1), embedded.s3) as struck:
        struck.run(upto=7)
    assert steps(store) == [6, 4]
    assert "checkpoints before that of step 6 are not all removed yet: " in caplog.text
    assert "no checkpoint" not in caplog.text
    with trainer(store, embedded.s3) as again:
        again.run()
    assert not list(store.list(f"checkpoints/{DIGEST}/step-2/"))


def test_a_save_that_would_not_end_within_the_grace_is_not_begun(
    store: Store, embedded: EmbeddedStore, straight: Weights, caplog: pytest.LogCaptureFixture
) -> None:
    def stop_after_slow_saves(step: int) -> None:
        if step == 3:
            told.checkpoints._pace.record(1e6, 1)
            signal.raise_signal(signal.SIGTERM)

    with (
        trainer(store, embedded.s3, grace_seconds=60) as told,
        pytest.raises(PreemptedError, match="stopped by SIGTERM; run again"),
        stoppable("run again"),
    ):
        told.run(before=stop_after_slow_saves)
    assert "stable: no checkpoint of step 3 is begun: it would take " in caplog.text
    assert "of the 60 s to stop in are left; what is kept stays" in caplog.text
    assert steps(store) == [2]
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == 2


def test_a_save_that_ends_within_the_grace_is_made(store: Store, embedded: EmbeddedStore, straight: Weights) -> None:
    with (
        trainer(store, embedded.s3, grace_seconds=10**6) as told,
        pytest.raises(PreemptedError, match="stopped by SIGTERM"),
        stoppable("run again"),
    ):
        told.run(before=lambda step: signal.raise_signal(signal.SIGTERM) if step == 5 else None)
    assert steps(store) == [5, 4]
    assert goes_on_to_the_same_end(store, embedded.s3, straight) == 5


def test_what_is_copied_is_what_was_there_at_the_end_of_the_step(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    """However late it is sent: here after the next step has changed every weight."""
    changed: list[bool] = []

    class Late(MortalStore):
        def upload_read(self, key: str, size: int, read: Callable[[int, int], bytes]) -> str:
            while not changed:
                pass
            return super().upload_read(key, size, read)

    with trainer(Late(store), embedded.s3) as late:
        late.run(upto=3, before=lambda step: changed.append(True) if step == 3 else None)
    with trainer(store, embedded.s3) as resumed:
        found = weights_of(resumed.engine)
    expected = engine_of("1-float32")
    train(expected, range(2))
    assert all(torch.equal(found[name], each) for name, each in weights_of(expected).items())
