"""Sixty steps, killed three times and on other ranks each time, make the bytes of sixty that were left alone."""

import random
from pathlib import Path

import pytest

from octo.job import produce
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.midtraining import GangSettings, MidtrainingSettings, ModelShape, OptimizerSettings
from octo.storage.artifacts import Artifact
from octo.storage.checkpoints import kept_checkpoints
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ranks import run_ranks
from tests.token_shards import commit_tokens
from tests.wire.mortal_training import MortalMidtrainingSettings

NUM_STEPS, BATCH, EVERY = 60, 4, 4
RANKS = (2, 4, 1, 2)
"""Of the four attempts, at stages of their own; the first three are killed."""
SHAPE = ModelShape(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=2, num_key_value_heads=1)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["causal", "diffusion"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_sixty_steps_on_other_ranks_after_each_of_three_kills_make_the_same_bytes(
    objective: str, precision: str, store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    tokens = commit_tokens(store, tmp_path / "tokens", {"web": [NUM_STEPS * BATCH]}, length=16)
    calm, rough = (store.at(f"{store.address}/{name}") for name in ("calm", "rough"))

    def settings(at: Store, *, stage: int, updates: int = 0) -> MortalMidtrainingSettings:
        return MortalMidtrainingSettings(
            store=at.address,
            s3=embedded.s3,
            probe=False,
            tokens=(tokens.address,),
            shape=SHAPE,
            objective=objective,
            batch_size=BATCH,
            micro_batch_size=1,
            num_steps=NUM_STEPS,
            optimizer=OptimizerSettings.model_validate({"precision": precision, "zero_stage": stage}),
            gang=GangSettings(checkpoint_every=EVERY),
            updates=updates,
        )

    drawn = random.Random(f"{objective}-{precision}")
    alone = produce(settings(calm, stage=0), "octo.ml.midtraining:midtrain")
    assert isinstance(alone, Artifact)
    done = 0
    for attempt, ranks in enumerate(RANKS):
        # Killed before it is through, and not before a checkpoint is kept.
        updates = drawn.randrange(2 * EVERY + 1, 4 * EVERY) if attempt < len(RANKS) - 1 else 0
        told = settings(rough, stage=3 - attempt, updates=updates)
        ended = run_ranks(
            ranks,
            "tests.wire.mortal_training",
            *arguments_of(told),
            environment=secrets_of(MidtrainingSettings(s3=embedded.s3)),
        )
        assert (f"goes on after step {done} of {NUM_STEPS}\n" in ended.stderr) is (attempt > 0), ended.stderr
        if updates:
            assert ended.returncode == -9
            done = kept_checkpoints(rough, alone.manifest.digest)[0].step
        else:
            assert ended.returncode == 0, ended.stderr
    found = produce(settings(rough, stage=1), "octo.ml.midtraining:midtrain")
    assert isinstance(found, Artifact)
    assert found.manifest.digest == alone.manifest.digest
    assert found.manifest.content == alone.manifest.content
