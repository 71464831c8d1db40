"""The pipelines by name, with a command's changes applied."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

from octo.errors import UsageError
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.data_prefix import with_data_prefix
from octo.pipelines.diffucoder import diffucoder
from octo.pipelines.octothinker import octothinker
from octo.pipelines.settings import PipelineSettings
from octo.settings.loading import with_texts

RUN_FIELDS = frozenset({"store", "s3", "probe", "run_id", "stage", "otlp_endpoint", "progress", "debug"})
"""What a run decides for all of its stages."""

PIPELINES: Mapping[str, Callable[[str], Pipeline]] = {"octothinker": octothinker, "diffucoder": diffucoder}


def choose_pipeline(settings: PipelineSettings) -> Pipeline:
    """The pipeline that the settings name, with `--data-prefix`, `--set` and `--only`; UsageError names the nearest."""
    if settings.pipeline not in PIPELINES:
        near = get_close_matches(settings.pipeline, PIPELINES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(PIPELINES)}"
        raise UsageError(f"no pipeline is called {settings.pipeline!r}: {hint}")
    pipeline = PIPELINES[settings.pipeline](settings.preset)
    if settings.data_prefix:
        pipeline = with_data_prefix(pipeline, settings.data_prefix)
    changes = settings.changes()
    for name, texts in changes.items():
        _check_open(pipeline.stage(name), texts, settings)
    pipeline = pipeline.with_settings(
        {
            name: with_texts(pipeline.stage(name).settings, texts, prefix=f"--set {name}.")
            for name, texts in changes.items()
        }
    )
    chosen = pipeline.only(settings.only) if settings.only else pipeline
    for stage in chosen.stages:
        stage.check_complete()
    return chosen


def _check_open(stage: Stage, keys: Iterable[str], settings: PipelineSettings) -> None:
    """Refuse to set what the pipeline or the run decides: it would be overwritten in silence."""
    for key in keys:
        group = key.replace("-", "_").partition(".")[0]
        if group in stage.inputs:
            producers = ", ".join(stage.inputs[group])
            raise UsageError(f"--set {stage.name}.{key}: the pipeline takes it from {producers}; set something there")
        if group in RUN_FIELDS:
            own = group in type(settings).model_fields
            remedy = f"give octo {settings.verb()} --{key} instead" if own else "leave it out"
            raise UsageError(f"--set {stage.name}.{key}: the run decides it for every stage; {remedy}")
