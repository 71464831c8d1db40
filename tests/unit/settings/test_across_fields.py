"""What two settings cannot be at once is refused where they are given, whatever is to be done with them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from octo.cli import main
from octo.settings import JOBS
from octo.settings.denoising import DenoisingSettings
from octo.settings.midtraining import ModelShape, OptimizerSettings
from octo.settings.rl import RolloutSettings

REFUSED = [
    ("midtraining", {"batch_size": 8, "micro_batch_size": 3}, "micro_batch_size that divides batch_size, got 3 of 8"),
    ("midtraining", {"num_steps": 10, "schedule_steps": 9}, r"num_steps of 9 \(schedule_steps\) at most, got 10"),
    ("midtraining", {"num_steps": 10, "keep_steps": (4, 2)}, r"keep_steps that rise below 10 \(num_steps\), got 4,2"),
    ("midtraining", {"num_steps": 10, "keep_steps": (2, 10)}, r"keep_steps that rise below 10 \(num_steps\), got 2,10"),
    ("midtraining", {"keep_steps": (3, 3)}, "keep_steps that rise, got 3,3"),
    ("tuning", {"batch_size": 8, "micro_batch_size": 16}, "micro_batch_size that divides batch_size, got 16 of 8"),
    (
        "rl",
        {"prompts_per_step": 5, "group_size": 2, "micro_batch_size": 4},
        r"divides the completions of a step \(prompts_per_step \* group_size\), got 4 of 10",
    ),
    ("rl", {"rollout": RolloutSettings(engine="vllm")}, "rollout.pods, or rollout.servers, with rollout.engine=vllm"),
    ("rl", {"optimizer": OptimizerSettings(zero_stage=3)}, r"with optimizer.zero_stage=3, .* or take stage 2"),
    ("evaluation", {"k": (1, 16), "num_samples": 8}, "num_samples of 16 or more for that k, got 8"),
    (
        "decoding",
        {"draft_length": 2, "denoising": DenoisingSettings(cache="dual")},
        "exact denoising with draft_length",
    ),
    ("decoding", {"draft_length": 2, "engine": "vllm"}, "engine=torch with draft_length"),
    ("report", {"branches": ("long",), "control": "bse"}, r"one of the branches \(long\), got 'bse'"),
]


@pytest.mark.parametrize(("job", "values", "said"), REFUSED)
def test_settings_that_do_not_go_together_are_refused(job: str, values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        JOBS[job](**values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_heads": 5}, "num_heads that divide hidden_size 192, got 5"),
        ({"hidden_size": 6, "num_heads": 2, "num_key_value_heads": 2}, "heads of an even width, .* got 3"),
        ({"num_key_value_heads": 4}, "num_key_value_heads that divide num_heads 6, got 4"),
    ],
)
def test_a_shape_that_no_model_can_have_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelShape(**values)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "midtraining", "--batch-size=8", "--micro-batch-size=3"],
        ["render", "midtraining", "--batch-size=8", "--micro-batch-size=3"],
        ["submit", "midtraining", "--batch-size=8", "--micro-batch-size=3", "--yes"],
        ["midtraining", "--batch-size=8", "--micro-batch-size=3"],
        ["plan", "octothinker", "--set", "stable.micro_batch_size=3"],
        ["run", "octothinker", "--set", "stable.micro_batch_size=3"],
        ["compile", "octothinker", "--set", "stable.micro_batch_size=3", "-o", "p.yaml"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_every_door_refuses_them_before_anything_runs(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert "expected a micro_batch_size that divides batch_size, got 3 of " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_group_that_is_served_needs_nobody_else() -> None:
    assert JOBS["rl"](rollout=RolloutSettings(engine="vllm", pods=2))
    assert JOBS["rl"](rollout=RolloutSettings(engine="vllm", servers=("http://a:1",)))
    assert JOBS["rl"](role="rollout", rollout=RolloutSettings(engine="vllm"))
