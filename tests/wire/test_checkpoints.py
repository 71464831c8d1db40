"""Trainings that are struck down go on from what another process has verified."""

import random
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from octo.errors import InputError, IntegrityError, PreemptedError, UsageError
from octo.job import Job, open_job
from octo.ml.checkpoint import Checkpoints
from octo.ml.engine import Engine
from octo.ml.saving.software import check_software, software
from octo.processes import stoppable
from octo.settings.base import S3Settings
from octo.settings.loading import secrets_of
from octo.settings.midtraining import GangSettings, MidtrainingSettings, OptimizerSettings
from octo.storage.artifacts import open_artifact
from octo.storage.checkpoints import (
    Checkpoint,
    CheckpointFile,
    Keeping,
    Latest,
    SupersededError,
    discard,
    fetch,
    kept_checkpoints,
    key_of,
)
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ranks import run_ranks
from tests.token_shards import commit_tokens
from tests.unit.ml.engine_run import engine_of

DIGEST = "c" * 64
NUM_STEPS, EVERY = 14, 5
LENGTH, BATCH = 16, 4


def saved(store: Store, step: int, *, attempt: str = "one", body: bytes = b"weights") -> Checkpoint:
    key = key_of(DIGEST, step, f"{attempt}.model.safetensors")
    sha256 = store.upload_read(key, len(body), lambda first, size: body[first : first + size])
    file = CheckpointFile(name="model.safetensors", holds="model", key=key, sha256=sha256, size=len(body))
    return Checkpoint(step=step, world_size=1, files=(file,), versions={})


def keep(latest: Latest, checkpoint: Checkpoint, keeping: Keeping) -> None:
    latest.keep(checkpoint, keeping)
    latest.remove_others()


def steps(store: Store, digest: str = DIGEST) -> list[int]:
    return [checkpoint.step for checkpoint in kept_checkpoints(store, digest)]


def folders(store: Store) -> set[str]:
    return {key.split("/")[2] for key in store.list(f"checkpoints/{DIGEST}/")}


def test_the_last_two_checkpoints_are_kept_and_a_commit_leaves_none(store: Store) -> None:
    assert steps(store) == []
    latest = Latest(store, DIGEST, attempt="one")
    for step in (100, 200, 300):
        keep(latest, saved(store, step), Keeping())
    assert steps(store) == [300, 200]
    assert folders(store) == {"latest.json", "step-200", "step-300"}
    discard(store, DIGEST)
    assert list(store.list("checkpoints/")) == []
    discard(store, DIGEST)


def test_as_many_are_kept_as_the_settings_say_and_each_so_manieth_for_as_long_as_the_training_lasts(
    store: Store,
) -> None:
    latest = Latest(store, DIGEST, attempt="one")
    for step in (10, 20, 25, 30, 40, 50):
        keep(latest, saved(store, step), Keeping(last=1, multiples=20))
    assert steps(store) == [50, 40, 20]
    assert folders(store) == {"latest.json", "step-20", "step-40", "step-50"}


@given(st.lists(st.integers(1, 60), min_size=1), st.integers(1, 5), st.integers(0, 9))
def test_the_newest_is_kept_whatever_the_policy(held: list[int], last: int, multiples: int) -> None:
    kept = Keeping(last, multiples).of(held)
    assert kept[0] == max(held)
    assert list(kept) == sorted(set(kept), reverse=True)
    assert set(kept[last:]) <= {step for step in held if multiples and step % multiples == 0}
    assert len(kept) >= min(last, len(set(held)))


def test_of_two_attempts_at_a_step_the_first_is_kept(store: Store) -> None:
    first = saved(store, 10)
    Latest(store, DIGEST, attempt="one").keep(first)
    Latest(store, DIGEST, attempt="two").keep(first.model_copy(update={"versions": {"torch": "9"}}))
    assert kept_checkpoints(store, DIGEST) == [first]


