"""What the chart and manifests/ hold is what an API server takes: of known kinds, and without unknown fields."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import LIVE, OPTIONAL_APIS, ROOT, VALUES_FILES, Document, documents, helm, rendered_file

jsonschema = pytest.importorskip("jsonschema", reason="make check installs it")
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="make check installs it")
models = pytest.importorskip("kubeflow_trainer_api.models", reason="make check installs it")

pytestmark = pytest.mark.tools

KUBERNETES = ("1.30", "1.33", "1.36")
MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"))
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def exactly(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


RULE = exactly({"alert": {"type": "string"}, "expr": {"type": "string"}, "labels": TEXTS, "annotations": TEXTS})
RULE["properties"]["for"] = {"type": "string", "pattern": "^[0-9]+[smhd]$"}
SPECS_OF_OTHERS = {
    ("kueue.x-k8s.io/v1beta2", "LocalQueue"): exactly({"clusterQueue": {"type": "string", "minLength": 1}}),
    ("kueue.x-k8s.io/v1beta2", "ResourceFlavor"): exactly({}, nodeLabels=TEXTS),
    ("monitoring.coreos.com/v1", "PrometheusRule"): exactly(
        {"groups": {"type": "array", "items": exactly({"name": {"type": "string"}, "rules": {"items": RULE}})}}
    ),
}
"""Kinds that Kubernetes itself has not: what we say of each, as their definitions have it."""


@pytest.mark.parametrize("program", ["helm", "helm3"])
@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_helm_finds_nothing_to_complain_of(file: Path, program: str) -> None:
    done = helm("lint", file, program=program)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout + done.stderr


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_every_object_is_valid_and_the_same_whether_a_cluster_is_asked_or_not(file: Path, kubernetes: str) -> None:
    rendered = rendered_file(file, f"{kubernetes}.0")
    assert rendered
    assert rendered == rendered_file(file, f"{kubernetes}.0", (LIVE, *OPTIONAL_APIS))
    for each in rendered:
        checked(each, kubernetes)


@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_helm_3_and_helm_4_render_the_same(file: Path) -> None:
    assert documents(helm("template", file, program="helm3")) == list(rendered_file(file))


def checked(document: Document, kubernetes: str) -> None:
    schema = SPECS_OF_OTHERS.get((document["apiVersion"], document["kind"]))
    if schema is None:
        kubernetes_validate.validate(document, kubernetes, strict=True)
    else:
        assert document.keys() == {"apiVersion", "kind", "metadata", "spec"}
        jsonschema.validate(document["spec"], schema)


@pytest.mark.parametrize("field", ["serviceAccountNam", "securityContex"])
def test_a_misspelt_field_of_a_pod_would_be_found(field: str) -> None:
    [pod] = [each for each in rendered_file(VALUES_FILES[0]) if each["kind"] == "Pod"]
    wrong = pod | {"spec": pod["spec"] | {field: {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        checked(wrong, "1.33")


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_every_manifest_is_a_jobset_without_unknown_fields(file: Path) -> None:
    [document] = yaml.safe_load_all(file.read_text())
    model = models.JobsetV1alpha2JobSet
    assert unknown_fields(model, document) == []
    for job in document["spec"]["replicatedJobs"]:
        # The model of the JobSet does not look into the Job's template as closely as Kubernetes does.
        spec = job["template"]["spec"]
        whole = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": spec}
        for kubernetes in KUBERNETES:
            kubernetes_validate.validate(whole, kubernetes, strict=True)


def test_a_misspelt_field_of_a_jobset_would_be_found() -> None:
    [document] = yaml.safe_load_all(MANIFESTS[0].read_text())
    document["spec"]["failurPolicy"] = document["spec"].pop("failurePolicy")
    assert unknown_fields(models.JobsetV1alpha2JobSet, document) == [".spec.failurPolicy.maxRestarts"]


def unknown_fields(model: Any, document: Document) -> list[str]:
    understood = model.from_dict(document).to_dict()
    return sorted(set(leaves(document)) - set(leaves(understood)))


def leaves(value: Any, place: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{place}.{key}")
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from leaves(each, f"{place}[{index}]")
    else:
        yield place
