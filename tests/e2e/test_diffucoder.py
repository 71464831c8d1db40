"""The diffucoder pipeline, real but for its size: from installed code to a diffusion coder reinforced by tests."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octo.settings.base import S3Settings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.session import open_session
from tests.e2e.conftest import octo

TRAININGS = ("base", "adapt", "mid")
_BY_STAGE: dict[tuple[str, ...], dict[str, Any]] = {
    ("problems",): {"sources": ["prompts=functions:prompts?count=40", "evaluation=functions:evaluation?count=10"]},
    ("ingest",): {"sources": ["code=code:json", "solutions=functions:solutions?count=400&mistakes=0.2"]},
    ("tokenize",): {"vocabulary_size": 300, "sequence_length": 96},
    ("base",): {
        "shape.hidden_size": 32,
        "shape.intermediate_size": 64,
        "shape.num_layers": 1,
        "shape.num_heads": 2,
        "shape.num_key_value_heads": 2,
    },
    TRAININGS: {"batch_size": 8, "micro_batch_size": 4, "num_steps": 3},
    ("tune",): {"max_new_tokens": 60, "batch_size": 16, "micro_batch_size": 8, "num_epochs": 0.2},
    ("rl", "rl-decoupled"): {
        "num_steps": 2,
        "prompts_per_step": 2,
        "group_size": 4,
        "micro_batch_size": 4,
        "max_new_tokens": 8,
        "diffusion.denoising.num_steps": 4,
        "diffusion.variance_every": 1,
        "diffusion.reference_every": 1,
    },
    ("decode-tune", "decode-rl", "decode-rl-warm"): {"max_new_tokens": 8, "prompts_per_shard": 4},
    ("evaluate-half",): {"denoising.num_steps": 4},
    ("evaluate", "evaluate-cool", "evaluate-half", "evaluate-decoupled"): {
        "max_new_tokens": 8,
        "num_samples": 2,
        "k": [1, 2],
    },
}
TINY = [
    flag
    for stages, fields in _BY_STAGE.items()
    for stage in stages
    for field, value in fields.items()
    for flag in ("--set", f"{stage}.{field}={json.dumps(value)}")
]


@dataclass(frozen=True)
class Finished:
    """A run that has ended: where, what its command printed, and what each stage committed."""

    folder: Path
    outcome: dict[str, Any]
    artifacts: Mapping[str, Artifact]

    def metrics(self, stage: str) -> list[dict[str, float]]:
        return [json.loads(line) for line in self.artifacts[stage].read_one("metrics.jsonl").splitlines()]


def run_in(folder: Path) -> subprocess.CompletedProcess[str]:
    place = ["--store", str(folder / "store"), "--output", str(folder / "report.html")]
    return octo("run", "diffucoder", "--json", *place, *TINY, timeout=1500)


@pytest.fixture(scope="module")
def run(coders: Path) -> Iterator[Finished]:
    folder = coders
    ran, again = run_in(folder), run_in(folder)
    assert ran.returncode == again.returncode == 0, ran.stderr[-3000:]
    outcome = json.loads(ran.stdout)
    assert json.loads(again.stdout)["cached"] == len(outcome["stages"]) == 18
    with open_session(str(folder / "store"), S3Settings()) as session:
        addresses = {name: stage["address"] for name, stage in outcome["stages"].items()}
        yield Finished(folder, outcome, {name: open_artifact(session.store, each) for name, each in addresses.items()})


def test_a_causal_model_becomes_a_diffusion_model_and_stays_one(run: Finished) -> None:
    configs = {stage: json.loads(run.artifacts[stage].read_one("config.json")) for stage in (*TRAININGS, "tune", "rl")}
    base = configs.pop("base")
    assert base.get("mask_token_id") is None
    for config in configs.values():
        assert config["mask_token_id"] == base["vocab_size"] == config["vocab_size"] - 1
        assert config["diffusion_attention"] == "bidirectional"
    for stage in configs:
        tokenizer = json.loads(run.artifacts[stage].read_one("tokenizer.json"))
        assert [each["content"] for each in tokenizer["added_tokens"]] == ["<|endoftext|>", "<|pad|>", "<|mask|>"]


def test_reinforcement_tells_of_orders_masks_and_the_reference(run: Finished) -> None:
    metrics = run.metrics("rl")
    assert [line["step"] for line in metrics] == [1, 2]
    for line in metrics:
        assert 0 <= line["global_ar_ness"] <= 1
        assert line["variance_coupled"] > 0
        assert line["variance_decoupled"] > 0
    # The second pass over a rollout is not of the policy that sampled: there is something to clip by.
    assert all(0 <= line["clip_fraction"] < 1 for line in metrics)
    # The reference is the policy of the step before, then that of this one: far from neither at first.
    assert metrics[0]["divergence"] < 1e-3


def test_every_held_out_problem_is_decoded_by_the_tuned_model_and_by_the_reinforced_one(run: Finished) -> None:
    for stage in ("decode-tune", "decode-rl", "decode-rl-warm"):
        artifact = run.artifacts[stage]
        assert artifact.manifest.counters["completions"] == 10
        assert len(artifact.parts("completions.parquet")) == 3


def test_the_evaluation_compares_the_tuned_model_with_the_reinforced_one(run: Finished) -> None:
    artifact = run.artifacts["evaluate"]
    evaluations = [json.loads(artifact.read(part)) for part in artifact.parts("evaluation.json")]
    assert [each["job"] for each in evaluations] == ["tuning", "rl"]
    assert all(each["scoring"] == "code" and each["problems"] == 10 for each in evaluations)


def test_the_page_says_what_coupled_masks_taught_beyond_decoupled_ones(run: Finished) -> None:
    [artifact] = run.artifacts["evaluate-decoupled"].parts("evaluation.json")
    assert json.loads(run.artifacts["evaluate-decoupled"].read(artifact))["job"] == "rl"
    findings = json.loads(run.artifacts["report"].read_one("results.json"))["findings"]
    [found] = [each for each in findings if each["claim"] == "masks"]
    assert found["outcome"] != "not measured"
    assert found["sentence"] in (run.folder / "report.html").read_text()


def test_the_report_asks_whether_anything_was_gained(run: Finished) -> None:
    results = json.loads(run.artifacts["report"].read_one("results.json"))
    assert results["control"] == ""
    assert results["verdict"]["control_gain"] is None
    page = (run.folder / "report.html").read_text()
    assert "raise the share of held-out problems that are solved?" in page
    assert "Global AR-ness at 1" in page
    assert "How diffusion models decode" in page


def test_the_report_shows_orders_and_studies(run: Finished) -> None:
    results = json.loads(run.artifacts["report"].read_one("results.json"))
    assert [each["stage"] for each in results["decodings"]] == ["decode-tune", "decode-rl", "decode-rl-warm"]
    for each in results["decodings"]:
        assert each["exactness"] == "exact"
        assert sum(map(sum, each["num_by_bins"])) > 0
        assert len(each["sink_probabilities"]) == each["length"] == 8
        assert each["picture"]["shown_steps"]
    studies = {each["stage"]: (each["temperature"], each["num_steps"]) for each in results["studies"]}
    # What answers is not shown a second time.
    assert studies == {"evaluate-cool": (0.4, 8), "evaluate-half": (1.0, 4)}
    claims = Counter(each["claim"] for each in results["findings"])
    assert claims == {
        "order": 4,
        "order_by_step": 1,
        "variance": 1,
        "sink": 3,
        "order_of_two": 2,
        "steps": 2,
        "masks": 1,
    }
    page = (run.folder / "report.html").read_text()
    for shown in ("How one completion came to be", "Which position was written at which step", "evaluate-half"):
        assert shown in page
