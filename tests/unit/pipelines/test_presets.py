"""The papers' presets compile, render and plan, every stage of them, and say what the papers say."""

import itertools
from fractions import Fraction
from typing import Any

import pytest
import yaml

from octo.errors import UsageError
from octo.pipelines.catalogue import PIPELINES, choose_pipeline
from octo.pipelines.dag import Pipeline
from octo.pipelines.data_prefix import DATA
from octo.pipelines.diffucoder_papers import QWEN_7B
from octo.pipelines.known import WITH_MODELS
from octo.pipelines.kubeflow import compile_pipeline
from octo.pipelines.octothinker_ablations import ABLATIONS
from octo.pipelines.octothinker_papers import CORPORA, LLAMA_1B, LLAMA_3B, LLAMA_8B, PAPER_SIZES
from octo.pipelines.octothinker_small import SMOLLM2
from octo.pipelines.plan import StagePlan, plan
from octo.pipelines.run import _resume_command, _resumed
from octo.pipelines.settings import PipelineSettings, RunSettings
from octo.render.jobset import jobset
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.installation import Installation, Pool
from octo.settings.midtraining import MidtrainingSettings, keeps
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.storage.store import Store

PRESETS = [
    *(("octothinker", name) for name in (*PAPER_SIZES, *ABLATIONS)),
    ("diffucoder", "7b"),
]
CLUSTER = Installation(
    store="s3://site/octo",
    pools=(
        Pool(name="cpus", cpus=64, memory_gib=256),
        Pool(name="h100s", accelerators=8, accelerator_memory_gib=80, teraflops=989, cpus=128, memory_gib=1800),
    ),
)
"""Accelerators as their maker describes them; nothing was measured on any."""


def made(name: str, preset: str, **given: Any) -> Pipeline:
    return choose_pipeline(PipelineSettings.model_validate({"pipeline": name, "preset": preset, **given}))


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_compiles_renders_and_plans(store: Store, name: str, preset: str) -> None:
    pipeline = made(name, preset)
    spec = yaml.safe_load(compile_pipeline(pipeline, CLUSTER).split("\n---\n")[0])
    assert len(spec["deploymentSpec"]["executors"]) == len(pipeline.stages)
    for stage in pipeline.stages:
        rendered = jobset(stage.reading(dict.fromkeys(stage.needs, f"s3://a/artifacts/b/{'0' * 64}")), CLUSTER)
        assert rendered["spec"]["replicatedJobs"]
    plans = plan(pipeline, CLUSTER, store)
    assert [each.stage.name for each in plans] == [stage.name for stage in pipeline.stages]
    for each in plans:
        settings = each.stage.settings
        if each.kept_by:
            assert (each.pods, each.accelerators, each.checkpoint_bytes, each.runs) == (0, 0, 0, False)
        elif isinstance(settings, MidtrainingSettings):
            assert is_whole(each), each.stage.name
            assert each.estimate is not None
            assert 0 < each.estimate.low < each.estimate.high
        if isinstance(settings, RlSettings):
            assert is_whole(each), each.stage.name
            assert each.estimate is None, "decoding is not bound by operations, so nothing is invented"
        if isinstance(settings, PretrainedSettings):
            assert each.artifact_bytes > 2e9


def is_whole(planned: StagePlan) -> bool:
    """Whether pods, accelerators, memory and bytes are all told, and it fits without being tight."""
    fits = [memory.fits and not memory.is_tight and memory.room for memory in planned.memory]
    return (
        bool(fits) and all(fits) and bool(planned.accelerators and planned.artifact_bytes and planned.checkpoint_bytes)
    )


