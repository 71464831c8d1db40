import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from octo.errors import UsageError
from octo.pipelines.catalogue import PIPELINES
from octo.pipelines.dag import Parameter, Pipeline, Stage
from octo.pipelines.kubeflow import compile_pipeline
from octo.pipelines.settings import DEFAULT_PRESET
from octo.settings import JOBS
from octo.settings.combined import load_with_job, of_job
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.installation import Images, Installation
from octo.settings.launch import LaunchSettings
from octo.settings.loading import load, with_texts
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.table import table, value_at
from tests.golden.generate import FOLDER, golden_files
from tests.unit.pipelines.compiled import EXECUTOR_INPUT, Compiled, dangling, driver_text, launcher_text

RUN_ID = "0b6e8c1e-6a2f-4f0e-9f43-1f1d6a4e0a11"
FROM_LAUNCH = ("--run-id=", "--stage=", "--settings-file=", "--outputs.")

every_pipeline = pytest.mark.parametrize("name", PIPELINES)
both_writers = pytest.mark.parametrize("written", [driver_text, launcher_text])


def compiled(pipeline: Pipeline, **installation: Any) -> Compiled:
    return Compiled.of(compile_pipeline(pipeline, Installation(**installation)))


@cache
def preset(name: str) -> tuple[Pipeline, Compiled]:
    pipeline = PIPELINES[name](DEFAULT_PRESET)
    return pipeline, compiled(pipeline)


def address(stage: str) -> str:
    return f"s3://bucket/a,b/artifacts/job/{stage}"


def expected(stage: Stage) -> dict[str, Any]:
    """The stage's settings, with the addresses that its inputs were given."""
    jobs_settings = table(type(stage.settings))
    return {
        name: tuple(map(address, producers))
        if next(setting for setting in jobs_settings if setting.key == name).shape == "many"
        else address(*producers)
        for name, producers in stage.inputs.items()
    }


@every_pipeline
def test_the_compiled_file_is_the_one_that_is_kept(name: str) -> None:
    kept = FOLDER / f"{name}.yaml"
    assert kept.read_bytes() == golden_files()[f"{name}.yaml"].encode(), f"{kept} is stale: make generate"


def test_the_bytes_are_the_same_in_every_process() -> None:
    script = (
        "import hashlib; from tests.golden.generate import golden_files; "
        "print(hashlib.sha256(repr(golden_files()).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "2", "random")
    }
    assert len(digests) == 1


@every_pipeline
def test_tasks_are_the_stages_and_edges_their_inputs(name: str) -> None:
    pipeline, kubeflow = preset(name)
    assert dangling(kubeflow) == []
    assert set(kubeflow.tasks) == {stage.name for stage in pipeline.stages}
    for stage in pipeline.stages:
        assert set(kubeflow.producers(stage.name).values()) == set(stage.needs)
        assert set(kubeflow.tasks[stage.name].get("dependentTasks", ())) == set(stage.awaits)


def test_a_stage_that_another_keeps_waits_for_it_and_reads_nothing_of_it() -> None:
    kubeflow = compiled(PIPELINES["octothinker"]("3b-budget"))
    for name in ("decay-20b", "decay-70b"):
        assert set(kubeflow.producers(name).values()) == {"base", "tokenize"}
        assert set(kubeflow.tasks[name]["dependentTasks"]) == {"base", "tokenize", "decay-100b"}


@every_pipeline
@both_writers
def test_a_step_launches_its_stage_with_the_settings_of_the_dag(name: str, written: Callable[[Any], str]) -> None:
    pipeline, kubeflow = preset(name)
    artifacts = {stage.name: address(stage.name) for stage in pipeline.stages}
    for stage in pipeline.stages:
        job, *flags = kubeflow.arguments(
            stage.name, parameters=kubeflow.defaults(), artifacts=artifacts, run_id=RUN_ID, written=written
        )
        of_the_job = [flag for flag in flags if not flag.startswith(FROM_LAUNCH)]
        assert load(JOBS[job], of_the_job, {}) == stage.settings.model_copy(update=expected(stage)), stage.name


