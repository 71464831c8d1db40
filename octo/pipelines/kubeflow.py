"""A pipeline in Kubeflow's words: KFP v2, each stage a container that launches the stage's JobSet and follows it.

The DAG is static: no loop, no condition, no exit handler. What fans out does so inside a stage's JobSet.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter as Argument
from inspect import Signature
from itertools import dropwhile
from pathlib import Path
from typing import Any

from kfp import compiler, dsl, kubernetes

from octo.pipelines.catalogue import RUN_FIELDS
from octo.pipelines.dag import Parameter, Pipeline, Stage
from octo.render.api_names import check_installation
from octo.render.jobset import label_value
from octo.render.pods import SECRET_KEYS, SECRET_NAME, USER, cores, gibibytes, literally
from octo.settings.installation import Installation
from octo.settings.launch import LaunchSettings
from octo.settings.loading import arguments_of
from octo.settings.table import Setting, table

CONFIG_MAP = "octo-installation"
COMMAND = ("python", "-m", "jobs.launch")
SETTINGS_FOLDER = "/etc/octo"
SETTINGS_FILE = f"{SETTINGS_FOLDER}/installation.yaml"
RETRIES = 10
"""Of a launcher that was lost: the next one adopts its JobSet. A job's own failures are retried by its JobSet; each try
of a launcher tells the last of them again."""
RETRYING = "31536000s"
"""How long after its first start a step may be tried again: a year. Argo counts from then, and allows no later try."""


def compile_pipeline(pipeline: Pipeline, installation: Installation, *, config_map: str = CONFIG_MAP) -> str:
    """The pipeline as KFP's two YAML documents: the same bytes for the same arguments, always.

    Kubeflow's cache is off: octo knows better what has been done already, by the digest of what determines it.

    Args:
        pipeline: its parameters become what a run is started with.
        installation: whose image, secret and labels the steps have; what the jobs need of it they read at run time.
        config_map: its key `installation.yaml` is the settings file of every step, in the namespace of the run.
    """
    check_installation(installation)
    steps = {stage.name: _component(pipeline, stage, installation) for stage in pipeline.stages}

    def connected(**channels: Any) -> None:
        tasks: dict[str, Any] = {}
        for stage in pipeline.stages:
            given = {_argument_name(each): channels[each.name] for each in _parameters(pipeline, stage)}
            taken = {name: tasks[producer].outputs["artifact"] for name, producer in _edges(stage).items()}
            task = steps[stage.name](run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, **given, **taken)
            tasks[stage.name] = _placed(task, stage, installation, config_map).after(*map(tasks.get, stage.after))

    arguments = [_pipeline_argument(pipeline, parameter) for parameter in pipeline.parameters]
    texts = {each.name: _description(pipeline, each) for each in pipeline.parameters}
    function = _with_signature(connected, pipeline.name, arguments, _docstring(pipeline.description, texts))
    return _yaml(dsl.pipeline(function, name=pipeline.name))


def _component(pipeline: Pipeline, stage: Stage, installation: Installation) -> Any:
    """The stage's step: arguments in, the artifact's address, its metrics and perhaps the report's page out."""
    inputs = {
        "run_id": str,
        **{_argument_name(each): _kind(each, stage) for each in _parameters(pipeline, stage)},
        **dict.fromkeys(_edges(stage), str),
    }
    outputs = {"artifact": dsl.OutputPath(str), "metrics": dsl.Output[dsl.Metrics]}
    if stage.settings.job == "report":
        outputs["report"] = dsl.Output[dsl.HTML]

    def container(**given: Any) -> Any:
        return dsl.ContainerSpec(
            image=installation.images.data,
            command=list(COMMAND),
            args=[stage.settings.job, *_arguments(pipeline, stage, given)],
        )

    arguments = [
        Argument(name, Argument.POSITIONAL_OR_KEYWORD, annotation=annotation)
        for name, annotation in {**inputs, **outputs}.items()
    ]
    text = (type(stage.settings).__doc__ or "").partition("\n")[0]
    return dsl.container_component(_with_signature(container, stage.name, arguments, text))


def _arguments(pipeline: Pipeline, stage: Stage, given: Mapping[str, Any]) -> Iterator[str]:
    """The stage's flags: those that are fixed, those that the run is started with, and what comes from other stages."""
    parameters = _parameters(pipeline, stage)
    open_flags = {
        flag
        for setting in table(type(stage.settings))
        if setting.path[0] in RUN_FIELDS or setting.path[0] in stage.inputs
        for flag in setting.flags
    } | {each.setting(stage).flag for each in parameters}
    for argument in arguments_of(stage.settings):
        if argument.partition("=")[0] not in open_flags:
            yield literally(argument)
    for each in parameters:
        yield f"{each.setting(stage).flag}={given[_argument_name(each)]}"
    for setting in table(type(stage.settings)):
        if setting.key in stage.inputs:
            yield f"{setting.flag}={_addresses(stage, setting, given)}"
    yield f"--run-id={given['run_id']}"
    yield f"--stage={stage.name}"
    yield f"--settings-file={SETTINGS_FILE}"
    yield f"--outputs.address={given['artifact']}"
    yield f"--outputs.metrics={given['metrics'].path}"
    if "report" in given:
        yield f"--outputs.report={given['report'].path}"
    # What the launcher of Kubeflow is told goes into a file that only this, of all placeholders, leads to.
    yield f"--outputs.executor-input={dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER}"