def test_the_small_preset_is_planned_without_its_package(store: Store) -> None:
    plans = plan(made("octothinker", "small"), Installation(), store)
    with_models = [each for each in plans if isinstance(each.stage.settings, WITH_MODELS)]
    assert len(with_models) >= 6
    for each in with_models:
        assert all(memory.fits and not memory.is_tight for memory in each.memory), each.stage.name
        assert each.memory, each.stage.name


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (SMOLLM2, 134_515_008),
        (LLAMA_1B, 1_235_814_400),
        (LLAMA_3B, 3_212_749_824),
        (LLAMA_8B, 8_030_261_248),
        (QWEN_7B, 7_615_616_512),
    ],
)
def test_shapes_are_those_of_the_models_that_the_papers_begin_with(shape: Any, expected: int) -> None:
    assert shape.num_parameters == expected


@pytest.mark.parametrize(("preset", "peak"), [("1b", 5e-5), ("3b", 2e-5), ("8b", 1e-5)])
def test_the_stable_stage_and_its_branches_are_the_papers(preset: str, peak: float) -> None:
    pipeline = made("octothinker", preset)
    stable, *branches = (pipeline.stage(name).settings for name in ("stable", *(f"decay-{each}" for each in BRANCHES)))
    assert isinstance(stable, MidtrainingSettings)
    assert (stable.num_steps, stable.batch_size, stable.learning_rate) == (50_000, 512, peak)
    assert (stable.schedule, stable.warmup_steps) == (("constant",), 0)
    for branch in branches:
        assert isinstance(branch, MidtrainingSettings)
        assert (branch.num_steps, branch.schedule, branch.final_share) == (5_000, ("cosine",), 0.1)
        assert branch.learning_rate == peak
    assert [pipeline.stage(f"decay-{each}").inputs["model"] for each in BRANCHES] == [("stable",)] * 3


BRANCHES = ("long", "short", "hybrid")


@pytest.mark.parametrize(("name", "preset"), [each for each in PRESETS if each[0] == "octothinker"])
def test_shares_of_every_mixture_sum_to_one_and_every_source_is_ingested(name: str, preset: str) -> None:
    pipeline = made(name, preset)
    ingest = pipeline.stage("ingest").settings
    assert isinstance(ingest, IngestionSettings)
    labels = {source.partition("=")[0] for source in ingest.sources}
    assert labels == set(CORPORA)
    for stage in pipeline.stages:
        if isinstance(stage.settings, MidtrainingSettings):
            weights = stage.settings.weights
            assert sum(Fraction(str(weight)) for weight in weights.values()) == 1
            assert set(weights) <= labels


def test_branches_differ_in_a_third_of_their_tokens_alone() -> None:
    pipeline = made("octothinker", "3b")
    trained = [pipeline.stage(f"decay-{each}").settings for each in BRANCHES]
    for one, other in itertools.pairwise(trained):
        assert one.model_copy(update={"weights": {}}) == other.model_copy(update={"weights": {}})
        assert {name: one.weights[name] for name in COMMON} == {name: other.weights[name] for name in COMMON}
    assert all(sum(each.weights[name] for name in COMMON) == pytest.approx(0.70) for each in trained)


COMMON = ("web-pro", "dclm", "instruction")


def test_ablations_begin_with_the_base_and_budgets_share_one_schedule() -> None:
    web = made("octothinker", "3b-web")
    assert {stage.name for stage in web.stages if isinstance(stage.settings, MidtrainingSettings)} == {
        "decay-finemath",
        "decay-web-pro",
        "decay-web-pro-max",
    }
    assert web.stage("decay-finemath").inputs["model"] == ("base",)
    budget = [made("octothinker", "3b-budget").stage(f"decay-{each}b").settings for each in (20, 70, 100)]
    assert [(each.num_steps, each.schedule_steps) for each in budget] == [
        (5_000, 25_000),
        (17_500, 25_000),
        (25_000, 0),
    ]
    pilots = made("octothinker", "3b-pilots")
    assert len([stage for stage in pilots.stages if stage.name.startswith("decay-")]) == 15
    assert (pilots.stage("stable").settings.num_steps, pilots.stage("stable").settings.schedule_steps) == (
        32_500,
        50_000,
    )


