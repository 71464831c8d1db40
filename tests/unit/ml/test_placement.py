"""A training computes on what its digest says, or not at all."""

import logging

import pytest
import torch

from octo.errors import UsageError
from octo.ml import process_group
from octo.ml.placement import check_place, device_of, take_place
from octo.ml.process_group import device_of_rank
from octo.settings.base import Need
from octo.settings.decoding import DecodingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from octo.settings.rl import RlSettings


@pytest.fixture(autouse=True)
def _undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_group._Choice, "processor", False)


def test_accelerators_that_are_not_there_are_refused() -> None:
    settings = MidtrainingSettings(need=Need(accelerators=8))
    with pytest.raises(UsageError, match=r"--need\.accelerators=8 asks for accelerators.*give --need\.accelerators=0"):
        take_place(settings, has_accelerator=False)
    take_place(settings, has_accelerator=True)


def test_an_accelerator_that_nobody_asked_for_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of_rank() == torch.device("cuda", 0)
    with caplog.at_level(logging.WARNING):
        take_place(MidtrainingSettings(stage="stable"))
    assert "stable: computes on processors, and leaves this machine's accelerator alone" in caplog.text
    assert device_of_rank() == torch.device("cpu")


def test_a_model_is_completed_with_where_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for settings in (EvaluationSettings, DecodingSettings, RlSettings):
        assert device_of(settings()).type == "cpu"
        assert device_of(settings(need=Need(accelerators=1))).type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"--need\.accelerators=1 asks for accelerators.*and there is none here"):
        device_of(EvaluationSettings(need=Need(accelerators=1)))


def test_a_library_that_chooses_its_device_itself_is_refused_where_the_digest_would_say_another() -> None:
    check_place(RlSettings(), computes_on="processor")
    check_place(DecodingSettings(need=Need(accelerators=2)), computes_on="accelerator")
    with pytest.raises(UsageError, match=r"accelerators=0 asks for .* processors, and vLLM .* accelerator: give .*=1"):
        check_place(RlSettings(), computes_on="accelerator")
    with pytest.raises(UsageError, match=r"accelerators=2 asks for .* accelerators, and vLLM .* processor: give .*=0"):
        check_place(DecodingSettings(need=Need(accelerators=2)), computes_on="processor")


def test_another_number_of_ranks_than_the_digest_has_is_refused_where_it_changes_the_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    plain = OptimizerSettings(reduction="plain")
    with pytest.raises(UsageError, match=r"the settings speak of 2 \(--need\.pods times.*where the gang has 3"):
        take_place(MidtrainingSettings(optimizer=plain, need=Need(pods=2)), has_accelerator=False)
    take_place(MidtrainingSettings(optimizer=plain, need=Need(pods=3)), has_accelerator=False)
    take_place(MidtrainingSettings(need=Need(pods=2)), has_accelerator=False)
