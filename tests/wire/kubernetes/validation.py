"""What the API server itself refuses of pods, pod templates and Jobs, in its own sentences.

A JobSet's admission looks at none of this: what is wrong with a pod template shows when its Job is created.
"""

import re
from collections.abc import Iterator

from tests.wire.kubernetes.objects import Object, Refusal
from tests.wire.kubernetes.resources import JOBS, POD_TEMPLATES, PODS, Resource

Problem = tuple[str, str]
"""Field, and what is wrong with it."""

_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PREFIX_PART = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_OPERATORS = ("Exists", "Equal", "")
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")


def validated(resource: Resource, manifest: Object) -> Object:
    """The manifest as it is; Refusal with every problem that it has."""
    if problems := list(_problems(resource, manifest)):
        raise _invalid(resource, manifest["metadata"].get("name", ""), problems)
    return manifest


def _problems(resource: Resource, manifest: Object) -> Iterator[Problem]:
    if resource == PODS:
        yield from _metadata(manifest["metadata"], "metadata")
        yield from _spec(manifest.get("spec", {}), "spec")
    elif resource == POD_TEMPLATES:
        yield from _template(manifest.get("template", {}), "template")
    elif resource == JOBS:
        yield from _template(manifest.get("spec", {}).get("template", {}), "spec.template")


def _template(template: Object, place: str) -> Iterator[Problem]:
    yield from _metadata(template.get("metadata", {}), place)
    yield from _spec(template.get("spec", {}), f"{place}.spec")


def _metadata(metadata: Object, place: str) -> Iterator[Problem]:
    for key in metadata.get("annotations") or {}:
        yield from _key(key.lower(), f"{place}.annotations", key)
    yield from _labels(metadata.get("labels") or {}, f"{place}.labels")


def _spec(spec: Object, place: str) -> Iterator[Problem]:
    yield from _labels(spec.get("nodeSelector") or {}, f"{place}.nodeSelector")
    for number, container in enumerate(spec.get("containers", [])):
        image = container.get("image", "")
        if not image:
            yield f"{place}.containers[{number}].image", "Required value"
        elif image != image.strip():
            yield f"{place}.containers[{number}].image", _of(image, "must not have leading or trailing whitespace")
    for number, toleration in enumerate(spec.get("tolerations") or []):
        yield from _toleration(toleration, f"{place}.tolerations[{number}]")


def _toleration(toleration: Object, place: str) -> Iterator[Problem]:
    operator = toleration.get("operator", "")
    if toleration.get("key"):
        yield from _key(toleration["key"], f"{place}.key", toleration["key"])
    elif operator != "Exists":
        yield (
            f"{place}.operator",
            _of(operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
        )
    if operator == "Exists" and toleration.get("value"):
        yield f"{place}.operator", _of(toleration["value"], "value must be empty when `operator` is 'Exists'")


def _labels(labels: Object, place: str) -> Iterator[Problem]:
    for key, value in labels.items():
        yield from _key(key, place, key)
        if len(value) > 63:
            yield place, _of(value, "must be no more than 63 characters")
        elif value and not _NAME.fullmatch(value):
            yield place, _of(value, _VALUE)


def _key(key: str, place: str, shown: str) -> Iterator[Problem]:
    prefix, slash, name = key.rpartition("/")
    if slash and not _PREFIX.fullmatch(prefix):
        yield place, _of(shown, _PREFIX_PART)
    if not name:
        yield place, _of(shown, "name part must be non-empty")
    elif len(name) > 63:
        yield place, _of(shown, "name part must be no more than 63 characters")
    elif not _NAME.fullmatch(name):
        yield place, _of(shown, _NAME_PART)


def _of(value: str, problem: str) -> str:
    return f'Invalid value: "{value}": {problem}'


def _invalid(resource: Resource, name: str, problems: list[Problem]) -> Refusal:
    causes = [{"reason": "FieldValueInvalid", "field": place, "message": problem} for place, problem in problems]
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": causes}
    listed = [f"{place}: {problem}" for place, problem in problems]
    said = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return Refusal(422, "Invalid", f'{kind} "{name}" is invalid: {said}', details)
