"""What a step of a Kubeflow pipeline tells Kubeflow of its outputs, beyond the files that hold them.

Kubeflow's launcher runs the step's process, then reads one JSON file, an ExecutorOutput of the pipeline spec, and takes
artifacts' metadata from it. A system.Metrics artifact is nothing but metadata: that file is how metrics reach the UI.
"""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from octo.errors import UsageError

METRICS = "metrics"
"""The step's output that holds metrics."""
MOST_METRICS = 200
"""Shown in the UI, and kept as properties in its database, which was not made for more."""


def executor_output_file(executor_input: str) -> Path:
    """Where the launcher looks for the file; its folder is there already.

    Args:
        executor_input: the JSON that Kubeflow puts in place of `{{$}}`. The placeholder that is meant for the path,
            `{{$.outputs.output_file}}`, is filled in by kfp.local alone, never on a cluster (KFP 2.17).

    Raises:
        UsageError: it is something else.
    """
    try:
        return Path(json.loads(executor_input)["outputs"]["outputFile"])
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"--outputs.executor-input: expected Kubeflow's executor input, a JSON object with outputs.outputFile, "
            f"got {executor_input!r:.200}: it is what a compiled pipeline gives for {{{{$}}}}"
        ) from None


def executor_output(metrics: Mapping[str, object]) -> dict[str, Any]:
    """The ExecutorOutput that shows these metrics.

    Nested mappings become dotted names. What the UI cannot show is left out: lists, nothing at all, and numbers that
    JSON does not have.
    """
    shown = dict(list(_flat(metrics))[:MOST_METRICS])
    return {"artifacts": {METRICS: {"artifacts": [{"metadata": shown}]}}} if shown else {}


def _flat(metrics: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, bool | float | str]]:
    for name, value in metrics.items():
        match value:
            case Mapping():
                yield from _flat(value, f"{prefix}{name}.")
            case bool() | int() | str():
                yield f"{prefix}{name}", value
            case float() if isfinite(value):
                yield f"{prefix}{name}", value
