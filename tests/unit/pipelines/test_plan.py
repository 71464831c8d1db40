"""A plan knows what is committed, what would run, and what is not known."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from octo.errors import UsageError
from octo.outcome import concluded
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.plan import Estimate, StagePlan, critical_path, plan
from octo.pipelines.plan_command import one_stage, plan_command, plan_text
from octo.settings.base import Need
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.installation import Installation, Pool
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import IndexResult, Output, SpanId
from octo.storage.store import Store

GPUS = Installation(pools=(Pool(name="plain"), Pool(name="gpus", accelerators=8)))
DATA = Pipeline(
    "data",
    (
        Stage("ingest", IngestionSettings(sources=("a=arithmetic:prompts?count=5",), need=Need(pods=3))),
        Stage("curate", CurationSettings(), {"documents": ("ingest",)}),
        Stage("tokenize", TokenizationSettings(), {"corpus": ("curate",)}),
    ),
)


def commit(store: Store, address: str, *, stage: str, seconds: float) -> None:
    """An artifact at that address that took so long to make."""
    job, digest = address.split("/")[-2:]
    output = Output(store, job=job, digest=digest, attempt="test")
    output.commit(0, IndexResult(parts={"a": b""}))
    output.finish(
        stage=stage,
        code_version=1,
        settings={},
        inputs={},
        versions={},
        producer=SpanId(trace_id="0" * 32, span_id="0" * 16),
        started_at=datetime.now(UTC) - timedelta(seconds=seconds),
    )


def shown(pipeline: Pipeline, installation: Installation, store: Store) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(plan_text(pipeline, plan(pipeline, installation, store)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_is_committed_would_not_run_and_what_reads_it_still_would(store: Store) -> None:
    address = plan(DATA, Installation(), store)[0].address
    commit(store, address, stage="ingest", seconds=10)
    ingest, curate, tokenize = plan(DATA, Installation(), store)
    assert (ingest.cached, curate.cached, tokenize.cached) == (True, False, False)
    assert (ingest.pods, curate.pods, tokenize.pods) == (0, 1, 1)
    assert "data: 2 of 3 stages to run, 2 pods, no accelerators" in shown(DATA, Installation(), store)


def test_accelerators_are_counted_over_all_nodes_and_placed_in_their_pool(store: Store) -> None:
    pipeline = one_stage(MidtrainingSettings(need=Need(pods=4, accelerators=8)))
    [training] = plan(pipeline, GPUS, store)
    assert (training.pods, training.accelerators) == (4, 32)
    assert training.roles[0].placement.pool.name == "gpus"
    assert "4 pods with 32 accelerators" in shown(pipeline, GPUS, store)


def test_a_pipeline_that_no_pool_fits_is_refused_before_anything_is_created(store: Store) -> None:
    with pytest.raises(UsageError, match="no pool fits"):
        plan(one_stage(MidtrainingSettings(need=Need(accelerators=16))), GPUS, store)


def test_an_estimate_is_how_long_the_stage_took_before_or_else_the_job(store: Store) -> None:
    for seed, (stage, seconds) in enumerate([("other", 1000.0), ("ingest", 10.0), ("ingest", 30.0), ("ingest", 20.0)]):
        past = one_stage(IngestionSettings(sources=("a=arithmetic:prompts?count=6",), seed=seed))
        commit(store, plan(past, Installation(), store)[0].address, stage=stage, seconds=seconds)
    ingest, curate, _ = plan(DATA, Installation(), store)
    assert ingest.estimate is not None
    assert [round(each) for each in ingest.estimate] == [20, 10, 30, 3]
    assert curate.estimate is None
    text = shown(DATA, Installation(), store)
    assert "about 20 s (10 s to 30 s) on the critical path" in text
    assert "2 stages without a past are not counted" in text


def test_stages_side_by_side_take_as_long_as_the_longest() -> None:
    def timed(name: str, seconds: float, *needs: str) -> StagePlan:
        stage = Stage(name, TokenizationSettings(), {"corpus": needs} if needs else {})
        estimate = Estimate(seconds, seconds / 2, seconds * 2, 3)
        return StagePlan(stage=stage, roles=(), address="", cached=False, estimate=estimate)

    plans = [timed("a", 10), timed("b", 40, "a"), timed("c", 5, "a"), timed("d", 1, "b", "c")]
    total, unknown = critical_path(plans)
    assert (total.middle, total.low, total.high, unknown) == (51, 25.5, 102, 0)


def test_a_source_that_only_the_image_has_leaves_its_address_unknown_and_says_why(store: Store) -> None:
    pipeline = DATA.with_settings({"ingest": IngestionSettings(sources=("a=python:package_of_the_image",))})
    ingest, curate, _ = plan(pipeline, Installation(), store)
    assert (ingest.address, curate.address) == ("", "")
    text = shown(pipeline, Installation(), store)
    assert "runs, or is cached" in text
    assert (
        "ingest: whether it is committed is not known here: the package package_of_the_image is not installed" in text
    )


@pytest.fixture
def no_store(tmp_path: Path) -> str:
    return f"--store={tmp_path / 'store'}"


def test_the_command_prints_one_object_for_scripts(no_store: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ingestion", "--sources=a=arithmetic:prompts?count=5", "--need.pods=4", no_store, "--json"]
    assert concluded(plan_command, arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["name"], printed["pods"], printed["stages"][0]["cached"]) == ("ingestion", 4, False)


def test_a_misspelt_name_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert concluded(plan_command, ["octothinkr"]) == 2
    said = capsys.readouterr().err
    assert said == "octo: there is neither a pipeline nor a job 'octothinkr' to plan: did you mean octothinker?\n"