def test_of_two_trainers_the_one_that_moves_the_pointer_first_goes_on_and_the_other_is_told(store: Store) -> None:
    Latest(store, DIGEST, attempt="before").keep(saved(store, 10))
    fast, slow = (Latest(store, DIGEST, attempt=name) for name in ("fast", "slow"))
    theirs = saved(store, 20, attempt="fast")
    fast.keep(theirs)
    told = r"another trainer \(fast\) has gone on with this training and kept step 20: this one stops"
    with pytest.raises(SupersededError, match=told):
        slow.keep(saved(store, 20, attempt="slow"))
    # Nor later, at a step that is its own alone.
    with pytest.raises(SupersededError, match=told):
        slow.keep(saved(store, 25, attempt="slow"))
    assert steps(store) == [20, 10]
    assert kept_checkpoints(store, DIGEST)[0] == theirs
    fast.keep(saved(store, 30, attempt="fast"))
    assert steps(store) == [30, 20]


def test_a_pointer_that_moves_while_it_is_being_moved_is_the_others(store: Store) -> None:
    class Overtaken(Store):
        """Another moves the pointer after it was looked at."""

        def replace(self, key: str, body: bytes, *, etag: str) -> bool:
            Latest(store, DIGEST, attempt="fast").keep(saved(store, 20, attempt="fast"))
            return super().replace(key, body, etag=etag)

    Latest(store, DIGEST, attempt="before").keep(saved(store, 10))
    slow = Latest(Overtaken(store.client, store.location, store.service, store.patience), DIGEST, attempt="slow")
    with pytest.raises(SupersededError, match=r"another trainer .fast. has gone on"):
        slow.keep(saved(store, 15, attempt="slow"))
    assert steps(store) == [20, 10]


def test_a_trainer_whose_checkpoints_were_deleted_is_told(store: Store) -> None:
    latest = Latest(store, DIGEST, attempt="one")
    latest.keep(saved(store, 10))
    discard(store, DIGEST)
    with pytest.raises(SupersededError, match="were deleted meanwhile"):
        latest.keep(saved(store, 20))
    assert steps(store) == []


def test_a_checkpoint_that_cannot_be_read_is_kept_no_more_and_made_anew(store: Store) -> None:
    latest = Latest(store, DIGEST, attempt="one")
    for step in (10, 20):
        latest.keep(saved(store, step))
    again = Latest(store, DIGEST, attempt="two")
    again.keep(saved(store, 15, attempt="two"), damaged={20})
    assert steps(store) == [15, 10]
    anew = saved(store, 20, attempt="two", body=b"good weights")
    again.keep(anew, damaged={20})
    assert kept_checkpoints(store, DIGEST)[0] == anew


def test_a_file_that_was_changed_is_not_fetched(store: Store, tmp_path: Path) -> None:
    (file,) = saved(store, 10).files
    fetch(store, file, tmp_path / "good")
    assert (tmp_path / "good").read_bytes() == b"weights"
    store.put(file.key, b"other weights")
    with pytest.raises(IntegrityError, match=f"expected sha256 {file.sha256}, got"):
        fetch(store, file, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


class Training:
    """A training of one rank in this process, whose steps are counted and take no time."""

    def __init__(self, store: Store, s3: S3Settings) -> None:
        self.settings = MidtrainingSettings(store=store.address, s3=s3, stage="stable")

    @contextmanager
    def checkpoints(self) -> Iterator[tuple[Job[MidtrainingSettings], Checkpoints]]:
        with open_job(self.settings, DIGEST, "attempt", None) as job:
            yield job, Checkpoints(job, engine_of("1-float32"), num_steps=9, gang=GangSettings(checkpoint_every=2))

    def run(self, *, upto: int, before: Callable[[Job[MidtrainingSettings], int], object] = lambda *_: None) -> int:
        """Train up to that step; the steps that were restored."""
        with self.checkpoints() as (job, checkpoints):
            first, state = checkpoints.restore()
            done = state.get("done", [])
            assert done == list(range(first))
            with checkpoints:
                for step in range(first, upto):
                    done.append(step)
                    before(job, step + 1)
                    checkpoints.after(step + 1, lambda: {"done": done})
            return first


@pytest.fixture
def training(store: Store, embedded: EmbeddedStore) -> Training:
    return Training(store, embedded.s3)


def test_a_checkpoint_is_restored_with_its_state(training: Training, store: Store) -> None:
    # What is being saved when a training ends well is saved to its end.
    training.run(upto=3)
    assert steps(store) == [2]
    assert training.run(upto=9) == 2
    assert steps(store) == [8, 6]
    manifest = kept_checkpoints(store, DIGEST)[0]
    assert sorted(file.name for file in manifest.files) == [
        "model.safetensors",
        "optimizer-0.safetensors",
        "state.json",
    ]
    assert manifest.versions.keys() == {"deepspeed", "safetensors", "torch", "transformers"}


def test_a_checkpoint_of_other_software_is_refused_with_both_versions(training: Training, store: Store) -> None:
    checkpoint = saved(store, 6).model_copy(update={"versions": software() | {"torch": "1.13.1"}})
    Latest(store, DIGEST, attempt="before").keep(checkpoint)
    here = re.escape(software()["torch"])
    with pytest.raises(
        UsageError,
        match=rf"the checkpoint of step 6 was saved with torch 1\.13\.1, and this is {here}, which may round "
        rf"otherwise: go on with torch 1\.13\.1, or delete {store.address}/checkpoints/{DIGEST} to begin anew",
    ):
        training.run(upto=9)
    # What only writes files decides nothing.
    written_by_other = checkpoint.model_copy(update={"versions": software() | {"safetensors": "0.1"}})
    check_software(written_by_other, software(), place="")


SHAPE = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 16,
    "tie_word_embeddings": True,
}


