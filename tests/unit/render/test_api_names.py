"""What the Kubernetes API would refuse of an installation is refused with the setting that it stands in."""

from collections.abc import Callable
from typing import Any

import pytest

from octo.errors import UsageError
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.kubeflow import compile_pipeline
from octo.render.api_names import check_image, check_installation
from octo.render.command import render_command
from octo.render.jobset import jobset
from octo.settings.curation import CurationSettings
from octo.settings.installation import Images, Installation, Pool, Toleration


def pools(**fields: Any) -> Installation:
    return Installation(pools=(Pool(name="p", **fields),))


@pytest.mark.parametrize(
    "image",
    [
        "octo-data:0.1.0",
        "octo-data",
        "registry.example:5000/team/octo-data:1.0_rc.1",
        "localhost/octo__data",
        f"registry.example/octo@sha256:{'0a' * 32}",
        f"registry.example/octo:1@sha256:{'0a' * 32}",
    ],
)
def test_an_image_that_a_node_can_fetch_is_taken(image: str) -> None:
    assert check_image(image) == image


@pytest.mark.parametrize(
    "image",
    [
        *("", " octo", "octo ", "octo data:1", "https://registry.example/octo", "Team/Octo", "octo:", "octo:1:2"),
        *("octo@sha256", "a//b", "octo\n"),
    ],
)
def test_an_image_that_no_node_can_fetch_is_refused(image: str) -> None:
    with pytest.raises(UsageError, match=r"--installation\.images\.train: expected an image such as registry"):
        check_installation(Installation(images=Images(train=image)))


@pytest.mark.parametrize("key", ["team", "example.com/team", "a.b-c_d", "x" * 63, "pool.example.com/gpu.kind"])
def test_keys_that_the_api_takes_are_taken(key: str) -> None:
    check_installation(Installation(labels={key: "x"}, annotations={key: "any text: {}"}, topology=key))
    check_installation(pools(node_selector={key: ""}, accelerator=key))


WRONG_KEYS = ["", "bad key", "-team", "team-", "Example.com/team", "a/b/c", "/x", "x/", "x" * 64, "ü", "k\n"]


@pytest.mark.parametrize(
    ("place", "installation"),
    [
        ("labels", lambda key: Installation(labels={key: "x"})),
        ("annotations", lambda key: Installation(annotations={key: "x"})),
        ("pools, p, node_selector", lambda key: pools(node_selector={key: "x"})),
        ("pools, p, accelerator", lambda key: pools(accelerator=key)),
    ],
)
@pytest.mark.parametrize("key", WRONG_KEYS)
def test_keys_that_the_api_refuses_are_refused_with_where_they_stand(
    key: str, place: str, installation: Callable[[str], Installation]
) -> None:
    with pytest.raises(UsageError) as caught:
        check_installation(installation(key))
    assert str(caught.value).startswith(f"--installation.{place}: expected a key such as team")
    assert str(caught.value).endswith(f"got {key!r}")


@pytest.mark.parametrize("value", ["a b", "x" * 64, "-x", "x.", "a/b", "c,d", "x\n"])
def test_values_that_no_label_can_have_are_refused(value: str) -> None:
    for wrong in (
        Installation(labels={"team": value}),
        pools(node_selector={"team": value}),
        pools(tolerations=(Toleration(key="team", operator="Equal", value=value),)),
    ):
        with pytest.raises(UsageError, match="expected a value of at most 63 letters"):
            check_installation(wrong)


def test_annotations_are_as_large_as_the_api_takes_them() -> None:
    check_installation(Installation(annotations={"a": "x" * (256 * 1024 - 1)}))
    with pytest.raises(UsageError, match="expected at most 262144 bytes of annotations"):
        check_installation(Installation(annotations={"a": "x" * (256 * 1024)}))


@pytest.mark.parametrize(
    ("toleration", "said"),
    [
        (Toleration(key="team", value="x"), "expected no value with the operator Exists, got 'x'"),
        (Toleration(operator="Equal", value="x"), "expected a key, or the operator Exists"),
        (Toleration(key="bad key"), "expected a key such as"),
    ],
)
def test_a_toleration_that_no_pod_can_have_is_refused(toleration: Toleration, said: str) -> None:
    check_installation(pools(tolerations=(Toleration(),)))
    with pytest.raises(UsageError, match=said):
        check_installation(pools(tolerations=(toleration,)))


@pytest.mark.parametrize(
    "field", ["queue", "queue_priority", "priority_class", "s3_secret", "service_account", "namespace"]
)
@pytest.mark.parametrize("name", ["Team", "team_a", "team a", "-team", "x" * 254])
def test_names_that_no_object_can_have_are_refused(field: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"--installation.{field.replace('_', '-')}: expected a name of lower-case"):
        check_installation(Installation(**{field: name}))


def test_every_door_refuses_them() -> None:
    wrong = Installation(annotations={"bad key!": "x"})
    with pytest.raises(UsageError, match=r"installation\.annotations"):
        jobset(CurationSettings(), wrong)
    with pytest.raises(UsageError, match=r"installation\.annotations"):
        compile_pipeline(Pipeline("p", (Stage("a", CurationSettings()),)), wrong)
    with pytest.raises(UsageError, match=r"--installation\.annotations: expected a key such as .*got 'bad key!'"):
        render_command(["curation", '--installation.annotations={"bad key!": "x"}'])