@every_pipeline
def test_launch_takes_every_flag_of_a_step(name: str, tmp_path: Path) -> None:
    pipeline, kubeflow = preset(name)
    artifacts = {stage.name: address(stage.name) for stage in pipeline.stages}
    site = tmp_path / "installation.yaml"
    site.write_text("installation: {namespace: research, store: s3://bucket}")
    for stage in pipeline.stages:
        arguments = kubeflow.arguments(
            stage.name, parameters=kubeflow.defaults(), artifacts=artifacts, run_id=RUN_ID, written=driver_text
        )
        assert "--settings-file=/etc/octo/installation.yaml" in arguments
        there = [argument.replace("/etc/octo/installation.yaml", str(site)) for argument in arguments]
        launch, job = load_with_job(LaunchSettings, there, {})
        assert launch.installation.namespace == "research"
        assert (launch.outputs.address, launch.outputs.metrics) == (Path("/kfp/artifact"), Path("/kfp/metrics"))
        assert launch.outputs.executor_input == EXECUTOR_INPUT
        assert launch.outputs.report == (Path("/kfp/report") if stage.settings.job == "report" else None)
        run = {"run_id": RUN_ID, "stage": stage.name, "settings_file": site}
        assert of_job(launch, job) == stage.settings.model_copy(update=expected(stage) | run)


@every_pipeline
def test_a_default_is_the_value_of_the_preset_and_says_what_it_is(name: str) -> None:
    pipeline, kubeflow = preset(name)
    assert set(kubeflow.parameters) == {parameter.name for parameter in pipeline.parameters}
    for parameter in pipeline.parameters:
        setting = parameter.setting(pipeline.stage(parameter.stages[0]))
        shown = kubeflow.parameters[parameter.name]
        text = " ".join((setting.info.description or "").split())
        assert shown["description"].startswith(text), parameter.name
        default = parameter.value(pipeline.stage(parameter.stages[0]))
        assert shown["defaultValue"] == (list(default) if isinstance(default, tuple) else default)


@both_writers
def test_what_a_run_is_started_with_reaches_the_stages_that_ask_for_it(written: Callable[[Any], str]) -> None:
    pipeline, kubeflow = preset("octothinker")
    given = {
        "seed": 7.0,
        "sources": ["web=file:/data/a,b.jsonl", "noisy=arithmetic:noisy?count=5&forget=0.5"],
        "stable_weights": {"math": 1.0, "general": 1e-7},
        "stable_num_steps": 123456789012.0,
        "rl_learning_rate": 0.00001,
        "evaluation_k": [1.0, 3.0],
    }
    artifacts = {stage.name: address(stage.name) for stage in pipeline.stages}
    loaded: dict[str, Any] = {}
    for stage in pipeline.stages:
        job, *flags = kubeflow.arguments(
            stage.name, parameters=kubeflow.defaults() | given, artifacts=artifacts, run_id=RUN_ID, written=written
        )
        loaded[stage.name] = load(JOBS[job], [flag for flag in flags if not flag.startswith(FROM_LAUNCH)], {})
    assert {settings.seed for settings in loaded.values()} == {7}
    assert loaded["ingest"].sources == tuple(given["sources"])
    assert loaded["problems"].sources == pipeline.stage("problems").settings.sources
    assert loaded["stable"].weights == {"math": 1.0, "general": 1e-7}
    assert loaded["stable"].num_steps == 123456789012
    assert {loaded[f"rl-{name}"].learning_rate for name in ("control", "long", "short", "hybrid")} == {1e-5}
    assert loaded["evaluate-long"].k == (1, 3)


