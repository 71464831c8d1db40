"""The garbage collector: what names an owner that is not there, or no longer, goes too.

The store takes dependents along when their owner is deleted, in the foreground or after it. Here is the rest: owners
that were never there, are of another kind or namespace than a reference says, or whose name somebody else has now.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.wire.kubernetes.objects import Object, Refusal
from tests.wire.kubernetes.resources import Resource
from tests.wire.kubernetes.store import Change, Store


@dataclass
class GarbageCollector:
    store: Store
    resources: list[Resource]

    def reconcile(self, changes: Iterable[Change]) -> None:
        for uid in dict.fromkeys(change.manifest["metadata"]["uid"] for change in changes):
            if found := self.store.identified(uid):
                self._collect(*found)

    def _collect(self, resource: Resource, manifest: Object) -> None:
        metadata = manifest["metadata"]
        references = metadata.get("ownerReferences") or []
        solid = [each for each in references if self._is_there(each, metadata.get("namespace", ""))]
        if len(solid) == len(references) or "deletionTimestamp" in metadata:
            return
        place = (resource, metadata.get("namespace", ""), metadata["name"])
        if solid:
            self.store.change(*place, lambda old: old | {"metadata": old["metadata"] | {"ownerReferences": solid}})
        else:
            self.store.delete(*place)

    def _is_there(self, reference: Object, namespace: str) -> bool:
        stated = (reference["apiVersion"], reference["kind"])
        resource = next((each for each in self.resources if (each.api_version, each.kind) == stated), None)
        if resource is None:
            return False
        try:
            found = self.store.read(resource, namespace if resource.namespaced else "", reference["name"])
        except Refusal:
            return False
        return found["metadata"]["uid"] == reference["uid"]
