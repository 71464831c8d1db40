"""Sequences that two ranks compute together are learnt from as by one: real ranks that speak gloo, beside none."""

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig

from octo.errors import UsageError
from octo.job import produce
from octo.ml.sequence_parallel import check_together
from octo.settings.loading import arguments_of, load, result_settings, secrets_of
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ranks import run_ranks
from tests.token_shards import commit_tokens
from tests.unit.ml.sequence_parallel_run import CASES, DTYPES, LONG, learnt, resumed, trained

BOUNDS = {torch.float32: 2e-6, torch.float64: 1e-14}
"""Of the difference between two gradients, and the length of either."""


@pytest.fixture(scope="module")
def training(
    connection: Store, embedded: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> MidtrainingSettings:
    """Of two sources, whose sequences have an odd number of tokens."""
    store = connection.at(f"{connection.address}/{uuid.uuid4().hex}")
    tokens = commit_tokens(store, tmp_path_factory.mktemp("tokens"), {"web": [9], "math": [6]}, length=31)
    return MidtrainingSettings(
        store=store.address,
        s3=embedded.s3,
        probe=False,
        tokens=(tokens.address,),
        shape={"hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "num_key_value_heads": 1},
        batch_size=4,
        micro_batch_size=2,
        num_steps=3,
        optimizer={"reduction": "plain"},
    )


@pytest.fixture(scope="module")
def together(training: MidtrainingSettings) -> MidtrainingSettings:
    return training.model_copy(update={"need": training.need.model_copy(update={"pods": 2}), "sequence_parallel": 2})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, together: MidtrainingSettings) -> Path:
    """What two ranks have left of every case, beside what this process has of trainings by itself."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "one").mkdir()
    torch.set_num_threads(1)
    cases = [*((stage, "float32") for stage in (0, 1, 2)), (2, "bfloat16")]
    alone = {f"{stage}-{precision}": trained(stage, precision, folder / "one") for stage, precision in cases}
    (folder / "one" / "results.json").write_text(json.dumps(alone))
    flags = json.dumps(arguments_of(together))
    secrets = secrets_of(together)
    ended = run_ranks(2, "tests.unit.ml.sequence_parallel_run", str(folder), flags, environment=secrets)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_losses_and_gradients_are_those_of_one_rank_within_what_floats_round(dtype: torch.dtype, folder: Path) -> None:
    for number, case in enumerate(CASES):
        expected = learnt(case, dtype)
        found = load_file(folder / f"{number}-{dtype}.safetensors")
        assert found.keys() == expected.keys()
        for name, each in expected.items():
            gap = float((found[name] - each).norm() / each.norm())
            assert gap <= BOUNDS[dtype], (case, name, gap)


def test_steps_are_those_of_one_rank_at_every_stage_and_go_on_from_its_checkpoint_as_it_does_from_theirs(
    folder: Path, results: dict[str, Any]
) -> None:
    alone = json.loads((folder / "one" / "results.json").read_text())
    for case, steps in results["trained"].items():
        *found, [counted, total] = steps
        # What the ranks count is the same sequences: once.
        assert (counted, total) == (5, 3.5)
        # Of one rank, stage 3 is stage 2.
        expected = alone[case.replace("3-", "2-")]
        np.testing.assert_allclose(found, expected[:-1], rtol=0.02 if "bfloat16" in case else 1e-5)
    for stage in (0, 1, 2):
        case = f"{stage}-float32"
        np.testing.assert_allclose(results["resumed"][case], alone[case][2:4], rtol=1e-5)
        np.testing.assert_allclose(resumed(stage, "float32", folder, saved_by=2), alone[case][2:4], rtol=1e-5)


@pytest.mark.usefixtures("folder")
def test_a_training_tells_each_token_once_and_is_another_artifact_than_that_of_one_rank(
    training: MidtrainingSettings, together: MidtrainingSettings
) -> None:
    found, alone = (produce(each, "octo.ml.midtraining:midtrain") for each in (together, training))
    assert isinstance(found, Artifact)
    assert isinstance(alone, Artifact)
    assert found.manifest.digest != alone.manifest.digest
    assert found.read_one("mixture.json") == alone.read_one("mixture.json")
    assert found.manifest.counters == alone.manifest.counters
    lines, expected = (
        [json.loads(line) for line in each.read_one("metrics.jsonl").splitlines()] for each in (found, alone)
    )
    assert {"loss.web", "loss.math"} <= lines[0].keys()
    for line, other in zip(lines, expected, strict=True):
        assert line == pytest.approx(other, rel=1e-5)


def test_of_8192_tokens_not_a_bit_changes_with_another_document_that_is_cut(results: dict[str, Any]) -> None:
    for kind, (others_stay, share_that_stays, num_tokens) in results["seen"].items():
        assert others_stay, kind
        assert share_that_stays < 0.05, kind
        assert num_tokens == sum(LONG) - len(LONG)


def test_a_gradient_that_is_no_number_on_one_rank_is_told_and_waited_for_by_none(results: dict[str, Any]) -> None:
    assert (
        results["spoilt"] == "False: the first tensor that holds no number is the gradient of model.embed_tokens.weight"
    )


def test_heads_that_ranks_cannot_share_are_refused_before_a_step(results: dict[str, Any]) -> None:
    assert (
        "--sequence-parallel=2 shares out a model's 3 attention heads, which it does not divide" in results["refused"]
    )


@pytest.mark.parametrize(
    ("ranks", "changes", "said"),
    [
        (3, {}, "which does not divide the gang's 3: give a divisor"),
        (
            4,
            {"num_key_value_heads": 3, "num_attention_heads": 12, "hidden_size": 96},
            "3 heads of keys and values, and",
        ),
        (2, {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "with dynamic rotary"),
    ],
)
def test_models_and_gangs_that_cannot_compute_sequences_together_are_refused(
    ranks: int, changes: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    with pytest.raises(UsageError, match=said):
        check_together(LlamaConfig(**changes), 4 if ranks == 4 else 2)


@pytest.mark.parametrize("job", [MidtrainingSettings, TuningSettings])
def test_what_cannot_be_shared_out_is_refused_and_what_is_belongs_to_the_digest(
    job: type[MidtrainingSettings | TuningSettings],
) -> None:
    plain = ["--optimizer.reduction=plain", "--need.pods=4"]
    with pytest.raises(UsageError, match="reduction plain with sequence_parallel 2, got fixed-order"):
        load(job, ["--sequence-parallel=2", "--need.pods=2"], {})
    with pytest.raises(UsageError, match=r"divides the 4 ranks \(need.pods times need.accelerators\), got 3"):
        load(job, [*plain, "--sequence-parallel=3"], {})
    one, two, four = (load(job, [*plain, f"--sequence-parallel={size}"], {}) for size in (1, 2, 4))
    assert result_settings(one) == result_settings(two)
    assert "sequence_parallel" not in one.determinants()
    assert [each.determinants()["sequence_parallel"] for each in (two, four)] == [2, 4]