def tied_model(seed: int) -> PreTrainedModel:
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(LlamaConfig(**SHAPE))
    return model


def next_token_loss(model: torch.nn.Module) -> torch.Tensor:
    tokens_S = torch.arange(9) % 5
    return cross_entropy(model(input_ids=tokens_S[None, :-1], use_cache=False).logits[0], tokens_S[1:])


def state_of(engine: Engine) -> dict[str, torch.Tensor]:
    return {name: each.clone() for name, each in [*engine.weights(), *engine.partition().items()]}


def test_a_model_with_tied_weights_comes_back_to_the_bit_from_a_checkpoint_in_several_files(
    training: Training, store: Store
) -> None:
    def trained(model: PreTrainedModel, *, upto: int) -> tuple[int, list[dict[str, torch.Tensor]]]:
        engine = Engine(model, settings=OptimizerSettings(zero_stage=1), micro_batches=1)
        with open_job(training.settings, DIGEST, "attempt", None) as job:
            gang = GangSettings(checkpoint_every=2)
            checkpoints = Checkpoints(job, engine, num_steps=9, gang=gang, shard_bytes=600)
            first, _ = checkpoints.restore()
            states = [state_of(engine)]
            with checkpoints:
                for step in range(first, upto):
                    engine.step([next_token_loss], learning_rate=1e-2)
                    states.append(state_of(engine))
                    checkpoints.after(step + 1, dict)
        return first, states

    _, expected = trained(tied_model(1), upto=3)
    checkpoint = kept_checkpoints(store, DIGEST)[0]
    names = [file.name for file in checkpoint.files]
    assert len([name for name in names if name.startswith("optimizer-0-00")]) > 2
    assert "optimizer-0.safetensors" not in names

    resumed = tied_model(2)
    first, states = trained(resumed, upto=3)
    assert first == 2
    for found, wanted in zip(states, expected[2:], strict=True):
        assert found.keys() == wanted.keys()
        assert "lm_head.weight" not in found
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert resumed.get_output_embeddings().weight is resumed.get_input_embeddings().weight


