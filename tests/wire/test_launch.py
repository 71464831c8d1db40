"""Launching: what a pipeline's step does from its first flag to the files that Kubeflow reads."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octo.cluster.launch import launch
from octo.report.page import render_page
from octo.report.runs import described, recorded
from octo.settings.base import S3Settings
from octo.settings.curation import CurationSettings
from octo.settings.loading import arguments_of
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.wire.cluster_examples import COMPLETE
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.resources import JOB_SETS, JOBS, NAMESPACES
from tests.wire.kubernetes.runners import Ending, ScriptedRunner

RUN = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def made(store: Store) -> Artifact:
    return commit(store, [{"documents.parquet": b"1"}], job="curation")


@pytest.fixture
def pods(made: Artifact) -> ScriptedRunner:
    """Pods that end as a process would that made that artifact."""
    said = json.dumps({"artifact": made.address})
    return ScriptedRunner(lambda _pod: Ending(0, said, lines=("curation: 1 of 1 shards",)))


@pytest.fixture
def controllers(api: FakeCluster, pods: ScriptedRunner) -> Iterator[Controllers]:
    with controlled(api, pods) as controllers:
        yield controllers


@pytest.fixture
def launched(
    kubeconfig: Path, store: Store, embedded: EmbeddedStore, controllers: Controllers, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """`octo launch curation` with these flags more."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    set_secrets(monkeypatch, embedded.s3)

    def run(*flags: str, stage: str = "curate") -> int:
        settings = CurationSettings(
            store=store.address, s3=S3Settings(endpoint=embedded.s3.endpoint), stage=stage, **COMPLETE
        )
        return launch(["curation", *arguments_of(settings), f"--run-id={RUN}", *flags])

    return run


def set_secrets(monkeypatch: pytest.MonkeyPatch, s3: S3Settings) -> None:
    assert s3.access_key is not None
    assert s3.secret_key is not None
    monkeypatch.setenv("OCTO_S3__ACCESS_KEY", s3.access_key.get_secret_value())
    monkeypatch.setenv("OCTO_S3__SECRET_KEY", s3.secret_key.get_secret_value())


def only_jobset(api: FakeCluster) -> Object:
    [jobset] = api.store.listed(JOB_SETS, "default")
    return jobset


def test_a_step_relays_the_log_and_leaves_its_outputs(
    launched: Callable[..., int], made: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = tmp_path / "executor" / "output.json"
    code = launched(
        f"--outputs.address={tmp_path / 'outputs' / 'address'}",
        f"--outputs.metrics={tmp_path / 'metrics.json'}",
        f"--outputs.executor-input={json.dumps({'outputs': {'outputFile': str(executor)}})}",
    )
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "curation: 1 of 1 shards" in printed.out.splitlines()
    assert (tmp_path / "outputs" / "address").read_text() == made.address
    seconds = json.loads((tmp_path / "metrics.json").read_text())["seconds"]
    shown = json.loads(executor.read_text())["artifacts"]["metrics"]["artifacts"][0]["metadata"]
    assert shown["seconds"] == seconds >= 0


def test_a_step_that_is_tried_again_adopts_what_the_first_created(
    launched: Callable[..., int], api: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launched() == launched() == 0
    assert only_jobset(api)["metadata"]["name"].startswith("curate-")
    said = [line for line in capsys.readouterr().out.splitlines() if "JobSet" in line]
    assert [line.split()[1] for line in said] == ["created", "adopted"]


def test_the_jobset_belongs_to_the_launchers_job_and_is_followed(
    launched: Callable[..., int], api: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = api.store.create(JOBS, {"metadata": {"name": "step"}, "spec": {"suspend": True}})["metadata"]["uid"]
    monkeypatch.setenv("OCTO_OWNER__NAME", "step")
    monkeypatch.setenv("OCTO_OWNER__UID", uid)
    assert launched() == 0
    metadata = only_jobset(api)["metadata"]
    assert metadata["ownerReferences"] == [{"apiVersion": "batch/v1", "kind": "Job", "name": "step", "uid": uid}]
    assert metadata["labels"]["octo.dev/followed"] == "true"
    assert "octo.dev/heartbeat" in metadata["annotations"]


def test_a_jobset_in_another_namespace_has_no_owner_that_is_not_there(
    launched: Callable[..., int], api: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCTO_OWNER__NAME", "step-pod")
    monkeypatch.setenv("OCTO_OWNER__UID", "17")
    api.store.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    assert launched("--installation.namespace=elsewhere") == 0
    [jobset] = api.store.listed(JOB_SETS, "elsewhere")
    assert "ownerReferences" not in jobset["metadata"]


def test_the_run_has_its_uuid_for_a_trace_and_its_pods_know_their_parent(
    launched: Callable[..., int], api: FakeCluster, store: Store
) -> None:
    assert launched() == 0
    assert described(store, RUN)["trace_id"] == RUN.replace("-", "")
    [replicated] = only_jobset(api)["spec"]["replicatedJobs"]
    [container] = replicated["template"]["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["OCTO_TRACEPARENT"].split("-")[1] == RUN.replace("-", "")
    assert any("/launch-curate-" in key for key in store.list(f"runs/{RUN}/spans/"))


def test_what_the_steps_recorded_makes_the_runs_page(
    launched: Callable[..., int], store: Store, made: Artifact, tmp_path: Path
) -> None:
    assert launched(stage="curate") == 0
    report = tmp_path / "report.html"
    assert launched(f"--documents={made.address}", f"--outputs.report={report}", stage="again") == 0
    stages = {stage["name"]: stage for stage in described(store, RUN)["stages"]}
    assert stages.keys() == {"curate", "again"}
    assert stages["again"]["address"] == made.address
    assert recorded(store, RUN, "again")["state"] in ("done", "cached")
    assert report.read_text().startswith("<!doctype html>")
    assert "curate" in render_page(store, RUN)


@pytest.mark.parametrize(
    ("ending", "code", "sentence"),
    [
        (Ending(2, '{"error": "--min-words: expected a value above 0"}'), 2, "--min-words: expected a value above 0"),
        (Ending(1, '{"error": "the store is full"}'), 1, "the store is full"),
        (Ending(137, reason="OOMKilled"), 1, "was killed for using more memory"),
    ],
)
def test_a_step_ends_as_its_job_did_and_says_why(
    launched: Callable[..., int],
    pods: ScriptedRunner,
    store: Store,
    ending: Ending,
    code: int,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    pods.script = lambda _pod: ending
    assert launched("--need.retries=0", f"--outputs.address={tmp_path / 'address'}") == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "address").exists()
    record = recorded(store, RUN, "curate")
    assert record["state"] == "failed"
    assert sentence in record["message"]


def test_a_jobset_that_failed_is_not_tried_again_behind_ones_back(
    launched: Callable[..., int], pods: ScriptedRunner, api: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    pods.script = lambda _pod: Ending(2, '{"error": "wrong"}')
    assert launched() == launched() == 2
    name = only_jobset(api)["metadata"]["name"]
    assert f"octo cancel {name}" in capsys.readouterr().err


def test_pods_that_share_no_directory_need_a_store(
    controllers: Controllers, kubeconfig: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert launch(["curation"]) == 2
    assert "no store is named" in capsys.readouterr().err


def test_only_jobs_can_be_launched(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch(["launch"]) == 2
    assert launch(["curatoin"]) == 2
    assert "did you mean curation?" in capsys.readouterr().err