MUTATIONS: dict[str, Callable[[Compiled], object]] = {
    "no task": lambda it: it.tasks.pop("curate"),
    "the pipeline has no parameter": lambda it: it.parameters.pop("rl_num_steps"),
    "the pipeline's parameter is": lambda it: it.parameters["seed"].update(parameterType="STRING"),
    "has no output": lambda it: it.component("stable")["outputDefinitions"]["parameters"].update(
        other=it.component("stable")["outputDefinitions"]["parameters"].pop("artifact")
    ),
    "no component": lambda it: it.tasks["report"]["componentRef"].update(name="comp-repor"),
    "no executor": lambda it: it.component("ingest").update(executorLabel="exec-ingset"),
    "nothing stands for": lambda it: it.container("base")["args"].append("--x={{$.inputs.parameters['x']}}"),
    "no argument has": lambda it: it.container("base")["args"].remove("--seed={{$.inputs.parameters['seed']}}"),
    "does not wait for": lambda it: it.tasks["curate"]["dependentTasks"].remove("problems"),
    "is declared or given, not both": lambda it: it.tasks["curate"]["inputs"]["parameters"].pop("run_id"),
    "comes from nowhere": lambda it: it.tasks["curate"]["inputs"]["parameters"].update(run_id={}),
    "nothing calls component": lambda it: it.spec["components"].update(
        {"comp-more": it.spec["components"]["comp-base"]}
    ),
}


@pytest.mark.parametrize("sentence", MUTATIONS)
def test_a_reference_that_leads_nowhere_is_found(sentence: str) -> None:
    kubeflow = deepcopy(preset("octothinker")[1])
    assert dangling(kubeflow) == []
    MUTATIONS[sentence](kubeflow)
    assert any(sentence in problem for problem in dangling(kubeflow))


def test_a_pod_has_what_the_installation_says() -> None:
    images = Images(data="registry/octo-data@sha256:1", pull_policy="Always", pull_secrets=("registry",))
    kubeflow = compiled(
        Pipeline("p", (Stage("a", CurationSettings()),)),
        images=images,
        s3_secret="own",
        labels={"team": "x"},
        annotations={"note": "y"},
    )
    container, pod = kubeflow.container("a"), kubeflow.pods["exec-a"]
    assert container["image"] == images.data
    assert container["command"] == ["python", "-m", "jobs.launch"]
    assert container["resources"]["resourceMemoryLimit"] == container["resources"]["resourceMemoryRequest"] == "512Mi"
    assert pod["imagePullPolicy"] == "Always"
    assert [secret["secretName"] for secret in pod["imagePullSecret"]] == ["registry"]
    assert pod["podMetadata"]["labels"]["team"] == "x"
    assert pod["podMetadata"]["labels"]["app.kubernetes.io/component"] == "launch"
    assert pod["podMetadata"]["annotations"] == {"note": "y"}
    assert pod["securityContext"] == {"runAsUser": "10001", "runAsGroup": "10001", "runAsNonRoot": True}
    (secret,) = pod["secretAsEnv"]
    assert (secret["secretName"], secret["optional"]) == ("own", True)
    assert {entry["secretKey"]: entry["envVar"] for entry in secret["keyToEnv"]} == {
        "access_key": "OCTO_S3__ACCESS_KEY",
        "secret_key": "OCTO_S3__SECRET_KEY",
        "endpoint": "OCTO_S3__ENDPOINT",
    }
    environment = kubeflow.container("a")["env"]
    assert environment == [{"name": "OCTO_S3__SECRET", "value": "own"}]
    # A JobSet that the step's pod owned would go with that pod: it belongs to its run, and to who follows it.
    assert "fieldPathAsEnv" not in pod
    (settings,) = pod["configMapAsVolume"]
    assert (settings["configMapName"], settings["mountPath"]) == ("octo-installation", "/etc/octo")


def test_a_step_is_tried_again_and_never_cached_by_kubeflow() -> None:
    (task,) = compiled(Pipeline("p", (Stage("a", CurationSettings()),))).tasks.values()
    # Argo counts the longest duration from the first start, and gives no try after it; a gang takes days.
    assert task["retryPolicy"] == {
        "maxRetryCount": 10,
        "backoffDuration": "30s",
        "backoffFactor": 1.0,
        "backoffMaxDuration": "31536000s",
    }
    assert not task["cachingOptions"].get("enableCache")


