"""What clients ask first: versions, groups, resources, and as much OpenAPI as kubectl needs to leave checking to us."""

from collections.abc import Iterable, Sequence

from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.resources import Resource

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64"}


def discovered(path: str, resources: Sequence[Resource]) -> Object | None:
    """The discovery document at a path; None when there is none."""
    groups = sorted({each.group for each in resources if each.group})
    documents: dict[str, Object] = {
        "/version": VERSION,
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(group, resources) for group in groups],
        },
        "/openapi/v3": {
            "paths": {prefix: {"serverRelativeURL": f"/openapi/v3/{prefix}"} for prefix in _prefixes(resources)}
        },
    }
    documents |= {
        f"/apis/{group}": {"kind": "APIGroup", "apiVersion": "v1"} | _group(group, resources) for group in groups
    }
    for prefix, held in _prefixes(resources).items():
        documents[f"/{prefix}"] = _resource_list(held)
        documents[f"/openapi/v3/{prefix}"] = _openapi(prefix, held)
    return documents.get(path)


def _prefixes(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    held: dict[str, list[Resource]] = {}
    for each in resources:
        prefix = f"apis/{each.group}/{each.version}" if each.group else f"api/{each.version}"
        held.setdefault(prefix, []).append(each)
    return held


def _group(group: str, resources: Iterable[Resource]) -> Object:
    versions = sorted({each.version for each in resources if each.group == group})
    named = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": named, "preferredVersion": named[-1]}


def _resource_list(resources: Sequence[Resource]) -> Object:
    entries: list[Object] = []
    for each in resources:
        entry: Object = {
            "name": each.plural,
            "singularName": each.kind.lower(),
            "namespaced": each.namespaced,
            "kind": each.kind,
            "verbs": list(each.verbs),
            "shortNames": list(each.short_names),
        }
        parts = [f"{each.plural}/{part}" for part in each.subresources]
        entries += [entry, *(entry | {"name": part, "verbs": ["get"], "shortNames": []} for part in parts)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": resources[0].api_version,
        "resources": entries,
    }


def _openapi(prefix: str, resources: Iterable[Resource]) -> Object:
    """Only that a patch knows `fieldValidation`: kubectl then leaves the checking of fields to the server."""
    parameter = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    paths = {}
    for each in resources:
        kind = {"group": each.group, "version": each.version, "kind": each.kind}
        namespace = "namespaces/{namespace}/" if each.namespaced else ""
        patch = {"parameters": [parameter], "responses": {}, "x-kubernetes-group-version-kind": kind}
        paths[f"/{prefix}/{namespace}{each.plural}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.2"}, "paths": paths}
