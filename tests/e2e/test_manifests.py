"""The committed manifests do what they say: their containers, run here as processes, end in a report.

What a cluster would do is done by hand and no more: variables are filled in, names of pods resolve to this machine.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from octo.settings import JOBS
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.store import connect
from tests.wire.pretrained_models import MODELS, save

MANIFESTS = Path(__file__).parents[2] / "manifests"
ORDER = (
    "ingestion",
    "grading",
    "classification",
    "refinement",
    "curation",
    "tokenization",
    "pretrained",
    "midtraining",
    "tuning",
    "rl",
    "evaluation",
    "decoding",
    "report",
)
NAME = "example-x7k2q"


def processes(manifest: dict[str, Any], served: EmbeddedStore, folder: Path) -> list[tuple[str, subprocess.Popen[str]]]:
    """Every pod of a JobSet, side by side, as its role and its process."""
    started = []
    for replicated in manifest["spec"]["replicatedJobs"]:
        job = replicated["template"]["spec"]
        [container] = job["template"]["spec"]["containers"]
        for index in range(job["completions"]):
            variables = variables_of(container, str(index), served)
            words = [expanded(word, variables) for word in container["command"] + container["args"]]
            log = folder / f"{replicated['name']}-{index}.json"
            words = [word.replace("/dev/termination-log", str(log)) for word in words]
            process = subprocess.Popen(
                [sys.executable, "-P", *words[1:]],
                env={"PATH": os.environ["PATH"], **variables, "HOME": str(folder), "TMPDIR": str(folder)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            started.append((replicated["name"], process))
    return started


def variables_of(container: dict[str, Any], index: str, served: EmbeddedStore) -> dict[str, str]:
    assert served.s3.access_key is not None
    assert served.s3.secret_key is not None
    secret = {
        "access_key": served.s3.access_key.get_secret_value(),
        "secret_key": served.s3.secret_key.get_secret_value(),
        "endpoint": served.s3.endpoint,
    }
    fields = {
        "metadata.labels['jobset.sigs.k8s.io/jobset-name']": NAME,
        "metadata.annotations['batch.kubernetes.io/job-completion-index']": index,
    }

    def value_of(variable: dict[str, Any]) -> str:
        source = variable.get("valueFrom", {})
        if "secretKeyRef" in source:
            return secret.get(source["secretKeyRef"]["key"], "")
        return fields[source["fieldRef"]["fieldPath"]] if "fieldRef" in source else str(variable["value"])

    return {variable["name"]: value_of(variable) for variable in container["env"]}


def expanded(word: str, variables: dict[str, str]) -> str:
    filled = re.sub(r"(?<!\$)\$\((\w+)\)", lambda found: variables[found[1]], word).replace("$$(", "$(")
    # As the JobSet's headless service would resolve them.
    return re.sub(rf"{NAME}-[a-z]+-\d+-\d+\.{NAME}", "127.0.0.1", filled)


@pytest.mark.slow
def test_the_manifests_run_one_after_another_as_they_are(tmp_path: Path) -> None:
    with embedded_store(tmp_path / "store") as served:
        store = connect("s3://octo", served.s3)
        # What the manifest of pretrained asks to be put there.
        for file in save(MODELS["llama-tied-scaled"](), tmp_path / "model").iterdir():
            store.upload(file, f"models/SmolLM2-135M/{file.name}")
        for job in ORDER:
            folder = tmp_path / job
            folder.mkdir()
            manifest = yaml.safe_load((MANIFESTS / f"{job}.yaml").read_text())
            started = processes(manifest, served, folder)
            targets = manifest["spec"].get("successPolicy", {}).get("targetReplicatedJobs")
            for role, process in started:
                if targets is None or role in targets:
                    output, _ = process.communicate(timeout=1500)
                    assert process.returncode == 0, f"{job} {role}: {output[-3000:]}"
            for _, process in started:
                if process.poll() is None:
                    # As the JobSet does with what is left when the training is done.
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(timeout=1500) == 75
            said = [json.loads(file.read_text()) for file in folder.glob("*.json")]
            [address] = {line["artifact"] for line in said if "artifact" in line}
            assert json.loads(store.get(f"{address.removeprefix('s3://octo/')}/manifest.json"))["job"] == job


def test_the_order_names_every_job_but_launch() -> None:
    assert set(ORDER) == set(JOBS) - {"launch"}
