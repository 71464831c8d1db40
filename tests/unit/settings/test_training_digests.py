"""What belongs to a training's digest: all that can change its result, and nothing that cannot."""

import pytest

from octo.job import stage_digest
from octo.settings.base import Need
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from octo.settings.rl import RlSettings, RolloutSettings
from octo.settings.tuning import TuningSettings

TRAININGS = (MidtrainingSettings, TuningSettings, RlSettings)


def digest_of(kind: type[MidtrainingSettings | TuningSettings | RlSettings], need: Need, **optimizer: object) -> str:
    settings = kind(need=need, optimizer=OptimizerSettings.model_validate(optimizer))
    return stage_digest(settings)


@pytest.mark.parametrize("kind", TRAININGS)
def test_ranks_and_stages_belong_to_the_result_of_the_plain_mode_alone(
    kind: type[MidtrainingSettings | TuningSettings | RlSettings],
) -> None:
    exact = {digest_of(kind, Need(pods=pods), zero_stage=stage) for pods in (1, 4) for stage in (0, 1, 2)}
    assert len(exact) == 1
    plain = {
        digest_of(kind, Need(pods=pods), zero_stage=stage, reduction="plain") for pods in (1, 4) for stage in (0, 1, 2)
    }
    assert len(plain | exact) == 7
    offloaded = digest_of(kind, Need(), zero_stage=1, reduction="plain", offload_optimizer="cpu")
    assert offloaded not in plain


@pytest.mark.parametrize("kind", TRAININGS)
@pytest.mark.parametrize("reduction", ["fixed-order", "plain"])
def test_an_accelerators_result_is_another_than_a_processors(
    kind: type[MidtrainingSettings | TuningSettings | RlSettings], reduction: str
) -> None:
    by_accelerators = {number: digest_of(kind, Need(accelerators=number), reduction=reduction) for number in (0, 1, 8)}
    # How many there are is how many ranks there are.
    assert len(set(by_accelerators.values())) == (2 if reduction == "fixed-order" else 3)


def test_as_many_ranks_are_as_many_ranks_whatever_pods_they_are_in() -> None:
    spread, together = (
        digest_of(MidtrainingSettings, need, reduction="plain")
        for need in (Need(pods=4, accelerators=2), Need(pods=1, accelerators=8))
    )
    assert spread == together


def test_a_learner_without_weights_of_its_own_has_the_digest_of_one_that_has_them() -> None:
    rollout = RolloutSettings(pods=1)
    digests = {
        stage_digest(RlSettings(rollout=rollout, optimizer=OptimizerSettings(zero_stage=stage))) for stage in (1, 3)
    }
    assert len(digests) == 1
