"""A gang whose ranks cannot share a step is refused before anything of it waits for a place."""

import pytest

from octo.errors import UsageError
from octo.render.even import refuse_uneven
from octo.render.jobset import jobset
from octo.settings.base import JobSettings, Need
from octo.settings.curation import CurationSettings
from octo.settings.installation import Installation
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from octo.settings.rl import RlSettings
from octo.settings.tuning import TuningSettings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            MidtrainingSettings(need=Need(pods=3), batch_size=24, micro_batch_size=12),
            (
                "midtraining: an update of 24 sequences is 2 micro-batches of 12, which 3 ranks (need.pods times "
                "need.accelerators) cannot share evenly: give --micro-batch-size=8, or other pods"
            ),
        ),
        (
            TuningSettings(need=Need(pods=2, accelerators=8), batch_size=24, micro_batch_size=1),
            (
                "which 16 ranks (need.pods times need.accelerators) cannot share evenly: give updates of a multiple "
                "of 16 sequences, or other pods"
            ),
        ),
        (RlSettings(need=Need(accelerators=8)), "an update of 384 sequences is 4 micro-batches of 96, which 8 ranks"),
    ],
)
def test_ranks_that_would_have_unequal_shares_are_refused_with_a_size_that_fits(
    settings: JobSettings, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        jobset(settings, Installation())
    assert said in str(refused.value)


def test_ranks_that_share_evenly_and_jobs_without_ranks_are_not_refused() -> None:
    together = OptimizerSettings(reduction="plain")
    for settings in (
        CurationSettings(need=Need(pods=7)),
        MidtrainingSettings(need=Need(pods=3), batch_size=24, micro_batch_size=8),
        MidtrainingSettings(need=Need(accelerators=8), optimizer=together, sequence_parallel=8),
        RlSettings(need=Need(accelerators=4)),
    ):
        refuse_uneven(settings)


def test_a_stage_of_a_pipeline_is_named_with_the_setting_that_mends_it() -> None:
    settings = MidtrainingSettings(need=Need(pods=4), batch_size=8, micro_batch_size=4)
    with pytest.raises(UsageError, match=r"stable: an update of 8 .*give --set stable\.micro_batch_size=2, or other"):
        refuse_uneven(settings, stage="stable")
