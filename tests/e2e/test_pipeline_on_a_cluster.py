"""The compiled pipeline from its first step to its report, on a fake cluster with real processes for its pods.

Kubeflow's part is done as its backend does it: arguments filled in, a step when those that it reads from have ended.
The steps are octo's launcher, the API server and its controllers are fake, and everything that they start is real.
"""

import json
import uuid
from pathlib import Path

import pytest
import yaml

from octo.cluster.launch import launch
from octo.pipelines.catalogue import choose_pipeline
from octo.pipelines.kubeflow import compile_pipeline
from octo.pipelines.settings import PipelineSettings
from octo.processes import num_cores
from octo.report.runs import described, span_lines
from octo.settings.installation import Installation
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from octo.trace import load_spans, orphans
from tests.e2e.conftest import TINY
from tests.unit.pipelines.compiled import Compiled, launcher_text
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import controlled
from tests.wire.kubernetes.runners import ProcessRunner
from tests.wire.kubernetes.server import api_server
from tests.wire.test_fleet import give_secret


@pytest.mark.slow
def test_a_compiled_pipeline_runs_to_its_report(
    store: Store, embedded: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = str(uuid.uuid4())
    pipeline = choose_pipeline(PipelineSettings(pipeline="octothinker", set=tuple(TINY)))
    installation = Installation(store=store.address, s3_endpoint=embedded.s3.endpoint)
    compiled = Compiled.of(compile_pipeline(pipeline, installation))
    (tmp_path / "installation.yaml").write_text(yaml.safe_dump({"installation": installation.model_dump(mode="json")}))
    addresses: dict[str, str] = {}
    with api_server() as api, controlled(api, ProcessRunner(tmp_path, at_once=num_cores())):
        prepare(api, embedded, tmp_path, monkeypatch)
        while waiting := [task for task in compiled.tasks if task not in addresses]:
            task = next(each for each in waiting if set(compiled.producers(each).values()) <= addresses.keys())
            addresses[task] = run_step(compiled, task, addresses, run_id, tmp_path)
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    stages = {stage["name"]: stage for stage in described(store, run_id)["stages"]}
    assert {stage.name for stage in pipeline.stages} == set(stages)
    assert stages["report"]["inputs"]["evaluations"] == list(pipeline.stage("report").inputs["evaluations"])
    spans = load_spans(span_lines(store, run_id))
    assert {span.trace_id for span in spans} == {run_id.replace("-", "")}
    assert list(orphans(spans)) == []


def prepare(api: FakeCluster, embedded: EmbeddedStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installation has ready: the store's secret, and a way to the cluster."""
    give_secret(api, embedded.s3)
    monkeypatch.setenv("KUBECONFIG", str(api.write_kubeconfig(folder / "kubeconfig")))
    assert embedded.s3.access_key is not None
    assert embedded.s3.secret_key is not None
    monkeypatch.setenv("OCTO_S3__ACCESS_KEY", embedded.s3.access_key.get_secret_value())
    monkeypatch.setenv("OCTO_S3__SECRET_KEY", embedded.s3.secret_key.get_secret_value())


def run_step(compiled: Compiled, task: str, addresses: dict[str, str], run_id: str, folder: Path) -> str:
    """One step to its end: the address of its artifact, as Kubeflow hands it on."""
    outputs = folder / task
    outputs.mkdir()
    arguments = compiled.arguments(
        task, parameters=compiled.defaults(), artifacts=addresses, run_id=run_id, written=launcher_text
    )
    placed = [
        argument.replace("/kfp/report", str(outputs / "report.html"))
        .replace("/kfp/", f"{outputs}/")
        .replace("/s3/root/", f"{outputs}/")
        .replace("/etc/octo/", f"{folder}/")
        .replace("$$(", "$(")
        for argument in arguments
    ]
    assert launch(placed) == 0, task
    shown = json.loads((outputs / "output_metadata.json").read_text())["artifacts"]["metrics"]["artifacts"]
    assert shown[0]["metadata"]["seconds"] >= 0
    return (outputs / "artifact").read_text()
