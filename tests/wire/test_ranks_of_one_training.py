"""One training, whoever does it: several sources, kept steps and decays, on numbers of ranks that change between."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from octo.job import produce
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ranks import run_ranks
from tests.token_shards import commit_tokens

SHAPE = ModelShape(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=2, num_key_value_heads=1)
BATCH = 12
STABLE, DECAY = 5, 4
OBJECTIVES = [
    {"objective": "causal"},
    {"objective": "diffusion", "optimizer": {"precision": "bfloat16"}},
    {"objective": "causal", "threads": 2, "optimizer": {"precision": "bfloat16", "gradient_checkpointing": True}},
]
ELSEWHERE = {
    "OMP_NUM_THREADS": "3",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "7",
    "TZ": "Asia/Kathmandu",
}
"""Of another shell than the one before."""


class Trainings:
    """Of the same four sources, whose documents are of unequal numbers."""

    def __init__(self, store: Store, embedded: EmbeddedStore, folder: Path) -> None:
        self.store, self.s3 = store, embedded.s3
        sources = {"web": [90, 31], "math": [40], "code": [7, 13], "talk": [3]}
        self.tokens = commit_tokens(store, folder / "tokens", sources, length=24)

    def settings(self, at: str, *, stage: int = 0, **changes: Any) -> MidtrainingSettings:
        """Of a training in a store of its own."""
        optimizer = {**changes.pop("optimizer", {}), "zero_stage": stage}
        asked = {
            "shape": SHAPE,
            "weights": {"web": 0.5, "math": 0.3, "code": 0.17, "talk": 0.03},
            "batch_size": BATCH,
            "micro_batch_size": 1,
            "learning_rate": 3e-3,
            "keep_optimizer": True,
            "gang": {"checkpoint_every": 3},
        }
        return MidtrainingSettings(
            store=f"{self.store.address}/{at}",
            s3=self.s3,
            probe=False,
            tokens=(self.tokens.address,),
            **(asked | {"optimizer": optimizer} | changes),
        )

    def on(self, ranks: int, *trainings: MidtrainingSettings, environment: Mapping[str, str] | None = None) -> Any:
        """By so many real ranks, one after the other."""
        flags = [json.dumps(arguments_of(each)) for each in trainings]
        told = {**secrets_of(MidtrainingSettings(s3=self.s3)), **(environment or {})}
        ended = run_ranks(ranks, "tests.wire.trainings_run", *flags, environment=told)
        assert ended.returncode == 0, ended.stderr
        return ended


@pytest.fixture
def trainings(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> Trainings:
    return Trainings(store, embedded, tmp_path)


def found(settings: MidtrainingSettings) -> Artifact:
    """What was committed, which is trained here where it is not there."""
    made = produce(settings, "octo.ml.midtraining:midtrain")
    assert isinstance(made, Artifact)
    return made


def sources_of(artifact: Artifact) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in artifact.read_one("metrics.jsonl").splitlines()]
    return [{name: each for name, each in line.items() if name.startswith("loss.")} for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("changes", OBJECTIVES, ids=["causal", "diffusion", "threads"])
def test_several_sources_have_one_sha256_and_one_loss_each_on_any_number_of_ranks(
    trainings: Trainings, changes: dict[str, Any]
) -> None:
    made = {}
    for number, ranks in enumerate((1, 2, 3, 4, 6)):
        settings = trainings.settings(f"on-{ranks}", stage=number % 4, num_steps=6, **changes)
        trainings.on(ranks, settings, environment=ELSEWHERE if number % 2 else None)
        made[ranks] = found(settings)
    one = made[1]
    for ranks, artifact in made.items():
        assert artifact.manifest.digest == one.manifest.digest, ranks
        assert sources_of(artifact) == sources_of(one), ranks
        assert artifact.manifest.content == one.manifest.content, ranks
        assert artifact.manifest.counters == one.manifest.counters, ranks
    assert {name for line in sources_of(one) for name in line} == {
        f"loss.{each}" for each in ("web", "math", "code", "talk")
    }


@pytest.mark.slow
@pytest.mark.parametrize("changes", OBJECTIVES, ids=["causal", "diffusion", "threads"])
def test_a_decay_on_four_ranks_of_a_step_that_two_kept_is_the_training_of_both_phases_on_one(
    trainings: Trainings, changes: dict[str, Any]
) -> None:
    whole = trainings.settings(
        "whole", num_steps=STABLE + DECAY, schedule=(f"constant:{STABLE}", f"cosine:{DECAY}"), **changes
    )
    # Kept on its way: it goes on for two steps more.
    stable = trainings.settings(
        "parts", stage=2, num_steps=STABLE + 2, schedule=("constant",), keep_steps=(STABLE,), **changes
    )
    trainings.on(1, whole)
    trainings.on(2, stable)
    kept = found(stable.ending_at(STABLE, num_steps=STABLE + 2))
    assert kept.manifest.stage == f"midtraining-step-{STABLE}"
    one = found(whole)
    for stage, ranks in ((3, 4), (1, 2), (0, 1)):
        at = "parts" if ranks == 4 else f"decay-{ranks}"
        decay = trainings.settings(
            at,
            stage=stage,
            model=kept.address,
            continue_optimizer=True,
            first_step=STABLE,
            num_steps=DECAY,
            schedule=("cosine",),
            **changes,
        )
        trainings.on(ranks, decay)
        made = found(decay)
        names = ["model.safetensors", "optimizer.safetensors"]
        assert [made.parts(name)[0].sha256 for name in names] == [one.parts(name)[0].sha256 for name in names], ranks
        assert sources_of(made) == sources_of(one)[STABLE:], ranks
