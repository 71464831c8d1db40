"""One description of a job, five doors: whichever it comes in by, the pods are the same.

Image, arguments, environment, resources, retries and security are all in a JobSet's spec, so the specs are compared
whole.
"""

import contextlib
import io
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from octo.outcome import concluded
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.kubeflow import compile_pipeline
from octo.render.command import render_command
from octo.render.examples import INSTALLATION, examples
from octo.render.jobset import installed, jobset
from octo.render.launched import launched
from octo.settings import JOBS
from octo.settings.base import JobSettings
from octo.settings.combined import load_with_job, of_job
from octo.settings.installation import Installation, Pool, Toleration
from octo.settings.launch import LaunchSettings
from octo.settings.loading import arguments_of, load
from tests.chart.rendering import config_map, rendered_chart

MANIFESTS = Path(__file__).parents[2] / "manifests"
EXAMPLES = {job: settings for job, settings in examples().items() if job != LaunchSettings.job}

SITE = Installation(
    queue="team",
    queue_priority="urgent",
    topology="cloud.example/rack",
    pools=(
        Pool(name="plain", node_selector={"pool": "plain"}, cpus=64, memory_gib=256, share=2),
        Pool(name="spot", spot=True, tolerations=(Toleration(key="spot", effect="NoSchedule"),)),
        Pool(name="gpus", accelerators=8, accelerator_memory_gib=80, interconnect=("nvlink",)),
    ),
    store="s3://site/octo",
    s3_endpoint="http://objects.storage:9000",
    s3_secret="team-s3",
    otlp_endpoint="http://collector:4318",
    service_account="octo-jobs",
    labels={"cost-center": "research"},
)
"""An installation that has a say in everything."""

CHANGES: Mapping[str, dict[str, Any]] = {
    "ingestion": {"need": {"pods": 7, "retries": 1}, "sources": ("a=python:stdlib", "b=arithmetic:prompts?count=9")},
    "grading": {"need": {"pods": 3}, "quotas": {"2014": 5, "undated": 0}, "rubric": 'It\'s "fine".\n\nFinal score: N'},
    "classification": {"need": {"pods": 3}, "threshold": 0.25, "fasttext": {"dimension": 64}},
    "refinement": {"need": {"pods": 3}, "untouched": ("a, b",), "guards": {"least_length": 0.25}},
    "curation": {"need": {"pods": 5}, "unfiltered": ("$(NOT_A_VARIABLE)", 'it\'s, "quoted"')},
    "tokenization": {"need": {"memory_gib": 33.5}, "special": {"end": "<|im_end|>"}},
    "pretrained": {"need": {"scratch_gib": 200}, "special": {"end": "<|im_end|>", "pad": 'it\'s [PAD], "too"'}},
    "midtraining": {
        "need": {"pods": 2, "accelerators": 8, "interconnect": "nvlink"},
        "batch_size": 16,
        "micro_batch_size": 1,
        "weights": {"a": 0.5, "b": 1e-7},
    },
    "decoding": {"need": {"pods": 3}, "num_samples": 4, "temperature": 0.2},
    "tuning": {
        "need": {"pods": 2, "accelerators": 8, "interconnect": "nvlink"},
        "micro_batch_size": 2,
        "padding": "batch",
    },
    "rl": {"need": {"accelerators": 4}, "rollout": {"pods": 2}},
    "evaluation": {"need": {"pods": 3, "deadline_seconds": 60}, "k": (1, 3)},
    "report": {"need": {"shared_memory_gib": 0.5}},
}
"""Settings unlike the examples', of every kind that a flag can be hard to say."""


def changed(job: str) -> JobSettings:
    """An example with other settings, in a run and a stage of its own."""
    example = EXAMPLES[job].model_dump()
    groups = {name: example[name] | value for name, value in CHANGES[job].items() if name in ("need", "rollout")}
    return JOBS[job].model_validate(example | CHANGES[job] | groups | {"run_id": "run-1", "stage": f"my-{job}"})


def by_render(settings: JobSettings, installation: Installation, folder: Path) -> dict[str, Any]:
    file = settings_file(installation, folder)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        arguments = [settings.job, *arguments_of(settings), f"--settings-file={file}"]
        assert concluded(render_command, arguments) == 0
    return dict(yaml.safe_load(out.getvalue()))


