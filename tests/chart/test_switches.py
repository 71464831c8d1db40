"""What a switch of the chart leaves out, and what names make of everybody's names."""

from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import Document, pods, rendered_chart

pytestmark = pytest.mark.tools

MOST_NAME_CHARACTERS = 63


def kinds_and_names(rendered: list[Document]) -> set[str]:
    return {f"{each['kind']}/{each['metadata']['name']}" for each in rendered}


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"janitor": {"enabled": False}}, "-janitor"),
        ({"serviceAccounts": {"create": False}}, "ServiceAccount/"),
        ({"rbac": {"create": False}}, "Role"),
        ({"networkPolicies": {"enabled": False}}, "NetworkPolicy/"),
    ],
)
def test_what_is_switched_off_leaves_nothing_behind(values: Document, gone: str, tmp_path: Path) -> None:
    assert [each for each in kinds_and_names(rendered_chart({}, tmp_path)) if gone in each]
    assert [each for each in kinds_and_names(rendered_chart(values, tmp_path)) if gone in each] == []


def test_nothing_optional_is_there_unasked(tmp_path: Path) -> None:
    kinds = {each["kind"] for each in rendered_chart({}, tmp_path)}
    base = {"ConfigMap", "CronJob", "NetworkPolicy", "Pod", "Role", "RoleBinding", "ServiceAccount"}
    assert kinds == base


def test_accounts_that_are_there_already_are_named_and_not_created(tmp_path: Path) -> None:
    values = {
        "serviceAccounts": {"create": False},
        "installation": {"service_account": "theirs", "launch_service_account": "robot"},
    }
    rendered = rendered_chart(values, tmp_path)
    [binding] = [each for each in rendered if each["metadata"]["name"] == "octo-launch" and "subjects" in each]
    assert [each["name"] for each in binding["subjects"]] == ["robot"]


def test_without_a_secret_pods_are_left_to_workload_identity(tmp_path: Path) -> None:
    values = {"installation": {"s3_secret": ""}, "jobs": {"a": {"job": "report"}}}
    for name, pod in pods(rendered_chart(values, tmp_path)):
        for container in pod["spec"]["containers"]:
            assert not [each for each in container["env"] if "secretKeyRef" in str(each)], name


def test_a_scheduled_job_is_a_run_of_its_own_each_time(tmp_path: Path) -> None:
    def variables(entry: dict[str, Any]) -> set[str]:
        rendered = rendered_chart({"jobs": {"a": {"job": "report", **entry}}}, tmp_path)
        [pod] = [pod for name, pod in pods(rendered) if name.partition("/")[2].startswith("octo-job-a")]
        return {each["name"] for each in pod["spec"]["containers"][0]["env"]}

    assert "OCTO_RUN_ID" in variables({"schedule": "@daily"})
    assert "OCTO_RUN_ID" not in variables({})


def test_the_longest_names_fit(tmp_path: Path) -> None:
    values = {
        "fullnameOverride": "n" * 60,
        "jobs": {"j" * 16: {"job": "report"}},
        "kubeflow": {"upload": True},
        "collector": {"enabled": True},
    }
    for each in rendered_chart(values, tmp_path):
        assert len(each["metadata"]["name"]) <= MOST_NAME_CHARACTERS, each["kind"]
    # A CronJob's Jobs have eleven characters more.
    scheduled = values | {"jobs": {"j" * 16: {"job": "report", "schedule": "@daily"}}}
    for each in rendered_chart(scheduled, tmp_path):
        if each["kind"] == "CronJob":
            assert len(each["metadata"]["name"]) <= MOST_NAME_CHARACTERS - 11
