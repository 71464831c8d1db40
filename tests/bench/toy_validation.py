"""What reinforcement learning gains from every start of the toy run at several rates: what its settings are chosen by.

The pipeline as it is, but that its models are judged by the generator's validation problems, which share no pair of
operands with those that the run is judged by, nor with those that anything learns from. The figures are in
docs/toy-claim.md.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from octo.pipelines.octothinker import octothinker
from octo.report.results import Results
from octo.settings.base import S3Settings
from octo.settings.ingestion import IngestionSettings
from octo.storage.artifacts import open_artifact
from octo.storage.session import open_session

RATES = (1e-4, 2e-4, 4e-4)
VALIDATION = "=arithmetic:validation?count=120"


def measure() -> dict[str, float]:
    """By rate and start: points gained by sampled answers in the mean of all seeds, and by the seed that did worst."""
    with TemporaryDirectory() as folder:
        return {
            f"{rate:g}.{name}": value for rate in RATES for name, value in _gains(_results(Path(folder), rate)).items()
        }


def validation_sources() -> list[str]:
    """The toy run's sources of problems, with validation problems in the place of those that judge it."""
    problems = octothinker("toy").stage("problems").settings
    assert isinstance(problems, IngestionSettings)
    return [re.sub(r"=arithmetic:evaluation\?count=\d+", VALIDATION, source) for source in problems.sources]


def _results(folder: Path, rate: float) -> Results:
    """Of a run at that rate; what comes before reinforcement learning is made once."""
    policies = [stage.name for stage in octothinker("toy").stages if stage.settings.job == "rl"]
    changes = [f"problems.sources={json.dumps(validation_sources())}"]
    changes += [f"{policy}.learning_rate={rate}" for policy in policies]
    place = ["--store", str(folder / "store"), "--output", str(folder / "report.html")]
    flags = [flag for change in changes for flag in ("--set", change)]
    command = [sys.executable, "-m", "octo.cli", "run", "octothinker", "--json", *place, *flags]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    address = json.loads(ran.stdout)["stages"]["report"]["address"]
    with open_session(str(folder / "store"), S3Settings()) as session:
        return Results.model_validate_json(open_artifact(session.store, address).read_one("results.json"))


def _gains(results: Results) -> dict[str, float]:
    found = {}
    for branch in results.branches:
        for kind, measure in (("greedy", branch.greedy), ("sampled", branch.sampled)):
            if measure is not None:
                found[f"{branch.name}.{kind}_before"] = 100 * (measure.before.value or 0.0)
                found[f"{branch.name}.{kind}_gain"] = 100 * (measure.gain.value or 0.0)
    return found