def test_kubernetes_expands_nothing_in_a_setting() -> None:
    stage = Stage("a", IngestionSettings(sources=("web=file:/data/$(HOME)",)))
    (argument,) = [each for each in compiled(Pipeline("p", (stage,))).container("a")["args"] if "sources" in each]
    assert "/data/$$(HOME)" in argument


def two_trainings() -> Pipeline:
    stages = tuple(Stage(name, MidtrainingSettings(batch_size=16)) for name in ("a", "b"))
    return Pipeline("p", stages, parameters=(Parameter("rate", "learning_rate", ("a", "b")),))


def test_a_stage_that_is_given_its_own_value_is_asked_for_no_longer() -> None:
    pipeline = two_trainings()
    changed = pipeline.with_settings({"a": with_texts(pipeline.stage("a").settings, {"learning_rate": "0.5"})})
    assert changed.parameters == (Parameter("rate", "learning_rate", ("b",)),)
    kubeflow = compiled(changed)
    assert "--learning-rate=0.5" in kubeflow.container("a")["args"]
    assert "--learning-rate={{$.inputs.parameters['learning_rate']}}" in kubeflow.container("b")["args"]


def test_a_part_of_a_pipeline_asks_for_what_it_needs() -> None:
    whole = PIPELINES["octothinker"](DEFAULT_PRESET)
    part = compiled(whole.only("curate"))
    assert set(part.tasks) == {"problems", "ingest", "curate"}
    asked = {"seed", "sources", "problem_sources", "benchmark_sources", "not_benchmarks", "unfiltered"}
    assert set(part.parameters) == asked
    assert dangling(part) == []


@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        (Parameter("x", "learning_rat", ("a",)), "did you mean learning_rate"),
        (Parameter("x", "learning_rate", ("c",)), "no stage 'c'"),
        (Parameter("x", "debug", ("a",)), "debug may have no value"),
        (Parameter("rate", "seed", ("a",)), "two parameters of one name"),
    ],
)
def test_a_parameter_that_cannot_be_one_is_refused(parameter: Parameter, sentence: str) -> None:
    pipeline = two_trainings()
    with pytest.raises(UsageError, match=sentence):
        replace(pipeline, parameters=(*pipeline.parameters, parameter))


def test_a_parameter_has_one_default() -> None:
    pipeline = two_trainings()
    stages = (pipeline.stages[0], Stage("b", MidtrainingSettings(learning_rate=0.5)))
    with pytest.raises(UsageError, match="whose learning_rate differ"):
        replace(pipeline, stages=stages)


def test_a_nested_setting_can_be_a_parameter() -> None:
    pipeline = replace(two_trainings(), parameters=(Parameter("decay", "optimizer.weight_decay", ("a", "b")),))
    kubeflow = compiled(pipeline)
    setting = pipeline.parameters[0].setting(pipeline.stages[0])
    assert kubeflow.defaults() == {"decay": value_at(pipeline.stages[0].settings, setting.path)}
    (argument,) = [each for each in kubeflow.container("a")["args"] if "weight-decay" in each]
    assert argument == "--optimizer.weight-decay={{$.inputs.parameters['optimizer_weight_decay']}}"


def test_the_file_is_two_documents_of_plain_yaml() -> None:
    kubeflow = preset("octothinker")[1]
    assert kubeflow.spec["schemaVersion"] == "2.1.0"
    assert set(kubeflow.platforms) == {"platforms"}


def test_help_and_jobs_import_no_kubeflow() -> None:
    script = (
        "import sys, octo.cli, jobs.curation; octo.cli.help_text(); "
        "print([name for name in sys.modules if name.partition('.')[0] in ('kfp', 'kfp_server_api')])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=1500)
    assert ran.stdout == "[]\n"
