"""The reference of coupled-GRPO across restarts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from octo.errors import IntegrityError, UsageError
from octo.job import Job, open_job
from octo.ml.engine import Engine
from octo.ml.rl.diffusion_policy import Reference
from octo.settings.midtraining import OptimizerSettings
from octo.settings.rl import DiffusionPolicySettings, RlSettings
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.unit.ml.diffusion.models import small_model

DIGEST = "d" * 64


@pytest.fixture
def job(store: Store, embedded: EmbeddedStore) -> Iterator[Job[RlSettings]]:
    settings = RlSettings(store=store.address, s3=embedded.s3, diffusion=DiffusionPolicySettings(reference_every=3))
    with open_job(settings, DIGEST, "attempt", None) as job:
        yield job


def one_weight(model: torch.nn.Module) -> float:
    return next(iter(model.parameters()))[0, 0].item()


class Training:
    """A policy whose first weight is the step that it has been trained for."""

    def __init__(self, job: Job[RlSettings], *, restored: int = 0) -> None:
        self.model = small_model().float()
        self.at_start = one_weight(self.model)
        self.engine = Engine(self.model, settings=OptimizerSettings(), micro_batches=1)
        self.reference = Reference(job, self.model)
        self.become(restored)

    def become(self, step: int) -> None:
        if step:
            with torch.no_grad():
                next(iter(self.model.parameters()))[0, 0] = float(step)

    def begin(self, step: int) -> float:
        self.become(step)
        self.reference.begin(step, self.engine)
        return one_weight(self.reference.model)


def test_the_reference_becomes_the_policy_every_so_many_steps(job: Job[RlSettings]) -> None:
    training = Training(job)
    start = training.at_start
    assert [training.begin(step) for step in range(8)] == [start, start, start, 3, 3, 3, 6, 6]


@pytest.mark.parametrize(("restored", "expected"), [(2, None), (3, 3.0), (4, 3.0), (5, 3.0), (6, 6.0), (8, 6.0)])
def test_after_a_restart_the_reference_is_what_it_was(job: Job[RlSettings], restored, expected) -> None:
    straight = Training(job)
    for step in range(restored):
        straight.begin(step)
    resumed = Training(job, restored=restored)
    assert resumed.begin(restored) == straight.begin(restored)
    assert resumed.begin(restored) == (straight.at_start if expected is None else expected)


def test_a_reference_that_was_lost_is_not_made_up(job: Job[RlSettings]) -> None:
    with pytest.raises(IntegrityError, match="the reference of step 3 is not kept: delete the checkpoints"):
        Training(job, restored=4).begin(4)


def test_weights_that_no_rank_has_whole_are_refused(job: Job[RlSettings]) -> None:
    stage_three = job.settings.model_copy(update={"optimizer": OptimizerSettings(zero_stage=3)})
    with pytest.raises(UsageError, match=r"take stage 2, or give --diffusion\.kl-weight=0"):
        Reference(replace(job, settings=stage_three), small_model())