def test_a_checkpoint_that_lost_a_file_is_left_out_for_the_one_before(
    training: Training, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    training.run(upto=9)
    newest = kept_checkpoints(store, DIGEST)[0]
    store.delete(newest.files_of("optimizer-0")[0].key)
    assert training.run(upto=9) == 6
    assert "stable: the checkpoint of step 8 is left out: nothing is stored at" in caplog.text
    # It was made anew.
    assert training.run(upto=9) == 8


@pytest.mark.parametrize("reduction", ["plain", "fixed-order"])
def test_a_checkpoint_of_another_model_is_refused(training: Training, store: Store, reduction: str) -> None:
    def saved_of(hidden: int, *, upto: int) -> int:
        model: PreTrainedModel = AutoModelForCausalLM.from_config(LlamaConfig(**{**SHAPE, "hidden_size": hidden}))
        engine = Engine(model, settings=OptimizerSettings.model_validate({"reduction": reduction}), micro_batches=1)
        with open_job(training.settings, DIGEST, "attempt", None) as job:
            checkpoints = Checkpoints(job, engine, num_steps=9, gang=GangSettings(checkpoint_every=2))
            first, _ = checkpoints.restore()
            with checkpoints:
                for step in range(first, upto):
                    engine.step([next_token_loss], learning_rate=1e-2)
                    checkpoints.after(step + 1, dict)
        return first

    saved_of(8, upto=3)
    with pytest.raises(
        InputError,
        match=rf"the checkpoint of step 2 is of another model than .*: delete {store.address}/checkpoints/{DIGEST} to",
    ):
        saved_of(200, upto=3)
    assert saved_of(8, upto=3) == 2


def test_what_cannot_be_read_back_is_not_kept_and_the_training_goes_on(
    training: Training, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    connected = training.settings.s3

    def lock_the_reader_out(job: Job[MidtrainingSettings], _step: int) -> None:
        # This process is connected already; the one that verifies is told another key.
        wrong = connected.model_copy(update={"secret_key": SecretStr("wrong")})
        object.__setattr__(job, "settings", job.settings.model_copy(update={"s3": wrong}))

    assert training.run(upto=9, before=lock_the_reader_out) == 0
    assert steps(store) == []
    assert "stable: no checkpoint of step 2 is kept: what was saved could not be read back" in caplog.text


def test_a_signal_waits_for_the_step_and_for_its_checkpoint(training: Training, store: Store) -> None:
    ended = []

    def interrupt(_job: Job[MidtrainingSettings], step: int) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGTERM)
            ended.append(step)

    with pytest.raises(PreemptedError, match="stopped by SIGTERM; run again"), stoppable("run again"):
        training.run(upto=9, before=interrupt)
    assert ended == [3]
    assert steps(store) == [3, 2]
    assert training.run(upto=9) == 3


def test_a_second_signal_does_not_wait(training: Training, store: Store) -> None:
    def insist(_job: Job[MidtrainingSettings], step: int) -> None:
        if step == 1:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second signal was held")

    with pytest.raises(PreemptedError, match="stopped by SIGTERM"), stoppable("run again"):
        training.run(upto=9, before=insist)
    assert steps(store) == []


Train = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def train(embedded: EmbeddedStore, store: Store, tmp_path: Path) -> Train:
    given = commit_tokens(store, tmp_path / "tokens", {"web": [NUM_STEPS * BATCH]}, length=LENGTH)
    s3: S3Settings = embedded.s3
    secrets = secrets_of(MidtrainingSettings(s3=s3))
    shape = ["hidden_size=32", "intermediate_size=64", "num_layers=1", "num_heads=2", "num_key_value_heads=2"]
    common = [f"--shape.{each.replace('_', '-')}" for each in shape]
    common += [f"--tokens={given.address}", f"--s3.endpoint={s3.endpoint}", "--no-probe"]
    common += [f"--batch-size={BATCH}", "--micro-batch-size=1", f"--gang.checkpoint-every={EVERY}"]

    def run(at: Store, *flags: str, ranks: int = 2) -> "subprocess.CompletedProcess[str]":
        told = [f"--store={at.address}", *common, *flags]
        return run_ranks(ranks, "tests.wire.mortal_training", *told, environment=secrets)

    return run


def contents(store: Store, ended: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    artifact = open_artifact(store, ended.stdout.split()[-1])
    return {part.name: (part.sha256, part.size) for part in artifact.parts()}


def digests(store: Store) -> set[str]:
    return {key.split("/")[1] for key in store.list("checkpoints/")}


def test_a_gang_that_is_killed_and_stopped_makes_the_bytes_of_one_that_was_not(store: Store, train: Train) -> None:
    calm, rough = (store.at(f"{store.address}/{name}") for name in ("calm", "rough"))
    expected = contents(calm, train(calm))

    killed = train(rough, f"--updates={random.randrange(2 * EVERY + 1, NUM_STEPS)}")
    assert killed.returncode == -9
    (digest,) = digests(rough)
    before = steps(rough, digest)
    assert before

    stopped = train(rough, "--updates=2", "--blow=SIGTERM")
    assert stopped.returncode == 75, stopped.stderr
    assert f"goes on after step {before[0]} of {NUM_STEPS}\n" in stopped.stderr
    assert stopped.stderr.splitlines()[-1] == ("octo: stopped by SIGTERM; what is committed stays: run again to resume")
    assert steps(rough, digest)[0] == before[0] + 2

    found = train(rough)
    assert f"goes on after step {before[0] + 2} of {NUM_STEPS}\n" in found.stderr
    assert contents(rough, found) == expected
    assert digests(rough) == set()
