"""What the chart can be told, and what it says to what it cannot."""

import json
import shutil
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import yaml
from pydantic_core import PydanticUndefined

from octo import __version__
from octo.cli import VERBS
from octo.render.chart import chart_files
from octo.settings import JOBS
from octo.settings.combined import load_with_job
from octo.settings.installation import Installation
from octo.settings.launch import LaunchSettings
from octo.settings.loading import load
from octo.settings.table import table
from tests.chart.rendering import (
    CHART,
    LIVE,
    OPTIONAL_APIS,
    VALUES_FILES,
    Document,
    helm,
    pods,
    rendered_chart,
    rendered_file,
)

SETTINGS_FILE = "--settings-file="


def test_what_is_generated_is_current() -> None:
    for name, text in chart_files().items():
        assert (CHART / name).read_text() == text, f"{name}: make generate"


def test_the_chart_has_octos_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == __version__


def test_no_template_names_a_setting_of_a_job() -> None:
    own = {
        setting.path[0]
        for job in JOBS
        for setting in table(JOBS[job])
        if setting.path[0] not in LaunchSettings.model_fields
    }
    written = [file for file in (CHART / "templates").iterdir() if file.name != "_generated.tpl"]
    named = {(file.name, name) for file in written for name in own if f".{name}" in file.read_text().split()}
    assert named == set()


def test_every_value_is_documented() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    schema = json.loads((CHART / "values.schema.json").read_text())
    for name in schema["properties"].keys() - {"global"}:
        [index] = [number for number, line in enumerate(lines) if line.startswith(f"{name}:")]
        assert lines[index - 1].startswith("# -- "), name


def test_the_schema_speaks_of_every_setting_of_every_job_and_of_no_secret() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    for job in JOBS:
        if job == LaunchSettings.job:
            continue
        found = schema["$defs"][JOBS[job].__name__]["properties"]
        assert found.keys() == JOBS[job].model_fields.keys() - {"settings_file"}
    assert schema["$defs"]["S3Settings"]["properties"].keys() == {"endpoint", "region", "secret", "answer_seconds"}
    assert PydanticUndefined not in schema.values()


@pytest.mark.tools
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"instalation": {}}, "'instalation' not allowed"),
        ({"installation": {"qeue": "team"}}, "at '/installation': additional properties 'qeue' not allowed"),
        ({"installation": {"pools": [{"name": "A"}]}}, "at '/installation/pools/0/name'"),
        (
            {"installation": {"settings": {"rl": {"learning_rat": 1}}}},
            "additional properties 'learning_rat' not allowed",
        ),
        ({"jobs": {"a": {"job": "rl", "settings": {"learning_rat": 1}}}}, "'learning_rat' not allowed"),
        ({"jobs": {"a": {"job": "rll"}}}, f"at '/jobs/a/job': value must be one of '{min(JOBS)}'"),
        ({"jobs": {"a": {"job": "rl", "settings": {"s3": {"secret_key": "x"}}}}}, "'secret_key' not allowed"),
        ({"janitor": {"staleSeconds": 0}}, "at '/janitor/staleSeconds'"),
        ({"kueue": {"clusterQueue": "all"}}, "name the LocalQueue that jobs wait in"),
        (
            {"collector": {"enabled": True, "spanMetrics": True, "replicas": 2}},
            "collector.spanMetrics needs collector.replicas 1",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: Document, said: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = helm("template", file)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.tools
def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", kubernetes="1.28.9")
    assert done.returncode != 0
    assert "requires kubeVersion: >=1.29.0-0" in done.stderr


@pytest.mark.tools
def test_values_of_a_parent_chart_for_all_its_parts_are_let_through(tmp_path: Path) -> None:
    assert rendered_chart({"global": {"imageRegistry": "registry.example"}}, tmp_path)


@pytest.mark.tools
def test_without_values_the_chart_is_rendered_too(tmp_path: Path) -> None:
    assert rendered_chart({}, tmp_path)


def settings_files(rendered: Any) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["data"] for each in rendered if each["kind"] == "ConfigMap"}


@pytest.mark.tools
@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_the_installation_is_what_octo_reads(file: Path) -> None:
    rendered = rendered_file(file)
    [text] = [data["installation.yaml"] for data in settings_files(rendered).values() if "installation.yaml" in data]
    installation = Installation.model_validate(yaml.safe_load(text)["installation"])
    accounts = {each["metadata"]["name"] for each in rendered if each["kind"] == "ServiceAccount"}
    assert {installation.service_account, installation.launch_service_account} <= accounts
    assert {each["metadata"]["namespace"] for each in rendered if "namespace" in each["metadata"]} == {
        installation.namespace
    }


@pytest.mark.tools
@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_every_command_of_the_chart_is_one_that_octo_takes(file: Path, tmp_path: Path) -> None:
    rendered = rendered_file(file)
    seen = set()
    for name, pod in pods(rendered):
        [container] = pod["spec"]["containers"]
        if container["name"] != "octo":
            continue
        for config in [volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume]:
            for key, text in settings_files(rendered)[config].items():
                (tmp_path / key).write_text(text)
        program, first, *rest = [each.replace("/etc/octo", str(tmp_path)) for each in container["args"]]
        variables = {each["name"]: "x" for each in container["env"] if each["name"].startswith("OCTO_")}
        if program == "jobs.launch":
            load_with_job(LaunchSettings, [first, *rest], variables)
        else:
            assert program == "octo.cli", name
            load(resolve_name(VERBS[first].settings), rest, variables)
        seen.add(first)
    assert {"doctor", "janitor"} <= seen


@pytest.mark.tools
def test_other_settings_make_another_job_and_the_same_make_the_same(tmp_path: Path) -> None:
    def name(seed: int) -> str:
        values = {"jobs": {"mine": {"job": "ingestion", "settings": {"seed": seed}}}}
        [job] = [each for each in rendered_chart(values, tmp_path) if each["kind"] == "Job"]
        return str(job["metadata"]["name"])

    assert name(1) == name(1)
    assert name(1) != name(2)


@pytest.mark.tools
def test_numbers_arrive_as_they_were_given(tmp_path: Path) -> None:
    settings = {"learning_rate": 3e-5, "seed": 20_000_000}
    rendered = rendered_chart(
        {"installation": {"settings": {"midtraining": settings}}, "jobs": {"a": {"job": "midtraining"}}}, tmp_path
    )
    file = tmp_path / "settings.yaml"
    file.write_text(settings_files(rendered)["octo-job-a"]["settings.yaml"])
    loaded, _ = load_with_job(LaunchSettings, ["midtraining", f"{SETTINGS_FILE}{file}"], {})
    assert {name: getattr(loaded, name) for name in settings} == settings


@pytest.mark.tools
def test_the_chart_s_own_collector_gets_the_spans_unless_another_is_named(tmp_path: Path) -> None:
    def endpoint(installation: dict[str, str]) -> str:
        rendered = rendered_chart({"collector": {"enabled": True}, "installation": installation}, tmp_path)
        return str(
            yaml.safe_load(settings_files(rendered)["octo-installation"]["installation.yaml"])["installation"][
                "otlp_endpoint"
            ]
        )

    assert endpoint({}) == "http://octo-collector.octo:4318"
    assert endpoint({"otlp_endpoint": "http://other:4318"}) == "http://other:4318"


@pytest.mark.tools
def test_each_pipeline_of_the_collector_names_what_it_has() -> None:
    [file] = [each for each in VALUES_FILES if each.stem.startswith("kubeflow")]
    config = yaml.safe_load(settings_files(rendered_file(file))["octo-collector"]["collector.yaml"])
    there = {kind: set(config.get(kind, {})) for kind in ("receivers", "processors", "exporters", "connectors")}
    assert "debug" not in there["exporters"]
    for pipeline in config["service"]["pipelines"].values():
        assert set(pipeline["receivers"]) <= there["receivers"] | there["connectors"]
        assert set(pipeline.get("processors", ())) <= there["processors"]
        assert set(pipeline["exporters"]) <= there["exporters"] | there["connectors"]


QUEUE = {"installation": {"queue": "team"}, "kueue": {"clusterQueue": "all"}}
RULES = {"monitoring": {"rules": {"enabled": True}}}


@pytest.mark.tools
def test_a_queue_on_a_cluster_without_kueue_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(QUEUE))
    done = helm("template", file, apis=(LIVE,))
    assert done.returncode != 0
    assert "need Kueue 0.19 or newer, which this cluster does not have: install Kueue first" in done.stderr


@pytest.mark.tools
def test_alerts_are_left_out_where_nothing_reads_them(tmp_path: Path) -> None:
    def kinds(*apis: str) -> set[str]:
        return {each["kind"] for each in rendered_chart(RULES, tmp_path, apis=apis)}

    assert "PrometheusRule" in kinds()
    assert "PrometheusRule" in kinds(LIVE, "monitoring.coreos.com/v1")
    assert "PrometheusRule" not in kinds(LIVE)


@pytest.mark.tools
def test_the_notes_name_each_kind_that_is_missing_with_the_remedy(tmp_path: Path) -> None:
    chart = shutil.copytree(CHART, tmp_path / "octo")
    # Helm prints the notes when it installs, and then asks a cluster what it knows.
    (chart / "templates/NOTES.txt").rename(chart / "notes.txt")
    (chart / "templates/notes.yaml").write_text(
        'kind: Notes\napiVersion: v1\nmetadata: {}\ntext: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n'
    )
    values = {"installation": {"queue": "team"}, "kubeflow": {"upload": True}} | RULES

    def notes(*apis: str) -> str:
        rendered = rendered_chart(values, tmp_path, apis=apis, chart=chart)
        return next(str(each["text"]) for each in rendered if each["kind"] == "Notes")

    complete = notes(LIVE, *OPTIONAL_APIS)
    assert "helm test octo" in complete
    assert "MISSING" not in complete
    lacking = notes(LIVE)
    assert lacking.count("MISSING") == len(OPTIONAL_APIS)
    for remedy in ("JobSet 0.12", "Kueue 0.19", "Kubeflow Pipelines 2.17", "the Prometheus operator"):
        assert f"nstall {remedy}" in lacking
    assert "MISSING" not in notes()
