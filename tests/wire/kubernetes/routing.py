"""From a request to an answer: which object, which verb, which format."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import yaml

from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.logs import log_query, read_log
from tests.wire.kubernetes.objects import Object, Refusal, json_patched, matches_fields, matches_labels, merged
from tests.wire.kubernetes.resources import ACCESS_REVIEWS, Resource
from tests.wire.kubernetes.rights import check, reviewed
from tests.wire.kubernetes.store import Change

SECONDS_BETWEEN_BOOKMARKS = 1.0
_MERGE, _JSON_PATCH, _APPLY, _STRATEGIC = (
    f"application/{kind}"
    for kind in ("merge-patch+json", "json-patch+json", "apply-patch+yaml", "strategic-merge-patch+json")
)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    content_type: str

    def says(self, parameter: str) -> bool:
        # Go's ParseBool, which real servers use.
        return self.query.get(parameter, "") in ("1", "t", "T", "true", "TRUE", "True")


@dataclass(frozen=True)
class Answer:
    code: int
    body: bytes = b""
    content_type: str = "application/json"
    stream: Iterator[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    resource: Resource
    namespace: str
    name: str
    subresource: str

    @property
    def key(self) -> tuple[Resource, str, str]:
        return self.resource, self.namespace, self.name


def answer(api: FakeCluster, request: Request) -> Answer:
    target = _target(api, request.path)
    verb = _verb(request, target)
    if target.resource == ACCESS_REVIEWS:
        return _reply(reviewed(api.rights, _parsed(request)), 201)
    check(api, verb, target.resource, target.subresource, target.namespace)
    if target.subresource == "log":
        return _log(api, request, target)
    if target.subresource == "eviction":
        return _evict(api, target)
    return _VERBS[verb](api, request, target)


def _target(api: FakeCluster, path: str) -> Target:
    found = re.fullmatch(r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)/(?P<rest>.+)", path)
    group, version, rest = (found["group"] or "", found["version"], found["rest"].split("/")) if found else ("", "", [])
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    for resource in api.resources:
        if rest and (resource.group, resource.version, resource.plural) == (group, version, rest[0]):
            return Target(resource, namespace, *[*rest[1:], "", ""][:2])
    raise Refusal(404, "", "404 page not found")


def _verb(request: Request, target: Target) -> str:
    if request.method == "GET" and not target.name:
        return "watch" if request.says("watch") else "list"
    if request.method == "DELETE" and not target.name:
        return "deletecollection"
    return {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[request.method]


def _get(api: FakeCluster, _request: Request, target: Target) -> Answer:
    return _reply(api.store.read(*target.key))


def _list(api: FakeCluster, request: Request, target: Target) -> Answer:
    with api.store.lock:
        chosen = _chosen(api, request, target)
        metadata = {"resourceVersion": str(api.store.version)}
    resource = target.resource
    listed = {"apiVersion": resource.api_version, "kind": f"{resource.kind}List", "metadata": metadata, "items": chosen}
    return _reply(listed)


def _chosen(api: FakeCluster, request: Request, target: Target) -> list[Object]:
    return [each for each in api.store.listed(target.resource, target.namespace) if _selected(each, request)]


def _selected(manifest: Object, request: Request) -> bool:
    return matches_labels(manifest, request.query.get("labelSelector", "")) and matches_fields(
        manifest, request.query.get("fieldSelector", "")
    )


def _watch(api: FakeCluster, request: Request, target: Target) -> Answer:
    return Answer(200, stream=_watched(api, request, target))


def _watched(api: FakeCluster, request: Request, target: Target) -> Iterator[bytes]:
    cut = api.stream_is_cut()
    store = api.store
    asked = float(request.query.get("timeoutSeconds", api.longest_watch))
    deadline = time.monotonic() + min(asked, api.longest_watch)
    with store.lock:
        at = int(request.query.get("resourceVersion") or 0)
        first = [] if at else _chosen(api, request, target)
        at = at or store.version
    for manifest in first:
        yield _line("ADDED", manifest)
    if request.says("sendInitialEvents"):
        yield _bookmark(target.resource, at, {"k8s.io/initial-events-end": "true"})
    bookmarked = time.monotonic()
    while not cut():
        try:
            with store.changed:
                if store.version == at and not cut():
                    store.changed.wait(max(0, min(SECONDS_BETWEEN_BOOKMARKS, deadline - time.monotonic())))
                changes, at = store.changes(at, target.resource), store.version
        except Refusal as refusal:
            yield _line("ERROR", refusal.status())
            return
        for change in changes:
            yield from _shown(change, request, target)
        if request.says("allowWatchBookmarks") and time.monotonic() - bookmarked >= SECONDS_BETWEEN_BOOKMARKS:
            bookmarked = time.monotonic()
            yield _bookmark(target.resource, at, {})
        if time.monotonic() >= deadline:
            return


def _shown(change: Change, request: Request, target: Target) -> Iterator[bytes]:
    """A change as a watcher with selectors sees it: what leaves its view is deleted, what enters it is added."""
    if target.namespace and change.manifest["metadata"].get("namespace") != target.namespace:
        return
    is_in = _selected(change.manifest, request)
    was_in = change.before is not None and _selected(change.before, request)
    if change.kind == "MODIFIED" and is_in != was_in:
        yield _line("ADDED" if is_in else "DELETED", change.manifest)
    elif is_in:
        yield change.line


def _bookmark(resource: Resource, version: int, annotations: dict[str, str]) -> bytes:
    bare = {"apiVersion": resource.api_version, "kind": resource.kind}
    return _line("BOOKMARK", bare | {"metadata": {"resourceVersion": str(version), "annotations": annotations}})


def _line(kind: str, manifest: Object) -> bytes:
    return json.dumps({"type": kind, "object": manifest}).encode() + b"\n"


def _create(api: FakeCluster, request: Request, target: Target) -> Answer:
    manifest = _parsed(request)
    stated = (manifest.get("apiVersion"), manifest.get("kind"))
    if stated != (target.resource.api_version, target.resource.kind):
        raise Refusal(400, "BadRequest", f"the object provided is unrecognized: {stated}")
    if "status" in target.resource.subresources:
        manifest.pop("status", None)
    dry_run = "dryRun" in request.query
    return _reply(api.store.create(target.resource, manifest, target.namespace, dry_run=dry_run), 201)


def _update(api: FakeCluster, request: Request, target: Target) -> Answer:
    return _reply(_edited(api, request, target, lambda _: _parsed(request)))


def _patch(api: FakeCluster, request: Request, target: Target) -> Answer:
    if request.content_type == _APPLY:
        return _apply(api, request, target)
    if request.content_type == _JSON_PATCH:
        return _reply(_edited(api, request, target, lambda current: json_patched(current, json.loads(request.body))))
    known = {_MERGE} if target.resource.custom else {_MERGE, _STRATEGIC}
    if request.content_type not in known:
        raise Refusal(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {known}")
    return _reply(_edited(api, request, target, lambda current: merged(current, json.loads(request.body))))


def _apply(api: FakeCluster, request: Request, target: Target) -> Answer:
    """Server-side apply without field owners: what is stated is merged into what is there."""
    manifest = _parsed(request)
    dry_run = "dryRun" in request.query
    try:
        api.store.read(*target.key)
    except Refusal:
        named = manifest | {"metadata": {**manifest.get("metadata", {}), "name": target.name}}
        return _reply(api.store.create(target.resource, named, target.namespace, dry_run=dry_run), 201)
    return _reply(_edited(api, request, target, lambda current: merged(current, manifest)))


def _edited(api: FakeCluster, request: Request, target: Target, edit: Callable[[Object], Object]) -> Object:
    """The status changes through its subresource alone, and nothing else does through that."""

    def limited(current: Object) -> Object:
        new = edit(current)
        if target.subresource == "status":
            return current | {"status": new.get("status", {})}
        if "status" in target.resource.subresources:
            return {key: value for key, value in new.items() if key != "status"} | (
                {"status": current["status"]} if "status" in current else {}
            )
        return new

    return api.store.change(*target.key, limited, dry_run="dryRun" in request.query)


def _delete(api: FakeCluster, request: Request, target: Target) -> Answer:
    options = json.loads(request.body or b"{}")
    found = api.store.read(*target.key)
    wanted = options.get("preconditions", {}).get("uid")
    if wanted and wanted != found["metadata"]["uid"]:
        raise Refusal(409, "Conflict", f"the UID in the precondition ({wanted}) does not match the UID in record")
    propagation = request.query.get("propagationPolicy") or options.get("propagationPolicy") or "Background"
    if "dryRun" in request.query or options.get("dryRun"):
        return _reply(found)
    return _reply(api.store.delete(*target.key, propagation))


def _delete_collection(api: FakeCluster, request: Request, target: Target) -> Answer:
    for each in _chosen(api, request, target):
        api.store.delete(target.resource, each["metadata"].get("namespace", ""), each["metadata"]["name"])
    return _reply({"kind": "Status", "apiVersion": "v1", "status": "Success"})


def _log(api: FakeCluster, request: Request, target: Target) -> Answer:
    pod = api.store.read(*target.key)
    log = api.logs.get(pod["metadata"]["uid"])
    if log is None:
        container = pod["spec"]["containers"][0]["name"]
        message = f'container "{container}" in pod "{target.name}" is waiting to start: ContainerCreating'
        raise Refusal(400, "BadRequest", message)
    stream = read_log(log, log_query(request.query), api.stream_is_cut())
    return Answer(200, stream=stream, content_type="text/plain")


def _evict(api: FakeCluster, target: Target) -> Answer:
    api.store.read(*target.key)
    if api.evict:
        api.evict(target.namespace, target.name)
    else:
        api.store.delete(*target.key)
    return _reply({"kind": "Status", "apiVersion": "v1", "status": "Success"}, 201)


def _parsed(request: Request) -> Object:
    if "protobuf" in request.content_type:
        raise Refusal(415, "UnsupportedMediaType", "this server reads JSON and YAML alone: give kubectl a file")
    parsed = yaml.safe_load(request.body) if "yaml" in request.content_type else json.loads(request.body)
    if not isinstance(parsed, dict):
        raise Refusal(400, "BadRequest", "the body is no object")
    return parsed


def _reply(document: Object, code: int = 200) -> Answer:
    return Answer(code, json.dumps(document).encode())


_VERBS = {
    "get": _get,
    "list": _list,
    "watch": _watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
