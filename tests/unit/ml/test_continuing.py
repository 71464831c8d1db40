"""Trainings that go on from steps of others that were kept, with the optimizer's states beside the model or without."""

import json
from pathlib import Path

import pytest

from octo.errors import InputError, UsageError
from octo.model_files import is_optimizer
from octo.pipelines.export_command import model_parts_of
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from octo.storage.artifacts import Artifact, find_artifact
from octo.storage.checkpoints import kept_checkpoints
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from octo.trainings import models_of
from tests.committing import commit
from tests.token_shards import commit_tokens
from tests.unit.ml.test_midtraining import trained, weights_of


@pytest.fixture
def tokens(store: Store, tmp_path: Path) -> Artifact:
    return commit_tokens(store, tmp_path / "tokens", {"web": [20], "math": [5, 4]})


def lines_of(artifact: Artifact) -> list[dict[str, float]]:
    return [json.loads(line) for line in artifact.read_one("metrics.jsonl").splitlines()]


STABLE = {"num_steps": 3, "keep_optimizer": True}
DECAY = {"continue_optimizer": True, "first_step": 3, "num_steps": 3, "schedule": ("cosine",)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": "diffusion"},
        {"optimizer": OptimizerSettings(precision="bfloat16", zero_stage=2)},
    ],
    ids=["causal", "diffusion", "bfloat16"],
)
def test_a_decay_that_goes_on_with_the_optimizer_is_the_second_phase_of_one_training_to_the_bit(
    store: Store, embedded: EmbeddedStore, tokens: Artifact, changes: dict[str, object]
) -> None:
    both = trained(store, embedded, tokens, num_steps=6, schedule=("constant:3", "cosine:3"), **changes)
    stable = trained(store, embedded, tokens, **STABLE, **changes)
    decayed = trained(store, embedded, tokens, model=stable.address, **DECAY, **changes)
    assert weights_of(decayed) == weights_of(both)
    figures = [(each["loss"], each["learning_rate"]) for each in (*lines_of(stable), *lines_of(decayed))]
    assert figures == [(each["loss"], each["learning_rate"]) for each in lines_of(both)]
    if not changes:
        anew = trained(store, embedded, tokens, model=stable.address, **DECAY | {"continue_optimizer": False})
        assert weights_of(anew) != weights_of(both)


def test_a_kept_step_is_the_artifact_of_the_training_that_would_end_there(
    store: Store, embedded: EmbeddedStore, tokens: Artifact
) -> None:
    asked = {"schedule": ("cosine",), "num_seeds": 2, "keep_optimizer": True}
    elsewhere = store.at(f"{store.address}/elsewhere")
    whole = trained(store, embedded, tokens, num_steps=6, keep_steps=(2, 4), **asked)
    for step in (2, 4):
        ending = trained(elsewhere, embedded, tokens, num_steps=step, schedule_steps=6, **asked)
        kept = find_artifact(store, "midtraining", ending.manifest.digest)
        assert kept
        assert kept.manifest.content == ending.manifest.content
        assert kept.manifest.stage == f"midtraining-step-{step}"
        assert kept.manifest.settings["num_steps"] == step
        assert kept.manifest.producer.trace_id == whole.manifest.producer.trace_id
        assert [len(lines_of(each)) for each in models_of(kept)] == [step, step]
    # The stage that would make it finds it, and a later one begins with it.
    found = trained(store, embedded, tokens, num_steps=4, schedule_steps=6, **asked)
    assert found.manifest.producer == kept.manifest.producer
    again = trained(store, embedded, tokens, model=kept.address, continue_optimizer=True, **asked, num_steps=1)
    assert again.manifest.inputs["model"][0].address == kept.address
    # What is kept on the way changes nothing of the whole.
    plain = trained(elsewhere, embedded, tokens, num_steps=6, **asked)
    assert (plain.manifest.digest, plain.manifest.content) == (whole.manifest.digest, whole.manifest.content)


