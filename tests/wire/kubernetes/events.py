"""What controllers report of what they could not do: an event about the object, once for each reason."""

from tests.wire.kubernetes.objects import Object, matches_fields
from tests.wire.kubernetes.resources import EVENTS, Resource
from tests.wire.kubernetes.store import Store, random_suffix, timestamp


def report(store: Store, resource: Resource, about: Object, reason: str, message: str) -> None:
    metadata = about["metadata"]
    involved = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    told = [
        each
        for each in store.listed(EVENTS, metadata["namespace"])
        if matches_fields(each, f"involvedObject.uid={metadata['uid']},reason={reason}") and each["message"] == message
    ]
    if told:
        return
    event = {
        "metadata": {"name": f"{metadata['name']}.{random_suffix()}"},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "lastTimestamp": timestamp(),
    }
    store.create(EVENTS, event, metadata["namespace"])
