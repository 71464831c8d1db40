"""The objects of the fake cluster: versions, history for watches, owners, deletion. No HTTP, no controllers."""

import copy
import json
import random
import string
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from tests.wire.kubernetes.objects import Object, Refusal, absent, expired
from tests.wire.kubernetes.resources import NAMESPACES, Resource

FOREGROUND = "foregroundDeletion"
Key = tuple[Resource, str, str]
"""Resource, namespace ("" without), name."""


@dataclass(frozen=True)
class Change:
    version: int
    kind: str
    """ADDED, MODIFIED or DELETED."""
    resource: Resource
    manifest: Object
    before: Object | None

    @cached_property
    def line(self) -> bytes:
        return json.dumps({"type": self.kind, "object": self.manifest}).encode() + b"\n"


@dataclass
class Store:
    """All reads and writes hold one lock. Manifests are never changed in place, so readers may keep them."""

    admission: list[Callable[[Resource, Object], Object]] = field(default_factory=list)
    """What changes or refuses (by raising Refusal) a manifest that is about to be created."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    version: int = 1
    compacted: int = 0
    """A watch that asks for changes up to this version is told that they are forgotten."""

    def __post_init__(self) -> None:
        self.changed = threading.Condition(self.lock)
        self._objects: dict[Resource, dict[tuple[str, str], Object]] = {}
        self._keys: dict[str, Key] = {}
        self._dependents: dict[str, set[Key]] = {}
        self._history: list[Change] = []
        self._held: set[str] = set()
        for namespace in ("default", "kube-system"):
            self.create(NAMESPACES, {"metadata": {"name": namespace}})

    def create(self, resource: Resource, manifest: Object, namespace: str = "", *, dry_run: bool = False) -> Object:
        with self.lock:
            new = copy.deepcopy(manifest)
            metadata = new.setdefault("metadata", {})
            self._place(resource, metadata, namespace)
            if "name" not in metadata:
                if not metadata.get("generateName"):
                    raise Refusal(422, "Invalid", "metadata.name: Required value: name or generateName is required")
                metadata["name"] = metadata["generateName"] + random_suffix()
            for admit in self.admission:
                new = admit(resource, new)
            metadata = new["metadata"]
            key = (resource, metadata.get("namespace", ""), metadata["name"])
            if self._find(key):
                details = {"name": key[2], "group": resource.group, "kind": resource.plural}
                raise Refusal(409, "AlreadyExists", f'{resource.full_name} "{key[2]}" already exists', details)
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(), "generation": 1}
            new = {"apiVersion": resource.api_version, "kind": resource.kind} | new
            return new if dry_run else self._write(key, None, new)

    def read(self, resource: Resource, namespace: str, name: str) -> Object:
        with self.lock:
            found = self._find((resource, namespace, name))
            if found is None:
                raise absent(resource, name)
            return found

    def listed(self, resource: Resource, namespace: str = "") -> list[Object]:
        """All of them, in the order of their names; of every namespace when none is given."""
        with self.lock:
            objects = self._objects.get(resource, {})
            return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def dependents(self, uid: str, resource: Resource) -> list[Object]:
        """Those of that kind that name that owner."""
        with self.lock:
            keys = sorted((key for key in self._dependents.get(uid, ()) if key[0] == resource), key=lambda key: key[1:])
            return [found for key in keys if (found := self._find(key))]

    def identified(self, uid: str) -> tuple[Resource, Object] | None:
        """The object with that uid."""
        with self.lock:
            key = self._keys.get(uid)
            found = self._find(key) if key else None
            return (key[0], found) if key and found else None

    def change(
        self, resource: Resource, namespace: str, name: str, edit: Callable[[Object], Object], *, dry_run: bool = False
    ) -> Object:
        """Replace an object by what `edit` makes of a copy of it; nothing is written when that is the same."""
        with self.lock:
            key = (resource, namespace, name)
            old = self.read(*key)
            new = edit(copy.deepcopy(old))
            wanted = new["metadata"].get("resourceVersion")
            if wanted and wanted != old["metadata"]["resourceVersion"]:
                details = {"name": name, "group": resource.group, "kind": resource.plural}
                message = (
                    f'Operation cannot be fulfilled on {resource.full_name} "{name}": the object has been modified'
                )
                raise Refusal(409, "Conflict", message, details)
            kept = ("uid", "creationTimestamp", "name", "namespace", "deletionTimestamp", "resourceVersion")
            new["metadata"] |= {field: old["metadata"][field] for field in kept if field in old["metadata"]}
            if new == old or dry_run:
                return new
            if new.get("spec") != old.get("spec"):
                new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
            written = self._write(key, old, new)
            self._remove_if_released(key)
            return written

    def set_status(self, resource: Resource, manifest: Object, status: Object) -> Object:
        metadata = manifest["metadata"]
        place = (resource, metadata.get("namespace", ""), metadata["name"])
        return self.change(*place, lambda current: current | {"status": status})

    def delete(self, resource: Resource, namespace: str, name: str, propagation: str = "Background") -> Object:
        """Delete, now or when finalizers, dependents (in the foreground) and running processes allow it."""
        with self.lock:
            key = (resource, namespace, name)
            old = self.read(*key)
            new = copy.deepcopy(old)
            new["metadata"].setdefault("deletionTimestamp", timestamp())
            finalizers = new["metadata"].get("finalizers", [])
            if propagation == "Foreground" and FOREGROUND not in finalizers:
                new["metadata"]["finalizers"] = [*finalizers, FOREGROUND]
            if propagation == "Orphan":
                self._orphan_dependents(old["metadata"]["uid"])
            if not new["metadata"].get("finalizers") and new["metadata"]["uid"] not in self._held:
                self._remove(key, old)
                return old
            written = self._write(key, old, new) if new != old else old
            if propagation == "Foreground":
                self._delete_dependents(old["metadata"]["uid"], propagation)
            self._remove_if_released(key)
            return written

    def hold(self, uid: str) -> None:
        """Keep an object that is deleted until it is released: a process of it still runs."""
        with self.lock:
            self._held.add(uid)

    def release(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        with self.lock:
            self._held.discard(uid)
            self._remove_if_released((resource, namespace, name))

    def compact(self) -> None:
        """Forget all history, as etcd does every few minutes."""
        with self.lock:
            self.compacted = self.version

    def changes(self, after: int, resource: Resource) -> list[Change]:
        """What has happened to objects of that kind since a version. Raises Refusal when that is forgotten."""
        with self.lock:
            if after < self.compacted:
                raise expired(after, self.compacted)
            return [change for change in self._since(after) if change.resource == resource]

    def all_changes(self, after: int) -> list[Change]:
        """What has happened to objects of every kind, for controllers, whom compaction does not concern."""
        with self.lock:
            return list(self._since(after))

    def _since(self, after: int) -> Iterator[Change]:
        # Versions are consecutive, so that the place of a change in the history is known.
        start = 0 if not self._history else max(0, after - self._history[0].version + 1)
        return iter(self._history[start:])

    def _place(self, resource: Resource, metadata: Object, namespace: str) -> None:
        if not resource.namespaced:
            metadata.pop("namespace", None)
            return
        stated = metadata.setdefault("namespace", namespace or "default")
        if namespace and stated != namespace:
            message = f"the namespace of the provided object does not match the namespace sent on the request: {stated}"
            raise Refusal(400, "BadRequest", message)
        if self._find((NAMESPACES, "", stated)) is None:
            raise absent(NAMESPACES, stated)

    def _find(self, key: Key) -> Object | None:
        return self._objects.get(key[0], {}).get(key[1:])

    def _write(self, key: Key, old: Object | None, new: Object) -> Object:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        self._objects.setdefault(key[0], {})[key[1:]] = new
        self._keys[new["metadata"]["uid"]] = key
        for owner in new["metadata"].get("ownerReferences", []):
            self._dependents.setdefault(owner["uid"], set()).add(key)
        self._record(Change(self.version, "ADDED" if old is None else "MODIFIED", key[0], new, old))
        return new

    def _record(self, change: Change) -> None:
        self._history.append(change)
        self.changed.notify_all()

    def _remove_if_released(self, key: Key) -> None:
        found = self._find(key)
        if found is None or "deletionTimestamp" not in found["metadata"] or found["metadata"]["uid"] in self._held:
            return
        waiting = set(found["metadata"].get("finalizers", []))
        if FOREGROUND in waiting and not self._blocking_dependents(found["metadata"]["uid"]):
            waiting.discard(FOREGROUND)
        if not waiting:
            self._remove(key, found)

    def _remove(self, key: Key, found: Object) -> None:
        del self._objects[key[0]][key[1:]]
        del self._keys[found["metadata"]["uid"]]
        self.version += 1
        last = copy.deepcopy(found)
        last["metadata"]["resourceVersion"] = str(self.version)
        self._record(Change(self.version, "DELETED", key[0], last, found))
        self._delete_dependents(found["metadata"]["uid"], "Background")
        self._dependents.pop(found["metadata"]["uid"], None)
        for owner in found["metadata"].get("ownerReferences", []):
            self._dependents.get(owner["uid"], set()).discard(key)
            if owner["uid"] in self._keys:
                # An owner that is deleted in the foreground waits for this.
                self._remove_if_released(self._keys[owner["uid"]])

    def _living_dependents(self, uid: str) -> list[Key]:
        return [key for key in self._dependents.get(uid, ()) if self._find(key)]

    def _blocking_dependents(self, uid: str) -> list[Key]:
        """Those that an owner waits for which is deleted in the foreground: their references say so."""
        return [
            key for key in self._living_dependents(uid) if _reference(self._find(key), uid).get("blockOwnerDeletion")
        ]

    def _orphan_dependents(self, uid: str) -> None:
        for key in self._living_dependents(uid):
            self.change(*key, lambda found: _without_owner(found, uid))
        self._dependents.pop(uid, None)

    def _delete_dependents(self, uid: str, propagation: str) -> None:
        for key in self._living_dependents(uid):
            found = self._find(key)
            if found and not self._has_another_owner(found, uid):
                self.delete(*key, propagation)

    def _has_another_owner(self, found: Object, uid: str) -> bool:
        others = {owner["uid"] for owner in found["metadata"].get("ownerReferences", [])} - {uid}
        living = [self._find(self._keys[other]) for other in others if other in self._keys]
        return any(owner and "deletionTimestamp" not in owner["metadata"] for owner in living)


def _reference(found: Object | None, uid: str) -> Object:
    references = found["metadata"].get("ownerReferences", []) if found else []
    return next((each for each in references if each["uid"] == uid), {})


def _without_owner(found: Object, uid: str) -> Object:
    others = [each for each in found["metadata"].get("ownerReferences", []) if each["uid"] != uid]
    return found | {"metadata": found["metadata"] | {"ownerReferences": others}}


def timestamp(moment: datetime | None = None) -> str:
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def random_suffix() -> str:
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=5))