def test_a_step_that_can_no_longer_be_kept_is_refused_with_the_training_that_makes_it(
    store: Store, embedded: EmbeddedStore, tokens: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    gang = {"checkpoint_every": 1}
    ended = "the training ends here"

    def end(*_: object) -> None:
        raise InputError(ended)

    with monkeypatch.context() as patched:
        patched.setattr("octo.ml.midtraining.model_parts", end)
        with pytest.raises(InputError, match=ended):
            trained(store, embedded, tokens, num_steps=6, gang=gang)
    with pytest.raises(
        UsageError,
        match=r"--keep-steps: step 2 was not kept, and the training goes on after step \d: leave it out, and make it "
        "by one of --num-steps=2 --schedule-steps=6",
    ):
        trained(store, embedded, tokens, num_steps=6, gang=gang, keep_steps=(2,))
    with pytest.raises(UsageError, match="--keep-steps: expected steps below 7, as many as there are, got 9"):
        trained(store, embedded, tokens, num_steps=0, keep_steps=(2, 9))


def test_states_are_no_part_of_the_model(store: Store, embedded: EmbeddedStore, tokens: Artifact) -> None:
    with_states, without = (trained(store, embedded, tokens, keep_optimizer=keep) for keep in (True, False))
    assert [part.name for part in with_states.parts() if is_optimizer(part.name)] == ["optimizer.safetensors"]
    assert [part.name for part in model_parts_of(with_states)] == [part.name for part in model_parts_of(without)]
    assert weights_of(with_states) == weights_of(without)


def test_states_that_are_of_something_else_are_refused_before_a_step_is_done(
    store: Store, embedded: EmbeddedStore, tokens: Artifact, tmp_path: Path
) -> None:
    stable = trained(store, embedded, tokens, **STABLE)
    bare = trained(store, embedded, tokens, num_steps=1)
    with pytest.raises(UsageError, match=f"{bare.address} has no optimizer's states: train it with --keep-optimizer"):
        trained(store, embedded, tokens, model=bare.address, **DECAY)
    with pytest.raises(UsageError, match="no optimizer to continue: give --model"):
        trained(store, embedded, tokens, **DECAY)
    for name, there, here in (("beta2", 0.95, 0.99), ("beta1", 0.9, 0.8), ("precision", "float32", "bfloat16")):
        with pytest.raises(
            UsageError,
            match=f"the optimizer of {stable.address} has {name} {there}, and this training {here}: "
            f"give --optimizer.{name}={there}, or leave",
        ):
            trained(store, embedded, tokens, model=stable.address, **DECAY, optimizer=OptimizerSettings(**{name: here}))
    wider = trained(store, embedded, tokens, **STABLE, shape=MidtrainingSettings().shape)
    folder = tmp_path / "parts"
    folder.mkdir()
    parts: dict[str, bytes | Path] = {part.name: stable.read(part) for part in stable.parts()}
    parts |= {part.name: wider.read(part) for part in wider.parts() if is_optimizer(part.name)}
    mixed = commit(store, [parts], job="midtraining", settings={"optimizer": stable.manifest.settings["optimizer"]})
    with pytest.raises(
        InputError,
        match=f"the optimizer's states of {mixed.address} are of another model: of lm_head.weight they have the shape "
        r"\d+x192, and the model has the shape \d+x16: leave --continue-optimizer out",
    ):
        trained(store, embedded, tokens, model=mixed.address, **DECAY)
    assert not kept_checkpoints(store, mixed.manifest.digest)


def test_reading_goes_on_where_the_continued_training_stopped(
    store: Store, embedded: EmbeddedStore, tokens: Artifact
) -> None:
    whole = trained(store, embedded, tokens, num_steps=0)
    left = trained(store, embedded, tokens, num_steps=0, first_step=4)
    told = [json.loads(each.read_one("mixture.json"))["sources"] for each in (whole, left)]
    first = json.loads(trained(store, embedded, tokens, num_steps=4).read_one("mixture.json"))["sources"]
    for of_whole, of_left, of_first in zip(*told, first, strict=True):
        for name in ("sequences", "tokens"):
            assert of_whole[name] == of_first[name] + of_left[name]
        assert of_whole["epochs"] == of_left["epochs"]
    with pytest.raises(
        UsageError, match=r"29 sequences, of which 7 steps \(--first-step\) are taken, is less than one"
    ):
        trained(store, embedded, tokens, num_steps=0, first_step=7)
