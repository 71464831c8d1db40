from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from octo.errors import UsageError
from octo.pipelines.compile_command import compile_command, upload_command
from octo.pipelines.submit_run import submit_pipeline
from tests.unit.pipelines.compiled import Compiled


def test_compile_writes_the_pipeline_as_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.yaml"
    flags = ["-o", str(file), "--only", "ingest", "--set", "ingest.sources=web=file:/data", "--config-map=site"]
    assert compile_command(["octothinker", *flags, "--installation.images.data=registry/octo-data:9"]) == 0
    assert capsys.readouterr().out == f"wrote {file}\n"
    kubeflow = Compiled.of(file.read_text())
    assert list(kubeflow.tasks) == ["ingest"]
    assert list(kubeflow.parameters) == ["seed"]
    assert '--sources=["web=file:/data"]' in kubeflow.container("ingest")["args"]
    assert kubeflow.container("ingest")["image"] == "registry/octo-data:9"
    assert kubeflow.pods["exec-ingest"]["configMapAsVolume"][0]["configMapName"] == "site"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["octothinker"], "--output is missing"),
        (["octothinker", "-o", "/nowhere/p.yaml"], "cannot write /nowhere/p.yaml"),
        (["octothinke", "-o", "p.yaml"], "did you mean octothinker"),
        (["octothinker", "-o", "p.yaml", "--set", "stable.store=s3://x/y"], "the run decides it .*; leave it out"),
        (["octothinker", "-o", "p.yaml", "--set", "stable.model=s3://x/y"], "the pipeline takes it from base"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_file(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=sentence):
        compile_command(arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [upload_command, submit_pipeline])
def test_without_kubeflow_it_is_said_what_it_is_for_and_what_a_cluster_without_it_takes(
    command: Callable[[Sequence[str]], int],
) -> None:
    with pytest.raises(UsageError) as caught:
        command(["octothinker"])
    said = str(caught.value)
    assert said.startswith("--endpoint: this gives a pipeline to Kubeflow Pipelines, and no one names its API")
    assert "http://ml-pipeline.kubeflow:8888" in said
    assert "octo submit JOB" in said
    assert "missing" not in said
