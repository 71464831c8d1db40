"""The verbs of the API on plain dicts: asked again while that can help, with every refusal as a sentence."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from octo.cluster.failures import Asked, Refusal, failure
from octo.cluster.kinds import Kind, Manifest
from octo.errors import ClusterMissingError, ClusterUnreachableError

if TYPE_CHECKING:
    from octo.cluster.transport import Lines, Transport

T = TypeVar("T")

DEFAULT_PATIENCE = 30.0
"""Seconds that an API server may be away or busy before that is an error."""
_LONGEST_PAUSE = 5.0
_NOT_DONE = {429, 503}
"""Answers of a server that was too busy to begin."""
_PASSING = _NOT_DONE | {500, 502, 504}


def connect(
    namespace: str = "", context: str = "", kubeconfig: Path | None = None, *, patience: float = DEFAULT_PATIENCE
) -> "Cluster":
    """A client of the cluster that the kubeconfig names; of the cluster around it, in a pod that has none.

    Nothing is asked of the cluster yet. Without a namespace, it is the one that the kubeconfig or the pod says.
    """
    # Half a second of generated classes, which a command that prints its help has no use for.
    from octo.cluster.transport import Transport  # noqa: PLC0415

    transport = Transport(context, kubeconfig)
    return Cluster(transport, namespace or transport.namespace, patience)


@dataclass(frozen=True)
class Listing:
    """A collection as it was at one version."""

    items: list[Manifest]
    version: str


@dataclass(frozen=True)
class Cluster:
    """One namespace of one cluster; all namespaces when it is empty, for listing."""

    transport: "Transport"
    namespace: str
    patience: float = DEFAULT_PATIENCE

    def elsewhere(self, namespace: str) -> "Cluster":
        """The same cluster, in another namespace."""
        return replace(self, namespace=namespace)

    def get(self, kind: Kind, name: str) -> Manifest:
        """Raises ClusterMissingError when there is none."""
        return self._asked(Asked("get", kind, self.namespace, name))

    def list(self, kind: Kind, *, labels: str = "", fields: str = "") -> Listing:
        """All that the selectors choose."""
        answer = self._asked(Asked("list", kind, self.namespace, query=_selectors(labels, fields)))
        # A list leaves out what all of its items have in common.
        common = {"apiVersion": kind.api_version, "kind": kind.kind}
        return Listing([common | item for item in answer["items"]], answer["metadata"]["resourceVersion"])

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Raises ClusterConflictError when the name is taken, perhaps by an earlier try of this very call."""
        asked = Asked("create", kind, self.namespace, manifest["metadata"].get("name", ""), query=_STRICT)
        return self._asked(asked, manifest)

    def patch(self, kind: Kind, name: str, changes: Manifest) -> Manifest:
        """Merge some fields into an object."""
        return self._asked(Asked("patch", kind, self.namespace, name, query=_STRICT), changes)

    def delete(self, kind: Kind, name: str, *, uid: str = "", wait_for_pods: bool = True) -> None:
        """Delete an object, and what it owns: before it (in the foreground) or after it. Gone already is done.

        With a uid, another object that has taken the name since is left alone.
        """
        options: Manifest = {"propagationPolicy": "Foreground" if wait_for_pods else "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        with suppress(ClusterMissingError):
            self._asked(Asked("delete", kind, self.namespace, name), options)

    @contextmanager
    def watch(
        self, kind: Kind, version: str, *, labels: str = "", fields: str = "", seconds: float = 240
    ) -> Iterator["Lines"]:
        """What happens after a version, as lines of JSON, over one connection that the server ends by and by."""
        query = _selectors(labels, fields) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(int(seconds)),
        }
        # A connection that died silently is noticed a little after the server should have ended it.
        with self._streamed(Asked("watch", kind, self.namespace, query=query), seconds + 30) as lines:
            yield lines

    @contextmanager
    def log(self, kind: Kind, pod: str, query: dict[str, str], *, seconds: float = 600) -> Iterator["Lines"]:
        """The log of a pod, over one connection."""
        with self._streamed(Asked("get", kind, self.namespace, pod, "log", query), seconds) as lines:
            yield lines

    @contextmanager
    def _streamed(self, asked: Asked, read_timeout: float) -> Iterator["Lines"]:
        path = asked.kind.path(asked.namespace, asked.name, asked.part)
        open_stream = partial(self.transport.stream, path, asked.query, read_timeout)
        try:
            lines = self._logged_in(open_stream)
        except Refusal as refusal:
            raise failure(asked, self.transport.host, refusal) from None
        try:
            yield lines
        finally:
            lines.close()

    def _asked(self, asked: Asked, body: Any = None) -> Manifest:
        method = _METHODS[asked.verb]
        # Whether it may be done twice: a second object under a name of the server's making would be one too many.
        repeatable = asked.verb != "create" or bool(asked.name)
        place = asked.kind.path(asked.namespace, "" if asked.verb == "create" else asked.name, asked.part)
        content_type = "application/merge-patch+json" if asked.verb == "patch" else "application/json"
        send = partial(self.transport.send, method, place, asked.query, body, content_type)
        try:
            parsed: Manifest = json.loads(self._patiently(send, repeatable=repeatable))
        except Refusal as refusal:
            raise failure(asked, self.transport.host, refusal) from None
        return parsed

    def _patiently(self, send: Callable[[], str], *, repeatable: bool) -> str:
        """Ask until there is an answer that another try would not change."""
        late = time.monotonic() + self.patience
        attempt = 0
        while True:
            pause = min(_LONGEST_PAUSE, random.uniform(0, 0.2 * 2**attempt))  # noqa: S311 - spreads retries
            try:
                return self._logged_in(send)
            except ClusterUnreachableError:
                if not repeatable or time.monotonic() + pause > late:
                    raise
            except Refusal as refusal:
                pause = max(pause, _asked_pause(refusal))
                if refusal.status not in (_PASSING if repeatable else _NOT_DONE) or time.monotonic() + pause > late:
                    raise
            time.sleep(pause)
            attempt += 1

    def _logged_in(self, send: Callable[[], T]) -> T:
        """Try once more with the credentials read again: tokens of pods and of cloud logins are renewed on disk."""
        try:
            return send()
        except Refusal as refusal:
            if refusal.status != 401:
                raise
            self.transport.renew()
            return send()


_METHODS = {"get": "GET", "list": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
_STRICT = {"fieldValidation": "Strict", "fieldManager": "octo"}


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _asked_pause(refusal: Refusal) -> float:
    stated = refusal.headers.get("Retry-After", "")
    return float(stated) if stated.isdigit() else 0.0
