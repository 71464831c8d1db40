"""Where the data and the models of the papers' presets are: below one prefix, which whoever runs them replaces."""

from octo.errors import UsageError
from octo.pipelines.dag import Pipeline
from octo.settings.base import JobSettings

DATA = "s3://octo-data"
"""What presets say in place of a prefix that nobody but its owner knows."""
_FIELDS = ("sources", "source")
"""Settings that name data or a model from elsewhere."""


def with_data_prefix(pipeline: Pipeline, prefix: str) -> Pipeline:
    """The pipeline with that prefix in every address that a preset has left open; UsageError for what is none."""
    if not prefix.startswith("s3://") or len(prefix) == len("s3://"):
        raise UsageError(f"--data-prefix: expected s3://bucket/prefix, got {prefix!r}")
    changes = {stage.name: _moved(stage.settings, prefix.rstrip("/")) for stage in pipeline.stages}
    if all(changes[stage.name] == stage.settings for stage in pipeline.stages):
        raise UsageError(f"--data-prefix {prefix}: nothing in this preset of {pipeline.name} lies below {DATA}")
    return pipeline.with_settings(changes)


def _moved(settings: JobSettings, prefix: str) -> JobSettings:
    update: dict[str, object] = {}
    for name in _FIELDS:
        value = getattr(settings, name, None)
        if isinstance(value, str):
            update[name] = value.replace(f"{DATA}/", f"{prefix}/")
        elif isinstance(value, tuple):
            update[name] = tuple(each.replace(f"{DATA}/", f"{prefix}/") for each in value)
    return settings.model_copy(update=update)
