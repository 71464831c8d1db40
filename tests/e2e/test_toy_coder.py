"""The diffucoder pipeline at its toy preset, as a user runs it: what coupled-GRPO gains, over three seeds."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow.parquet as pq
import pytest

from octo.job import produce
from octo.settings.base import S3Settings
from octo.settings.decoding import DecodingSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.session import Session, open_session
from tests.e2e.conftest import octo

SEEDS = (0, 1, 2)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Mapping[str, Any]]:
    """By seed of the reinforcement; what comes before it is made once."""
    outcomes = []
    for seed in SEEDS:
        place = ["--store", str(folder / "store"), "--output", str(folder / f"{seed}.html")]
        ran = octo(
            "run",
            "diffucoder",
            "--preset",
            "toy",
            "--json",
            *place,
            "--set",
            f"rl.seed={seed}",
            "--set",
            f"rl-decoupled.seed={seed}",
            timeout=1800,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        outcomes.append(json.loads(ran.stdout))
    return outcomes


@pytest.fixture(scope="module")
def session(folder: Path, runs: list[Mapping[str, Any]]) -> Iterator[Session]:
    with open_session(str(folder / "store"), S3Settings()) as opened:
        yield opened


def artifact_of(session: Session, run: Mapping[str, Any], stage: str) -> Artifact:
    return open_artifact(session.store, run["stages"][stage]["address"])


def pass_rates(artifact: Artifact) -> tuple[float, float]:
    """pass@1 of the tuned model and of the reinforced one."""
    parts = sorted(artifact.parts("evaluation.json"), key=lambda part: part.index)
    before, after = (json.loads(artifact.read(part))["pass_at_k"]["1"] for part in parts)
    return before, after


def test_coupled_grpo_raises_the_pass_rate_of_held_out_tasks(session: Session, runs: list[Mapping[str, Any]]) -> None:
    rates = [pass_rates(artifact_of(session, run, "evaluate")) for run in runs]
    assert len({before for before, _ in rates}) == 1
    gains = [after - before for before, after in rates]
    print("before", rates[0][0], "gains", gains)
    assert len(set(gains)) == len(SEEDS)
    assert min(gains) > 0
    assert mean(gains) > 0.05


def test_each_page_says_whether_ar_ness_fell_or_that_it_cannot_be_told(
    session: Session, folder: Path, runs: list[Mapping[str, Any]]
) -> None:
    for seed, run in zip(SEEDS, runs, strict=True):
        findings = json.loads(artifact_of(session, run, "report").read_one("results.json"))["findings"]
        [found] = [each for each in findings if each["claim"] == "order_by_step"]
        print(found["sentence"])
        assert found["outcome"] in {"above", "below", "cannot be told"}
        assert found["sentence"] in (folder / f"{seed}.html").read_text()


def test_each_page_says_what_coupled_masks_taught_beyond_decoupled_ones(
    session: Session, folder: Path, runs: list[Mapping[str, Any]]
) -> None:
    for seed, run in zip(SEEDS, runs, strict=True):
        findings = json.loads(artifact_of(session, run, "report").read_one("results.json"))["findings"]
        [found] = [each for each in findings if each["claim"] == "masks"]
        print(found["sentence"])
        assert found["outcome"] in {"above", "below", "cannot be told"}
        assert found["sentence"] in (folder / f"{seed}.html").read_text()


def test_drafts_halve_the_forward_passes_of_the_tuned_model(session: Session, runs: list[Mapping[str, Any]]) -> None:
    stepwise = artifact_of(session, runs[0], "decode-tune")
    settings = DecodingSettings.model_validate(
        {
            **stepwise.manifest.settings,
            "store": session.store.address,
            "s3": session.s3,
            "model": runs[0]["stages"]["tune"]["address"],
            "prompts": runs[0]["stages"]["problems"]["address"],
            "draft_length": 8,
        }
    )
    drafted = produce(settings, "octo.ml.decoding:decode")
    assert isinstance(drafted, Artifact)
    passes = [each.manifest.counters["forward_passes"] for each in (stepwise, drafted)]
    print("forward passes", passes)
    assert 2 * passes[1] <= passes[0]
    assert texts_of(drafted) == texts_of(stepwise)


def texts_of(artifact: Artifact) -> list[Any]:
    tables = [pq.read_table(io.BytesIO(artifact.read(part))) for part in artifact.parts("completions.parquet")]
    return [row for table in tables for row in table.select(["prompt_id", "text", "tokens", "order"]).to_pylist()]
