"""An artifact in a few numbers, for whoever looks at a pipeline's step: its counters and where its curves ended."""

import json
from collections.abc import Mapping

from octo.storage.artifacts import Artifact

CURVES = "metrics.jsonl"
EVALUATION = "evaluation.json"


def metrics_of(artifact: Artifact) -> Mapping[str, float]:
    """Numbers by name: seconds, counters, the last line of the training's curves, accuracy and pass@k of each model."""
    manifest = artifact.manifest
    found: dict[str, float] = {"seconds": (manifest.committed_at - manifest.started_at).total_seconds()}
    found |= {name: float(count) for name, count in manifest.counters.items()}
    for part in artifact.parts(CURVES):
        lines = artifact.read(part).splitlines()
        found |= {f"last.{name}": value for name, value in json.loads(lines[-1]).items()} if lines else {}
    for part in artifact.parts(EVALUATION):
        found |= _of_evaluation(json.loads(artifact.read(part)), f"model-{part.index}")
    return found


def _of_evaluation(evaluation: Mapping[str, object], model: str) -> dict[str, float]:
    greedy, pass_at_k = evaluation.get("greedy"), evaluation.get("pass_at_k")
    found = {}
    if isinstance(greedy, Mapping) and greedy["total"]:
        found[f"{model}.accuracy"] = greedy["correct"] / greedy["total"]
    if isinstance(pass_at_k, Mapping):
        found |= {f"{model}.pass_at_{k}": float(value) for k, value in pass_at_k.items()}
    return found