def test_the_points_of_a_budget_are_steps_of_its_longest_training_and_wait_for_it() -> None:
    pipeline = made("octothinker", "3b-budget")
    whole = pipeline.stage("decay-100b")
    assert whole.settings.keep_steps == (5_000, 17_500)
    for name in ("20b", "70b"):
        point = pipeline.stage(f"decay-{name}")
        assert (point.after, point.inputs) == (("decay-100b",), whole.inputs)
        assert keeps(whole.settings, point.settings)
        # Whoever wants one point alone trains no further than there.
        alone = pipeline.only(f"decay-{name}")
        assert "decay-100b" not in {stage.name for stage in alone.stages}
        assert alone.stage(f"decay-{name}").after == ()
    reported = pipeline.stage("report").settings.branches
    assert reported == ("base", "20b", "70b", "100b")


@pytest.mark.parametrize("preset", ["toy", "small", "1b", "3b", "8b", "3b-pilots"])
def test_a_decay_goes_on_with_the_optimizer_of_its_stable_stage(preset: str) -> None:
    pipeline = made("octothinker", preset)
    stable = pipeline.stage("stable").settings
    decays = [stage for stage in pipeline.stages if stage.name.startswith("decay-")]
    assert stable.keep_optimizer
    assert decays
    for decay in decays:
        assert decay.inputs["model"] == ("stable",)
        assert decay.settings.continue_optimizer
        assert not decay.settings.keep_optimizer
        assert decay.settings.warmup_steps == 0
        assert decay.settings.learning_rate == stable.learning_rate
        for name in ("beta1", "beta2", "precision"):
            assert getattr(decay.settings.optimizer, name) == getattr(stable.optimizer, name)


def test_diffucoder_has_four_stages_on_the_causal_model() -> None:
    pipeline = made("diffucoder", "7b")
    chain = {name: pipeline.stage(name).inputs["model"] for name in ("adapt", "mid", "tune", "rl")}
    assert chain == {"adapt": ("base",), "mid": ("adapt",), "tune": ("mid",), "rl": ("tune",)}
    adapt, mid = (pipeline.stage(name).settings for name in ("adapt", "mid"))
    assert adapt.num_steps * adapt.batch_size * 4096 == pytest.approx(65e9, rel=0.01)
    assert (adapt.learning_rate, adapt.warmup_steps, adapt.noising.anneal_steps) == (2e-5, 20_000, 10_000)
    assert (mid.learning_rate, mid.warmup_steps, mid.noising.anneal_steps) == (1e-5, 2_000, 0)
    rl = pipeline.stage("rl").settings
    assert (rl.group_size, rl.diffusion.num_passes, rl.diffusion.kl_weight, rl.clip_low) == (10, 2, 0.01, 0.5)


def test_the_toy_coder_is_trained_by_both_kinds_of_masks_on_equal_terms() -> None:
    pipeline = made("diffucoder", "toy")
    coupled, decoupled = (pipeline.stage(name) for name in ("rl", "rl-decoupled"))
    assert coupled.inputs == decoupled.inputs
    terms = [each.settings.model_dump(mode="json") for each in (coupled, decoupled)]
    assert [each["diffusion"]["coupling"].pop("estimator") for each in terms] == ["coupled", "decoupled"]
    assert terms[0] == terms[1]
    compared = pipeline.stage("evaluate-decoupled")
    assert (compared.settings, compared.inputs["models"]) == (pipeline.stage("evaluate").settings, ("rl-decoupled",))
    assert pipeline.stage("report").inputs["decoupled"] == ("evaluate-decoupled",)
    changed = [each for each in pipeline.parameters if each.name.startswith("rl_")]
    assert {each.stages for each in changed} == {("rl", "rl-decoupled")}
    assert "rl-decoupled" not in {stage.name for stage in made("diffucoder", "7b").stages}


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_one_prefix_moves_all_data_and_the_model(name: str, preset: str) -> None:
    def addresses(pipeline: Pipeline) -> list[str]:
        settings = [stage.settings for stage in pipeline.stages]
        sources = [source for each in settings if isinstance(each, IngestionSettings) for source in each.sources]
        return [*sources, *(each.source for each in settings if isinstance(each, PretrainedSettings))]

    before, after = addresses(made(name, preset)), addresses(made(name, preset, data_prefix="s3://mine/data/"))
    assert sum(DATA in each for each in before) >= 7
    assert after == [each.replace(DATA, "s3://mine/data") for each in before]


