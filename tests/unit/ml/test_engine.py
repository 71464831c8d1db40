"""One update is the same whatever the number of ranks: real processes that speak gloo, beside one that needs nobody."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from octo.errors import InvariantError, UsageError
from octo.ml.engine import Engine
from octo.ml.tensor_files import StoredTensors
from octo.settings.loading import load, result_settings
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from tests.ranks import run_ranks
from tests.unit.ml.engine_run import MICRO_BATCHES, engine_of, lists, run, train


def on_ranks(num_ranks: int, cases: list[str], folder: Path) -> dict[str, Any]:
    file = folder / f"{num_ranks}.json"
    ended = run_ranks(num_ranks, "tests.unit.ml.engine_run", str(file), *cases)
    assert ended.returncode == 0, ended.stderr
    results: dict[str, Any] = json.loads(file.read_text())
    return results


@pytest.mark.parametrize(
    ("num_ranks", "cases"),
    [
        # Two ranks scale bfloat16 by powers of two, so that nothing is rounded otherwise.
        (2, ["0-float32", "2-bfloat16", "1-bfloat16", "3-bfloat16", "3-bfloat16-read"]),
        (3, ["0-float32", "1-float32", "2-float32", "3-float32", "2-float32-cpu", "3-float32-read"]),
    ],
)
def test_updates_on_several_ranks_are_those_of_one_and_can_be_resumed(
    num_ranks: int, cases: list[str], tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    results = on_ranks(num_ranks, cases, tmp_path)
    for case, ended in results.items():
        # Bit by bit: another engine with these weights and partitions goes on as this one did.
        assert ended["resumed"] == ended["straight"], case
        assert ended == results[case.removesuffix("-read")], case
        expected = run(case, tmp_path / "one")["straight"]
        assert_alike(ended["straight"], expected, case)
        engine = engine_of(case)
        needed = engine.ranks_needed(num_ranks)
        assert len(needed) == {"0": 1, "3": 0}.get(case[0], num_ranks)
        if needed:
            partitions = {rank: StoredTensors([tmp_path / f"{case}.{rank}"]) for rank in needed}
            engine.restore(StoredTensors([tmp_path / f"{case}.weights"]), partitions, saved_by=num_ranks)
            steps = expected["steps"][:3] + train(engine, range(3, 6))
            assert_alike({"steps": steps, "weights": lists(engine.weights())}, expected, case)


def assert_alike(found: dict[str, Any], expected: dict[str, Any], case: str) -> None:
    assert found["weights"].keys() == expected["weights"].keys()
    for name in expected["weights"]:
        np.testing.assert_allclose(found["weights"][name], expected["weights"][name], rtol=1e-5, atol=1e-6)
    for before, after in zip(expected["steps"], found["steps"], strict=True):
        assert after == pytest.approx(before, rel=1e-5), case


@pytest.mark.parametrize("stage", [1, 3])
def test_weights_come_a_tensor_at_a_time_and_tied_ones_once(stage: int) -> None:
    model = LlamaForCausalLM(
        LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=16)
    )
    model.config.tie_word_embeddings = True
    model.tie_weights()
    whole = {name: each.clone() for name, each in model.state_dict().items()}
    engine = Engine(model, settings=OptimizerSettings(reduction="plain", zero_stage=stage), micro_batches=1)
    found = []
    for name, tensor in engine.weights():
        found.append(name)
        assert torch.equal(tensor, whole[name])
        # At stage 3 the others are not here meanwhile.
        assert sum(each.numel() > 0 for each in model.parameters()) == (
            1 if stage == 3 else len(list(model.parameters()))
        )
    assert sorted(found) == sorted(whole.keys() - {"lm_head.weight"})


def test_micro_batches_that_ranks_cannot_share_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="6 micro-batches a step cannot be dealt evenly to 4 ranks: change --batch"):
        engine_of("1-float32")


def test_a_step_takes_the_losses_of_the_whole_batch() -> None:
    with pytest.raises(InvariantError, match=f"takes {MICRO_BATCHES} micro-batches, got 0"):
        engine_of("1-float32").step([], learning_rate=1e-3)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--optimizer.reduction=plain", "--optimizer.precision=bfloat16", "--optimizer.zero-stage=0"],
            "zero_stage 1, 2 or 3 with bfloat16 and reduction plain, got 0",
        ),
        (
            ["--optimizer.reduction=plain", "--optimizer.offload-optimizer=cpu", "--optimizer.zero-stage=0"],
            "with offload_optimizer cpu, got 0",
        ),
        (["--optimizer.offload-optimizer=cpu"], "reduction plain with offload_optimizer cpu, got fixed-order"),
        (["--gang.nccl=NCCL_DEBUG=INFO"], "--gang.nccl: expected a variable of NCCL without NCCL_ before it"),
        (["--gang.nccl=debug=INFO"], "such as DEBUG, got 'debug'"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(flags: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(MidtrainingSettings, flags, {})
    assert said in str(refused.value)


def test_how_a_gang_works_together_does_not_enter_the_digest() -> None:
    changed = load(MidtrainingSettings, ["--gang.checkpoint-every=7", "--gang.nccl=DEBUG=INFO,IB_HCA=mlx5"], {})
    assert changed.gang.nccl == {"DEBUG": "INFO", "IB_HCA": "mlx5"}
    assert result_settings(changed) == result_settings(MidtrainingSettings())
