"""The real kubectl against the fake API server: with the manifests as they are, and with what octo created."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from octo.cluster.client import Cluster
from octo.cluster.kinds import JOB_SET
from tests.wire.cluster_examples import fleet
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers
from tests.wire.kubernetes.resources import JOB_SETS, JOBS, PODS
from tests.wire.kubernetes.runners import Ending, ScriptedRunner

pytestmark = pytest.mark.tools

MANIFESTS = sorted((Path(__file__).parents[2] / "manifests").glob("*.yaml"))

Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(kubeconfig: Path, tmp_path: Path) -> Kubectl:
    beside = Path(sys.executable).with_name("kubectl")
    binary = str(beside) if beside.exists() else shutil.which("kubectl")
    assert binary, "kubectl is missing: `make check` installs it"

    def run(*arguments: str, stdin: str = "") -> str:
        command = [binary, f"--kubeconfig={kubeconfig}", f"--cache-dir={tmp_path / 'cache'}", *arguments]
        ran = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=1500, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_kubectl_creates_shows_and_deletes_a_manifest_as_it_is(
    kubectl: Kubectl, api: FakeCluster, manifest: Path
) -> None:
    created = kubectl("create", "-f", str(manifest), "-o", "name").split()
    stated = [each for each in yaml.safe_load_all(manifest.read_text()) if each]
    assert len(created) == len(stated) > 0
    [name] = [each for each in created if each.startswith("jobset.")]
    [jobset] = [each for each in stated if each["kind"] == "JobSet"]
    shown = yaml.safe_load(kubectl("get", name, "-o", "yaml"))
    assert shown["spec"] == jobset["spec"]
    assert kubectl("get", "jobsets", "-l", "app.kubernetes.io/name=octo", "-o", "name").split() == [name]
    kubectl("delete", name)
    assert api.store.listed(JOB_SETS) == []


def test_kubectl_applies_twice_without_a_conflict(kubectl: Kubectl, api: FakeCluster) -> None:
    jobset = fleet()
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(jobset))
    jobset["metadata"]["labels"]["more"] = "yes"
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(jobset))
    [found] = api.store.listed(JOB_SETS)
    assert found["metadata"]["labels"]["more"] == "yes"


def test_kubectl_and_octo_see_the_same(kubectl: Kubectl, cluster: Cluster) -> None:
    created = cluster.create(JOB_SET, fleet())
    assert json.loads(kubectl("get", "jobset", "curation", "-o", "json")) == created
    kubectl("annotate", "jobset", "curation", "seen=yes")
    assert cluster.get(JOB_SET, "curation")["metadata"]["annotations"]["seen"] == "yes"


def test_kubectl_shows_and_follows_the_logs_of_pods(kubectl: Kubectl, api: FakeCluster) -> None:
    runner = ScriptedRunner(lambda pod: Ending(lines=("first", f"of {pod['metadata']['labels']['app']}", "last")))
    jobset = fleet(1)
    template = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    template["metadata"] = {"labels": {"app": "octo"}}
    api.store.create(JOB_SETS, jobset)
    Controllers(api, runner).settle()
    [pod] = kubectl("get", "pods", "-o", "name").split()
    assert kubectl("logs", pod) == "first\nof octo\nlast\n"
    assert kubectl("logs", pod, "--follow", "--tail=1") == "last\n"
    assert kubectl("logs", "-l", "app=octo", "--tail=-1") == "first\nof octo\nlast\n"


def test_kubectl_deletes_a_jobset_with_all_that_it_owns(kubectl: Kubectl, api: FakeCluster) -> None:
    api.store.create(JOB_SETS, fleet())
    runner = ScriptedRunner(lambda _pod: Ending())
    Controllers(api, runner).settle()
    assert len(api.store.listed(PODS)) == 2
    kubectl("delete", "jobset", "curation", "--cascade=foreground")
    assert [api.store.listed(each) for each in (JOB_SETS, JOBS, PODS)] == [[], [], []]


def test_kubectl_waits_for_what_octo_watches(kubectl: Kubectl, api: FakeCluster) -> None:
    api.store.create(JOB_SETS, fleet())
    Controllers(api, ScriptedRunner(lambda _pod: Ending())).settle()
    assert "condition met" in kubectl("wait", "--for=condition=Completed", "jobset/curation", "--timeout=30s")
