"""Objects of the API as plain dicts: selectors, patches, and what the server says when it refuses."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.wire.kubernetes.resources import Resource

Object = dict[str, Any]


@dataclass
class Refusal(Exception):  # noqa: N818 - an answer of the server, not a fault of the tests
    """An answer that is no success, with the Status object that goes with it."""

    code: int
    reason: str
    message: str
    details: Object = field(default_factory=dict)

    def status(self) -> Object:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def absent(resource: Resource, name: str) -> Refusal:
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Refusal(404, "NotFound", f'{resource.full_name} "{name}" not found', details)


def expired(wanted: int, oldest: int) -> Refusal:
    return Refusal(410, "Expired", f"too old resource version: {wanted} ({oldest})")


def invalid(resource: Resource, name: str, place: str, problem: str) -> Refusal:
    cause = {"reason": "FieldValueInvalid", "message": problem, "field": place}
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": [cause]}
    message = f'{resource.kind}.{resource.group} "{name}" is invalid: {place}: {problem}'
    return Refusal(422, "Invalid", message, details)


def over_quota(resource: Resource, name: str, quota: str) -> Refusal:
    """What a ResourceQuota answers; `quota` as in `compute, requested: pods=1, used: pods=4, limited: pods=4`."""
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Refusal(403, "Forbidden", f'{resource.full_name} "{name}" is forbidden: exceeded quota: {quota}', details)


def labels_of(manifest: Object) -> Mapping[str, str]:
    return manifest["metadata"].get("labels") or {}


def matches_labels(manifest: Object, selector: str) -> bool:
    labels = labels_of(manifest)
    return all(_requirement_holds(labels, requirement) for requirement in _requirements(selector))


def matches_fields(manifest: Object, selector: str) -> bool:
    for requirement in filter(None, selector.split(",")):
        place, _, wanted = requirement.replace("==", "=").partition("=")
        unwanted = place.endswith("!")
        if (_value_at(manifest, place.removesuffix("!")) == wanted) == unwanted:
            return False
    return True


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def json_patched(target: Object, operations: list[Object]) -> Object:
    """JSON patch (RFC 6902) of add, replace, remove and test."""
    result = copy.deepcopy(target)
    for operation in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = result
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        _operate(place, last, operation)
    return result


def condition(manifest: Object, kind: str) -> Object:
    """The condition of that type in the status, or an empty one."""
    return next((each for each in manifest.get("status", {}).get("conditions", []) if each["type"] == kind), {})


def holds(manifest: Object, kind: str) -> bool:
    return condition(manifest, kind).get("status") == "True"


def with_condition(status: Object, kind: str, value: str, reason: str, message: str, at: str) -> Object:
    """The status with that condition set; the time of its last transition moves only when its value does."""
    conditions = list(status.get("conditions", []))
    place = next((place for place, each in enumerate(conditions) if each["type"] == kind), len(conditions))
    old = conditions[place] if place < len(conditions) else {}
    since = old.get("lastTransitionTime", at) if old.get("status") == value else at
    new = {"type": kind, "status": value, "reason": reason, "message": message, "lastTransitionTime": since}
    conditions[place : place + 1] = [new]
    return status | {"conditions": conditions}


def _requirements(selector: str) -> Iterator[str]:
    """Split at the commas that are not within parentheses."""
    return (each.strip() for each in re.split(r",(?![^(]*\))", selector) if each.strip())


def _requirement_holds(labels: Mapping[str, str], requirement: str) -> bool:
    if found := re.fullmatch(r"(\S+)\s+(in|notin)\s+\((.*)\)", requirement):
        key, operator, values = found.groups()
        return (labels.get(key) in {value.strip() for value in values.split(",")}) == (operator == "in")
    if "!=" in requirement:
        key, _, value = requirement.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in requirement:
        key, _, value = requirement.replace("==", "=").partition("=")
        return labels.get(key.strip()) == value.strip()
    if requirement.startswith("!"):
        return requirement[1:].strip() not in labels
    return requirement in labels


def _value_at(manifest: Object, place: str) -> str:
    value: Any = manifest
    for part in place.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _operate(place: Any, last: str, operation: Object) -> None:
    what = operation["op"]
    index: Any = int(last) if isinstance(place, list) and last != "-" else last
    if what == "test":
        if (place[index] if isinstance(place, list) else place.get(index)) != operation["value"]:
            raise Refusal(422, "Invalid", f"the server rejected our request: test of {operation['path']} failed")
    elif what == "remove":
        del place[index]
    elif isinstance(place, list) and what == "add":
        place.insert(len(place) if last == "-" else index, operation["value"])
    else:
        place[index] = operation["value"]
