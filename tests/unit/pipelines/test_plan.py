"""A plan knows what is committed, what would run, and what is not known."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from octo.errors import UsageError
from octo.outcome import concluded
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.plan import Estimate, StagePlan, critical_path, plan
from octo.pipelines.plan_command import one_stage, plan_command
from octo.pipelines.plan_table import plan_text
from octo.render.fitting import Known, memory_of
from octo.settings.base import Need
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.installation import Installation, Pool
from octo.settings.loading import with_texts
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import IndexResult, Output, SpanId
from octo.storage.store import Store
from octo.terminal import Console
from octo.transformer_shape import shape_of

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
        [0],
        stage=stage,
        code_version=1,
        settings={},
        inputs={},
        versions={},
        producer=SpanId(trace_id="0" * 32, span_id="0" * 16),
        started_at=datetime.now(UTC) - timedelta(seconds=seconds),
    )


def shown(pipeline: Pipeline, installation: Installation, store: Store, *, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(plan_text(pipeline, plan(pipeline, installation, store), width=width), soft_wrap=True)
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
    settings = MidtrainingSettings(need=Need(pods=4, accelerators=8), batch_size=64, micro_batch_size=2)
    pipeline = one_stage(settings)
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
    assert "not known *" in text
    assert "* runs, or is cached: which, is known when what it reads is committed" in text
    assert (
        "ingest: whether it is committed is not known here: the package package_of_the_image is not installed" in text
    )


LLAMA = shape_of(
    {
        "model_type": "llama",
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    }
)
H100S = Installation(
    pools=(
        Pool(name="plain"),
        Pool(name="gpus", accelerators=8, accelerator_memory_gib=80, teraflops=989, shares_of_peak=(0.25, 0.5)),
    )
)


def trained(**given: object) -> Pipeline:
    """A model from elsewhere, its tokens, and a training of it."""
    settings = {
        "optimizer": {"precision": "bfloat16", "zero_stage": 2, "gradient_checkpointing": True},
        "need": {"pods": 4, "accelerators": 8, "memory_gib": 500},
        "batch_size": 512,
        "micro_batch_size": 1,
        "num_steps": 1000,
    }
    training = MidtrainingSettings.model_validate(settings | given)
    start = Stage("start", IngestionSettings(sources=("a=arithmetic:prompts?count=5",)), shape=LLAMA)
    tokens = Stage("tokenize", TokenizationSettings(sequence_length=8192), {"tokenizer": ("start",)})
    inputs = {"tokens": ("tokenize",), "model": ("start",)}
    return Pipeline("made", (start, tokens, Stage("train", training, inputs), Stage("again", training, inputs)))


def test_memory_hours_and_bytes_of_a_training_follow_from_the_shape_of_its_model(store: Store) -> None:
    *_, training, _ = plan(trained(), H100S, store)
    [memory] = training.memory
    assert memory.footprint.weights == 2 * LLAMA.num_parameters
    assert (memory.room, memory.fits, memory.is_tight) == (80 << 30, True, False)
    assert training.artifact_bytes == 2 * LLAMA.num_parameters
    assert training.checkpoint_bytes == 14 * LLAMA.num_parameters
    tokens = 1000 * 512 * 8192
    of_a_token = 6 * (LLAMA.num_parameters - LLAMA.num_embedding_parameters) + 6 * 32 * 4096 * 8192
    at_half = tokens * of_a_token * 4 / 3 / (32 * 989e12 * 0.5)
    assert training.estimate is not None
    assert training.estimate.low == pytest.approx(at_half)
    assert training.estimate.high == pytest.approx(2 * at_half)
    assert training.estimate.samples == 0


def test_a_step_that_another_stage_keeps_takes_nothing_and_waits_for_it(store: Store) -> None:
    *before, whole, again = trained(keep_steps=[400], keep_optimizer=True).stages
    assert isinstance(whole.settings, MidtrainingSettings)
    point = replace(again, name="point", settings=whole.settings.ending_at(400, num_steps=1000), after=("train",))
    other = replace(again, name="other", settings=whole.settings.ending_at(300, num_steps=1000), after=("train",))
    pipeline = Pipeline("kept", (*before, whole, point, other))
    plans = {each.stage.name: each for each in plan(pipeline, H100S, store)}
    assert (plans["point"].kept_by, plans["point"].accelerators) == ("train", 0)
    assert (plans["other"].kept_by, plans["other"].accelerators) == ("", 32)
    # Beside weights in bfloat16: masters and two running means in float32.
    assert plans["point"].artifact_bytes == 14 * LLAMA.num_parameters
    both = critical_path([plans["train"], plans["point"]])
    assert both == critical_path([plans["train"]])
    assert "kept by train" in shown(pipeline, H100S, store)


def test_hours_are_not_known_where_the_peak_is_not_told_or_the_data_decides_the_steps(store: Store) -> None:
    assert plan(trained(), GPUS, store)[2].estimate is None
    assert plan(trained(num_steps=0), H100S, store)[2].estimate is None


def test_a_training_that_was_done_before_takes_as_long_as_it_took(store: Store) -> None:
    pipeline = one_stage(MidtrainingSettings(seed=7, stage="train"))
    commit(store, plan(pipeline, Installation(), store)[0].address, stage="train", seconds=50)
    *_, before, counted = plan(trained(), H100S, store)
    assert before.estimate is not None
    assert counted.estimate is not None
    assert (round(before.estimate.middle), before.estimate.samples, counted.estimate.samples) == (50, 1, 0)


@pytest.mark.parametrize(
    "given",
    [
        {"optimizer": {"precision": "bfloat16", "zero_stage": 1, "reduction": "plain"}},
        {"optimizer": {"precision": "bfloat16", "zero_stage": 0}},
        {"optimizer": {"precision": "bfloat16", "zero_stage": 2}, "micro_batch_size": 4},
    ],
)
def test_a_training_that_cannot_fit_is_refused_and_every_remedy_helps(store: Store, given: dict[str, object]) -> None:
    pipeline = trained(need={"pods": 2, "accelerators": 8, "memory_gib": 500}, **given)
    with pytest.raises(UsageError) as refused:
        plan(pipeline, H100S, store)
    said = str(refused.value)
    assert "\n" not in said
    assert said.startswith("train: a rank holds about ")
    assert "and an accelerator of pool gpus has 80 GiB; give --set train." in said
    assert "a pool with accelerators of " in said
    remedies = re.findall(r"--set (?:train)\.(\S+?)=([^\s,]+)", said)
    assert remedies
    for key, text in remedies:
        changed = with_texts(pipeline.stage("train").settings, {key: text}, prefix="--set train.")
        mended = pipeline.only("train").with_settings({"train": changed})
        assert plan(mended, H100S, store)[-1].memory[0].fits


def test_a_model_that_nothing_tells_the_size_of_is_not_refused_and_said_to_be_unknown(store: Store) -> None:
    pipeline = one_stage(MidtrainingSettings(need=Need(accelerators=8), micro_batch_size=2))
    [training] = plan(pipeline, H100S, store)
    assert (training.memory, training.memory_unknown) == ((), "the vocabulary of its tokens is not known")
    text = shown(pipeline, H100S, store)
    assert "midtraining: what it holds in memory is not known: the vocabulary of its tokens is not known" in text


def imported(source: str) -> Pipeline:
    base = Stage("base", PretrainedSettings(source=source))
    problems = Stage("problems", IngestionSettings(sources=("a=arithmetic:prompts?count=5&digits=3",)))
    tokens = Stage("tokenize", TokenizationSettings(sequence_length=256), {"tokenizer": ("base",)})
    training = Stage("train", MidtrainingSettings(), {"tokens": ("tokenize",), "model": ("base",)})
    policy = Stage("rl", RlSettings(), {"model": ("train",), "problems": ("problems",)})
    return Pipeline("made", (base, problems, tokens, training, policy))


TINY = {
    "model_type": "qwen3",
    "vocab_size": 1000,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_the_shape_of_a_model_from_elsewhere_is_read_where_its_config_is(
    store: Store, tmp_path: Path, place: str
) -> None:
    source = f"{store.address}/models/tiny" if place == "s3" else str(tmp_path / "tiny")
    if place == "s3":
        store.put("models/tiny/config.json", json.dumps(TINY).encode())
    else:
        (tmp_path / "tiny").mkdir()
        (tmp_path / "tiny" / "config.json").write_text(json.dumps(TINY))
    *_, training, policy = plan(imported(source), Installation(), store)
    shape = shape_of(TINY)
    assert [each.memory[0].footprint.weights for each in (training, policy)] == [4 * shape.num_parameters] * 2
    assert training.artifact_bytes == policy.artifact_bytes == 4 * shape.num_parameters


def test_a_policy_is_planned_with_questions_as_long_as_those_that_are_generated_for_it(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    pipeline = imported(str(tmp_path))
    [memory] = plan(pipeline, Installation(), store)[-1].memory
    [expected] = memory_of(RlSettings(), Known(shape_of(TINY), prompt=len("123+456=")), [memory.role])
    assert memory.footprint == expected.footprint


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "config.json"),
        ("{", "Expecting property name enclosed in double quotes"),
        ('{"model_type": "mamba"}', "the size of a model of type 'mamba' is not known"),
    ],
)
def test_a_folder_whose_config_tells_no_shape_is_not_refused_and_says_why(
    store: Store, tmp_path: Path, config: str | None, reason: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    training = plan(imported(str(tmp_path)), Installation(), store)[3]
    assert training.memory == ()
    assert training.memory_unknown.startswith("the model of base is not known: ")
    assert reason in training.memory_unknown


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_is_no_wider_than_the_terminal(store: Store, width: int) -> None:
    table, _, sums = shown(trained(), H100S, store, width=width).partition("\n\n")
    assert max(map(len, table.rstrip().splitlines())) <= width
    assert "start" in table
    assert "of 80 GiB" in table
    assert "checkpoint" in table or width < 200
    assert "+ by its operations, at 25% to 50% of the 989 TFLOP/s of an accelerator of gpus" in sums
    assert "models of 48.2 GB in all; 225 GB of checkpoints while the largest training lasts" in sums


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
