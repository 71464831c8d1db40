"""Pod Security `restricted` and the least of rights, for every pod of the chart and of manifests/."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from octo.render.pods import container_security, pod_security
from octo.render.rights import JANITOR, LAUNCH, each_verb
from tests.chart.rendering import CHART, ROOT, TOOLS, VALUES_FILES, Document, documents, helm, pods, rendered_file

pytestmark = pytest.mark.tools

MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"))
CONTAINERFILES = sorted((ROOT / "images").glob("*/Containerfile"))
WITH_TOKEN = {"launch", "janitor", "doctor"}
"""Components whose pods speak to the API server."""


def everything() -> Iterator[tuple[str, Document]]:
    for file in VALUES_FILES:
        for name, pod in pods(rendered_file(file)):
            yield f"{file.stem}:{name}", pod
    for file in MANIFESTS:
        for name, pod in pods(list(yaml.safe_load_all(file.read_text()))):
            yield f"{file.name}:{name}", pod


def test_every_pod_is_restricted() -> None:
    for name, pod in everything():
        assert pod["spec"]["securityContext"] == pod_security(), name
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == container_security(), name
        assert not pod["spec"].keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}, name
        for volume in pod["spec"]["volumes"]:
            assert volume.keys() <= {"name", "emptyDir", "configMap", "projected"}, name


def test_every_container_has_limits_and_an_image_of_a_version() -> None:
    for name, pod in everything():
        for container in pod["spec"]["containers"]:
            resources = container["resources"]
            assert resources["limits"].keys() >= {"memory", "ephemeral-storage"}, name
            assert resources["requests"].keys() >= {"cpu", "memory", "ephemeral-storage"}, name
            tag = container["image"].rpartition(":")[2]
            assert tag not in ("", "latest", container["image"]), name


def test_only_who_speaks_to_the_api_server_has_a_token() -> None:
    for name, pod in everything():
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        assert pod["spec"]["automountServiceAccountToken"] == (component in WITH_TOKEN), name
        assert pod["spec"]["enableServiceLinks"] is False, name


def test_every_account_and_config_map_that_a_pod_names_is_there() -> None:
    for file in VALUES_FILES:
        rendered = rendered_file(file)
        there = {(each["kind"], each["metadata"]["name"]) for each in rendered}
        for name, pod in pods(rendered):
            assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in there, name
            for volume in pod["spec"]["volumes"]:
                if "configMap" in volume:
                    assert ("ConfigMap", volume["configMap"]["name"]) in there, name


def test_no_right_is_a_wildcard_or_beyond_the_namespace() -> None:
    for file in VALUES_FILES:
        for each in rendered_file(file):
            assert each["kind"] not in ("ClusterRole", "ClusterRoleBinding", "Secret")
            for rule in each.get("rules", []):
                assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def rights(rendered: tuple[Document, ...], duty: str) -> set[tuple[str, str, str]]:
    [role] = [each for each in rendered if each["kind"] == "Role" and each["metadata"]["name"].endswith(f"-{duty}")]
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(("stem", "queued"), [("full", True), ("minimal", False)])
def test_the_chart_grants_what_the_table_of_rights_says_and_nothing_else(stem: str, *, queued: bool) -> None:
    """Doctor asks by the same table, and tests/wire/test_cluster_rights.py holds the commands to it."""
    [file] = [file for file in VALUES_FILES if file.stem.startswith(stem)]
    for duty, table in (("launch", LAUNCH), ("janitor", JANITOR)):
        stated = {(right.group, right.resource, verb) for right, verb in each_verb(table, queued=queued)}
        assert rights(rendered_file(file), duty) == stated


def test_without_a_queue_nobody_has_rights_on_kueue() -> None:
    [minimal] = [file for file in VALUES_FILES if file.stem.startswith("minimal")]
    assert not [right for right in rights(rendered_file(minimal), "launch") if right[0].startswith("kueue")]


def test_a_policy_scanner_finds_nothing_high_or_critical(tmp_path: Path) -> None:
    shutil.copytree(CHART, tmp_path / "chart")
    for file in MANIFESTS:
        (tmp_path / file.name).write_text(file.read_text())
    for values in VALUES_FILES:
        done = helm("template", values)
        documents(done)
        (tmp_path / values.name).write_text(done.stdout)
    done = scanned(tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_policy_scanner_would_find_a_privileged_pod(tmp_path: Path) -> None:
    [document] = yaml.safe_load_all(MANIFESTS[0].read_text())
    [(_, pod)] = list(pods([document]))[:1]
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    alone = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod["spec"]}
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(alone))
    assert scanned(tmp_path).returncode == 1


def scanned(folder: Path) -> subprocess.CompletedProcess[str]:
    offline = ["--skip-check-update", "--skip-version-check", "--disable-telemetry", "--quiet"]
    return subprocess.run(
        [TOOLS / "trivy", "config", *offline, "--exit-code=1", "--severity=HIGH,CRITICAL", folder],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )


@pytest.mark.parametrize("file", CONTAINERFILES, ids=lambda file: file.parent.name)
def test_a_containerfile_has_nothing_to_complain_of(file: Path) -> None:
    done = subprocess.run(
        [TOOLS / "hadolint", "--failure-threshold=warning", file],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout
