"""The chart as `helm template` renders it: Kubernetes objects as dicts."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/octo"
VALUES_FILES = sorted((CHART / "ci").glob("*-values.yaml"))
TOOLS = Path(sys.executable).parent
SECONDS_AT_MOST = 300

LIVE = "apiregistration.k8s.io/v1"
"""What a cluster's API server has, and Helm's own list of kinds has not."""
OPTIONAL_APIS = (
    "jobset.x-k8s.io/v1alpha2",
    "kueue.x-k8s.io/v1beta2",
    "monitoring.coreos.com/v1",
    "argoproj.io/v1alpha1",
)

Document = dict[str, Any]


def rendered_chart(
    values: Mapping[str, Any], folder: Path, *, apis: Sequence[str] = (), chart: Path = CHART
) -> list[Document]:
    """What a release called octo in the namespace octo consists of, with these values."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(dict(values)))
    return documents(helm("template", file, apis=apis, chart=chart))


def config_map(rendered: Sequence[Document], job: Document) -> str:
    """The settings file that the pods of a Job mount."""
    [name] = [
        volume["configMap"]["name"]
        for volume in job["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "settings"
    ]
    [found] = [each for each in rendered if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name]
    [text] = found["data"].values()
    return str(text)


@cache
def rendered_file(file: Path, kubernetes: str = "1.33.0", apis: Sequence[str] = ()) -> tuple[Document, ...]:
    """The release with a values file, for a version of Kubernetes."""
    return tuple(documents(helm("template", file, kubernetes=kubernetes, apis=apis)))


def helm(
    verb: str,
    values: Path | None = None,
    *,
    kubernetes: str = "1.33.0",
    apis: Sequence[str] = (),
    chart: Path = CHART,
    program: str = "helm",
) -> subprocess.CompletedProcess[str]:
    """One call of helm about the chart, whatever comes of it."""
    assert (TOOLS / program).exists(), f"{program} is not installed: make .venv/tools"
    release = ["octo", str(chart), "--namespace=octo"] if verb != "lint" else [str(chart), "--strict"]
    arguments = [*release, f"--kube-version={kubernetes}", *([f"--values={values}"] if values else [])]
    known = [f"--api-versions={api}" for api in apis]
    return subprocess.run(
        [TOOLS / program, verb, *arguments, *known],
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
        check=False,
    )


def documents(done: subprocess.CompletedProcess[str]) -> list[Document]:
    """The objects that a call printed."""
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each]


def pods(rendered: Sequence[Document]) -> Iterator[tuple[str, Document]]:
    """Every pod that the objects make, with the name of the object: metadata and spec."""
    for each in rendered:
        name = f"{each['kind']}/{each['metadata'].get('name') or each['metadata']['generateName']}"
        spec = each.get("spec", {})
        match each["kind"]:
            case "Pod":
                yield name, each
            case "Job" | "Deployment":
                yield name, spec["template"]
            case "CronJob":
                yield name, spec["jobTemplate"]["spec"]["template"]
            case "JobSet":
                for job in spec["replicatedJobs"]:
                    yield f"{name}/{job['name']}", job["template"]["spec"]["template"]
