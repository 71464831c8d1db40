"""The pipelines by name, with a command's changes applied."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from octo.errors import UsageError
from octo.pipelines.dag import Pipeline
from octo.pipelines.octothinker import octothinker
from octo.pipelines.settings import RunSettings
from octo.settings.loading import with_texts

PIPELINES: Mapping[str, Callable[[str], Pipeline]] = {"octothinker": octothinker}


def choose_pipeline(settings: RunSettings) -> Pipeline:
    """The pipeline that the settings name, with `--set` and `--only` applied; UsageError names the nearest."""
    if settings.pipeline not in PIPELINES:
        near = get_close_matches(settings.pipeline, PIPELINES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(PIPELINES)}"
        raise UsageError(f"no pipeline is called {settings.pipeline!r}: {hint}")
    pipeline = PIPELINES[settings.pipeline](settings.preset)
    changed = {
        name: with_texts(pipeline.stage(name).settings, texts, prefix=f"--set {name}.")
        for name, texts in settings.changes().items()
    }
    pipeline = pipeline.with_settings(changed)
    return pipeline.only(settings.only) if settings.only else pipeline