def test_a_prefix_is_an_address_and_moves_something() -> None:
    with pytest.raises(UsageError, match="expected s3://bucket/prefix, got '/data'"):
        made("octothinker", "3b", data_prefix="/data")
    with pytest.raises(UsageError, match="nothing in this preset of octothinker lies below s3://octo-data"):
        made("octothinker", "toy", data_prefix="s3://mine")


def test_a_setting_goes_before_a_prefix_and_a_stage_can_be_taken_alone() -> None:
    given = {"data_prefix": "s3://mine", "set": ("base.source=s3://other/model",), "only": "stable"}
    pipeline = made("octothinker", "3b", **given)
    assert pipeline.stage("base").settings.source == "s3://other/model"
    assert [stage.name for stage in pipeline.stages][-1] == "stable"


@pytest.mark.parametrize("name", PIPELINES)
def test_an_unknown_preset_is_told_those_that_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} has no preset '5b': there is toy, "):
        made(name, "5b")


def test_a_run_that_is_resumed_remembers_where_its_data_are() -> None:
    given = RunSettings(pipeline="octothinker", preset="3b", data_prefix="s3://mine", only="stable", store="s3://a/b")
    assert _resume_command(given, "run-1") == "octo run octothinker --store=s3://a/b --run-id=run-1"
    command = {"preset": "3b", "set": (), "only": "stable", "data_prefix": "s3://mine"}
    resumed = _resumed(RunSettings(pipeline="octothinker", run_id="run-1", store="s3://a/b"), {"command": command})
    assert (resumed.preset, resumed.only, resumed.data_prefix) == ("3b", "stable", "s3://mine")
    moved = _resumed(RunSettings(pipeline="octothinker", run_id="run-1", data_prefix="s3://new"), {"command": command})
    assert moved.data_prefix == "s3://new"


def test_the_refining_preset_asks_a_model_between_two_curations_and_changes_no_other(store: Store) -> None:
    pipeline = made("octothinker", "web-pro-max")
    chain = {"sift": "ingest", "grade": "sift", "classify": "sift", "refine": "classify", "curate": "refine"}
    assert {name: pipeline.stage(name).inputs["documents"] for name in chain} == {
        name: (before,) for name, before in chain.items()
    }
    assert pipeline.stage("classify").inputs["graded"] == ("grade",)
    assert {stage.name for stage in pipeline.only("refine").stages} == {"problems", "ingest", *chain} - {"curate"}
    others = {stage.name for stage in pipeline.stages} - set(chain)
    toy = made("octothinker", "toy")
    assert others == {stage.name for stage in toy.stages} - {"curate"}
    assert [name for name in others - {"report"} if pipeline.stage(name) != toy.stage(name)] == []
    # Rewriting makes copies: they are looked for again, exact and near, and so are the questions that are asked later.
    curate = pipeline.stage("curate")
    assert isinstance(curate.settings, CurationSettings)
    assert curate.settings.near.threshold == 0.75
    assert curate.inputs["benchmarks"] == ("problems",)
    for stage in pipeline.stages:
        rendered = jobset(stage.reading(dict.fromkeys(stage.needs, f"s3://a/artifacts/b/{'0' * 64}")), CLUSTER)
        assert rendered["spec"]["replicatedJobs"]
    assert compile_pipeline(pipeline, CLUSTER)
    assert len(plan(pipeline, CLUSTER, store)) == len(pipeline.stages)