def _addresses(stage: Stage, setting: Setting, given: Mapping[str, Any]) -> str:
    values = [str(given[_edge_name(setting.key, producer)]) for producer in stage.inputs[setting.key]]
    if setting.shape == "one":
        return values[0]
    # A JSON array: a prefix of the store may hold a comma.
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


def _placed(task: Any, stage: Stage, installation: Installation, config_map: str) -> Any:
    """The task with what its pod has beside command and arguments.

    Its service account is the run's, which Kubeflow alone can set: whoever starts the run chooses one that may launch.
    """
    need = LaunchSettings.own_need
    task.set_caching_options(False)
    task.set_retry(RETRIES, backoff_duration="30s", backoff_factor=1.0, backoff_max_duration=RETRYING)
    task.set_cpu_request(cores(need.cpus)).set_memory_request(gibibytes(need.memory_gib))
    task.set_memory_limit(gibibytes(need.memory_gib))
    kubernetes.set_image_pull_policy(task, installation.images.pull_policy)
    if installation.images.pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(installation.images.pull_secrets))
    # Kubeflow adds the rest of Pod Security `restricted` itself; a read-only root it cannot have.
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    kubernetes.use_config_map_as_volume(task, config_map, SETTINGS_FOLDER, optional=True)
    if installation.s3_secret:
        kubernetes.use_secret_as_env(task, installation.s3_secret, SECRET_KEYS, optional=True)
        task.set_env_variable(SECRET_NAME, installation.s3_secret)
    for name, value in (_LABELS | {"octo.dev/stage": label_value(stage.name)} | installation.labels).items():
        kubernetes.add_pod_label(task, name, value)
    for name, value in installation.annotations.items():
        kubernetes.add_pod_annotation(task, name, value)
    return task


_LABELS = {
    "app.kubernetes.io/name": "octo",
    "app.kubernetes.io/component": LaunchSettings.job,
    "app.kubernetes.io/managed-by": "octo",
    "octo.dev/job": LaunchSettings.job,
}


def _parameters(pipeline: Pipeline, stage: Stage) -> list[Parameter]:
    return [each for each in pipeline.parameters if stage.name in each.stages]


def _argument_name(parameter: Parameter) -> str:
    return parameter.key.replace(".", "_")


def _edges(stage: Stage) -> dict[str, str]:
    """The stage's inputs as arguments of its step: the stage that each is the artifact of."""
    return {
        _edge_name(field, producer): producer for field, producers in stage.inputs.items() for producer in producers
    }


def _edge_name(field: str, producer: str) -> str:
    return f"{field}_{producer}".replace("-", "_")


def _pipeline_argument(pipeline: Pipeline, parameter: Parameter) -> Argument:
    stage = pipeline.stage(parameter.stages[0])
    setting = parameter.setting(stage)
    default = stage.settings.model_dump(mode="json")
    for name in setting.path:
        default = default[name]
    kind = _kind(parameter, stage)
    return Argument(parameter.name, Argument.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)


def _kind(parameter: Parameter, stage: Stage) -> type:
    """The parameter's type, of those that Kubeflow has; of the rest, texts of choices are given as they are."""
    setting = parameter.setting(stage)
    if setting.shape != "one":
        return list if setting.shape == "many" else dict
    kinds = [type(choice) for choice in setting.choices] or setting.alternatives
    return next((kind for kind in (int, float) if all(each is kind for each in kinds)), str)


def _description(pipeline: Pipeline, parameter: Parameter) -> str:
    stage = pipeline.stage(parameter.stages[0])
    text = " ".join((parameter.setting(stage).info.description or "").split())
    everywhere = len(parameter.stages) == len(pipeline.stages)
    return f"{text} ({'every stage' if everywhere else ', '.join(parameter.stages)})"


def _docstring(summary: str, arguments: Mapping[str, str]) -> str:
    """A docstring: the one place where KFP looks for descriptions."""
    lines = [f"    {name}: {text}" for name, text in arguments.items()]
    return "\n".join([summary, "", "Args:", *lines]) if lines else summary


def _with_signature(
    function: Callable[..., Any], name: str, arguments: list[Argument], docstring: str
) -> Callable[..., Any]:
    """The function as KFP reads one: by its name, signature and docstring, and called by position."""

    def positional(*values: Any) -> Any:
        return function(**dict(zip((each.name for each in arguments), values, strict=True)))

    positional.__name__ = name.replace("-", "_")
    positional.__doc__ = docstring
    positional.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    return positional


def _yaml(pipeline: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.yaml")
        compiler.Compiler().compile(pipeline, str(file))
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    # The comments before the first document hold defaults in an order that differs from process to process.
    return "".join(dropwhile(lambda line: line.startswith("#"), lines))
