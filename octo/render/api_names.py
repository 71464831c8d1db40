"""Names of an installation as the Kubernetes API takes them, checked when something is rendered with it.

The API itself looks at annotations, selectors and images of a pod template when a Job is created of it, which JobSet
does long after a JobSet was accepted.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from octo.errors import UsageError
from octo.settings.installation import Installation, Pool, Toleration

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
KEY = rf"({_DNS}/)?{_NAME}"
"""Of a label, an annotation, a taint or a resource."""
LABEL_VALUE = rf"({_NAME})?"
OBJECT_NAME = rf"({_DNS})?"
"""Of an object, or nothing."""
_REPOSITORY = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
IMAGE = (
    r"([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]+)?/)?"
    rf"{_REPOSITORY}(/{_REPOSITORY})*(:[A-Za-z0-9_][-A-Za-z0-9_.]{{0,127}})?(@[a-z0-9]+:[0-9a-f]+)?"
)
MOST_ANNOTATION_BYTES = 256 * 1024
_NAMES = (
    "namespace",
    "queue",
    "queue_priority",
    "priority_class",
    "s3_secret",
    "service_account",
    "launch_service_account",
)


Check = Callable[[], object]


def check_installation(installation: Installation) -> None:
    """UsageError, with the setting, for what a pod of this installation would be refused for."""
    for setting, check in _checks(installation):
        try:
            check()
        except ValueError as error:
            raise UsageError(f"--installation.{setting}: {error}") from None


def _checks(installation: Installation) -> Iterator[tuple[str, Check]]:
    yield "labels", partial(check_labels, installation.labels)
    yield "annotations", partial(check_annotations, installation.annotations)
    for name in ("data", "train", "inference"):
        yield f"images.{name}", partial(check_image, getattr(installation.images, name))
    for name in installation.images.pull_secrets:
        yield "images.pull-secrets", partial(check_name, name)
    for field in _NAMES:
        yield field.replace("_", "-"), partial(check_name, getattr(installation, field))
    if installation.topology:
        yield "topology", partial(check_key, installation.topology)
    for pool in installation.pools:
        yield from ((f"pools, {pool.name}, {field}", check) for field, check in _checks_of_pool(pool))


def _checks_of_pool(pool: Pool) -> Iterator[tuple[str, Check]]:
    yield "node_selector", partial(check_labels, pool.node_selector)
    yield "accelerator", partial(check_key, pool.accelerator)
    for toleration in pool.tolerations:
        yield "tolerations", partial(check_toleration, toleration)


def check_key(key: str) -> str:
    """A key as it is. Raises ValueError when no label, annotation or taint can have it."""
    prefix, _, _ = key.rpartition("/")
    if not re.fullmatch(KEY, key) or len(prefix) > 253:
        raise ValueError(
            f"expected a key such as team or example.com/team (at most 63 letters, digits, '-', '_' and '.', a letter "
            f"or digit at both ends), got {key!r}"
        )
    return key


def check_labels(labels: Mapping[str, str]) -> None:
    """Raises ValueError when a label cannot be one, or no node can have it."""
    for key, value in labels.items():
        check_key(key)
        if not re.fullmatch(LABEL_VALUE, value):
            raise ValueError(
                f"expected a value of at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends, "
                f"for {key}, got {value!r}"
            )


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Raises ValueError when a pod cannot have them."""
    for key in annotations:
        check_key(key)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > MOST_ANNOTATION_BYTES:
        raise ValueError(f"expected at most {MOST_ANNOTATION_BYTES} bytes of annotations in all, got {size}")


def check_image(image: str) -> str:
    """An image's name as it is. Raises ValueError when no node could fetch it."""
    if not re.fullmatch(IMAGE, image):
        raise ValueError(f"expected an image such as registry.example/octo-data:1.0, got {image!r}")
    return image


def check_name(name: str) -> None:
    """Raises ValueError when an object of the API cannot be called so."""
    if not re.fullmatch(OBJECT_NAME, name) or len(name) > 253:
        raise ValueError(f"expected a name of lower-case letters, digits, '-' and '.', got {name!r}")


def check_toleration(toleration: Toleration) -> None:
    """Raises ValueError when a pod cannot have it."""
    if toleration.key:
        check_key(toleration.key)
    elif toleration.operator != "Exists":
        raise ValueError("expected a key, or the operator Exists, which matches every taint")
    if toleration.operator == "Exists" and toleration.value:
        raise ValueError(f"expected no value with the operator Exists, got {toleration.value!r}: say operator Equal")
    check_labels({toleration.key or "taint": toleration.value})