def by_chart(settings: JobSettings, installation: Installation, folder: Path) -> dict[str, Any]:
    """What the chart's own Job launches, told by its arguments and the ConfigMap that it mounts."""
    left_out: Any = {**dict.fromkeys(("s3", "settings_file", "termination_log"), True), "endpoint": {"api_key"}}
    own = settings.model_dump(mode="json", exclude=left_out)
    documents = rendered_chart(
        {
            "installation": installation.model_dump(mode="json"),
            "jobs": {"mine": {"job": settings.job, "settings": own}},
        },
        folder,
    )
    [job] = [each for each in documents if each["kind"] == "Job"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    return launched_by(container["command"] + container.get("args", []), config_map(documents, job), folder)


def by_pipeline(settings: JobSettings, installation: Installation, folder: Path) -> dict[str, Any]:
    """What a step of the compiled pipeline launches, told by its arguments and the installation's ConfigMap."""
    pipeline = Pipeline("one", (Stage(settings.stage, settings),))
    spec = yaml.safe_load(compile_pipeline(pipeline, installation).split("\n---\n")[0])
    [executor] = spec["deploymentSpec"]["executors"].values()
    container = executor["container"]
    filled = [as_kubeflow_fills(each, settings) for each in container["command"] + container["args"]]
    return launched_by(filled, yaml.safe_dump({"installation": installation.model_dump(mode="json")}), folder)


def as_kubeflow_fills(argument: str, settings: JobSettings) -> str:
    filled = re.sub(r"\{\{\$\.inputs\.parameters\['run_id'\]\}\}", settings.run_id, argument)
    return re.sub(r"\{\{\$.*\}\}", "{}" if "executor-input" in argument else "/tmp/output", filled)


def launched_by(command: list[str], mounted: str, folder: Path) -> dict[str, Any]:
    """The JobSet that `python -m jobs.launch JOB ...` makes of what it is told."""
    file = folder / "mounted.yaml"
    file.write_text(mounted)
    assert command[:3] == ["python", "-m", "jobs.launch"], shlex.join(command)
    arguments = [f"--settings-file={file}" if each.startswith("--settings-file=") else each for each in command[3:]]
    # What Kubernetes makes of the arguments before the process sees them.
    settings, job = load_with_job(LaunchSettings, [each.replace("$$(", "$(") for each in arguments], {})
    return launched(of_job(settings, job), settings.installation, followed=True)


def settings_file(installation: Installation, folder: Path) -> Path:
    file = folder / "installation.yaml"
    file.write_text(yaml.safe_dump({"installation": installation.model_dump(mode="json")}))
    return file


Door = Callable[[JobSettings, Installation, Path], dict[str, Any]]
DOORS = [
    pytest.param(by_render, id="render"),
    pytest.param(by_pipeline, id="pipeline"),
    pytest.param(by_chart, id="chart", marks=pytest.mark.tools),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("job", sorted(EXAMPLES))
def test_whichever_door_a_job_comes_in_by_its_pods_are_the_same(job: str, door: Door, tmp_path: Path) -> None:
    settings = changed(job)
    expected = jobset(settings, SITE)
    found = door(settings, SITE, tmp_path)
    assert found["spec"] == expected["spec"]
    labels = {name: value for name, value in found["metadata"]["labels"].items() if name != "octo.dev/followed"}
    assert labels == expected["metadata"]["labels"]


@pytest.mark.parametrize("job", sorted(EXAMPLES))
def test_a_manifest_is_what_render_prints_for_its_example(job: str, tmp_path: Path) -> None:
    [manifest] = yaml.safe_load_all((MANIFESTS / f"{job}.yaml").read_text())
    assert manifest == by_render(EXAMPLES[job], INSTALLATION, tmp_path)


def test_there_is_a_manifest_for_every_job_and_no_other() -> None:
    assert {file.stem for file in MANIFESTS.glob("*.yaml")} == set(JOBS)


@pytest.mark.parametrize("job", sorted(EXAMPLES))
def test_every_pod_starts_the_job_with_the_settings_that_were_given(job: str) -> None:
    """As `octo JOB` would read them from the container's arguments and variables."""
    settings = changed(job)
    rendered = jobset(settings, SITE)
    for each in rendered["spec"]["replicatedJobs"]:
        [container] = each["template"]["spec"]["template"]["spec"]["containers"]
        words = [*container["command"], *container["args"]]
        arguments = [word.replace("$$(", "$(") for word in words[words.index(f"jobs.{job}") + 1 :]]
        told = load(JOBS[job], arguments, {})
        # What a pod is told beside: its part of the work, where to leave word, and how long it has when it is stopped.
        names = {"shard_group", "termination_log", "rollout", "role", "grace_seconds"} & type(told).model_fields.keys()
        beside: Any = {**dict.fromkeys(names, True), "endpoint": {"servers"}}
        assert told.model_dump(exclude=beside) == installed(settings, SITE).model_dump(exclude=beside)
        if "octo.ml.gang" in words:
            pod = each["template"]["spec"]["template"]["spec"]
            assert told.grace_seconds == pod["terminationGracePeriodSeconds"] == SITE.grace_seconds
