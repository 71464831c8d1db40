"""The verbs of the API on plain dicts: asked again while that can help, with every refusal as a sentence."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from octo.cluster.failures import Asked, Refusal, failure
from octo.cluster.kinds import Kind, Manifest
from octo.errors import ClusterError, ClusterMissingError, ClusterUnreachableError, ClusterUntrustedError
from octo.settings.cluster import PromptSettings

if TYPE_CHECKING:
    from octo.cluster.transport import Lines, Transport

T = TypeVar("T")

DEFAULT_PATIENCE = 30.0
"""Seconds that an API server may be away or busy before that is an error."""
DEFAULT_ANSWER_SECONDS = 60.0
"""How long it may take to begin an answer, where it may be slow; as long as a server works on one at most."""
PROMPT_PATIENCE = 2.0
"""The same where a person waits at a prompt, who is answered within three."""
_SECONDS_OF_STARTING = 5.0
"""How long a server that nobody at a prompt asks may refuse what it has not yet allowed: it may have just started."""
_LONGEST_PAUSE = 5.0
_NOT_DONE = {429, 503}
"""Answers of a server that was too busy to begin."""
_PASSING = _NOT_DONE | {500, 502, 504}


def connect(
    namespace: str = "",
    context: str = "",
    kubeconfig: Path | None = None,
    *,
    patience: float = DEFAULT_PATIENCE,
    attended: bool = True,
    answer_seconds: float = DEFAULT_ANSWER_SECONDS,
) -> "Cluster":
    """A client of the cluster that the kubeconfig names; of the cluster around it, in a pod that has none.

    Nothing is asked of the cluster yet. Without a namespace, it is the one that the kubeconfig or the pod says.

    Args:
        namespace: where the objects are.
        context: of the kubeconfig.
        kubeconfig: another than the usual one.
        patience: seconds that the API server may be away or busy.
        attended: whether a person is told at once of a right that is lacking; else it is asked for a few seconds more.
        answer_seconds: how long the API server may take to begin an answer.
    """
    # Half a second of generated classes, which a command that prints its help has no use for.
    from octo.cluster.transport import Transport  # noqa: PLC0415

    transport = Transport(context, kubeconfig, seconds_to_connect=max(patience, PROMPT_PATIENCE))
    return Cluster(transport, namespace or transport.namespace, patience, attended, answer_seconds)


def prompted(settings: PromptSettings, namespace: str) -> "Cluster":
    """The cluster that the flags say, for a person who waits for the answer."""
    return connect(
        namespace,
        settings.context,
        settings.kubeconfig,
        patience=PROMPT_PATIENCE,
        answer_seconds=settings.answer_seconds,
    )


Right = tuple[str, str, str, str]
"""Verb, resource, its part, namespace."""


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
    attended: bool = True
    answer_seconds: float = DEFAULT_ANSWER_SECONDS
    allowed: set[Right] = field(default_factory=set)
    """What the server has allowed so far: the same, refused, is a matter of patience."""

    def elsewhere(self, namespace: str) -> "Cluster":
        """The same cluster, in another namespace."""
        return replace(self, namespace=namespace)

    def patient(self) -> "Cluster":
        """The same cluster, for whoever follows something on it: an outage of seconds ends nothing."""
        return replace(
            self,
            patience=max(self.patience, DEFAULT_PATIENCE),
            answer_seconds=max(self.answer_seconds, DEFAULT_ANSWER_SECONDS),
        )

    def get(self, kind: Kind, name: str) -> Manifest:
        """Raises ClusterMissingError when there is none."""
        return self._asked(Asked("get", kind, self.namespace, name))

    def list(self, kind: Kind, *, labels: str = "", fields: str = "") -> Listing:
        """All that the selectors choose."""
        answer = self._asked(Asked("list", kind, self.namespace, query=_selectors(labels, fields)))
        # A list leaves out what all of its items have in common.
        common = {"apiVersion": kind.api_version, "kind": kind.kind}
        return Listing([common | item for item in answer["items"]], answer["metadata"]["resourceVersion"])

    def create(self, kind: Kind, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Raises ClusterConflictError when the name is taken, perhaps by an earlier try of this very call.

        By a dry run, the server judges it and keeps nothing.
        """
        query = _STRICT | {"dryRun": "All"} if dry_run else _STRICT
        asked = Asked("create", kind, self.namespace, manifest["metadata"].get("name", ""), query=query)
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
    def log(self, kind: Kind, pod: str, query: dict[str, str]) -> Iterator["Lines"]:
        """The log of a pod, over one connection. One that is followed may be silent for ten minutes."""
        seconds = 600 if "follow" in query else self.answer_seconds
        with self._streamed(Asked("get", kind, self.namespace, pod, "log", query), seconds) as lines:
            yield lines

    @contextmanager
    def _streamed(self, asked: Asked, read_timeout: float) -> Iterator["Lines"]:
        path = asked.kind.path(asked.namespace, asked.name, asked.part)
        open_stream = partial(self.transport.stream, path, asked.query, read_timeout)
        try:
            lines = self._opened(open_stream, asked)
        except Refusal as refusal:
            raise self._failure(asked, refusal) from None
        self.allowed.add(_right(asked))
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
        # What changes something was judged before, or is about what was read: the server is there, and may take long.
        looks = asked.verb in ("get", "list") or "dryRun" in asked.query or not asked.name
        seconds = self.answer_seconds if looks else max(self.answer_seconds, DEFAULT_ANSWER_SECONDS)
        send = partial(self.transport.send, method, place, asked.query, body, content_type, seconds=seconds)
        try:
            parsed: Manifest = json.loads(self._patiently(send, asked, repeatable=repeatable))
        except Refusal as refusal:
            raise self._failure(asked, refusal) from None
        self.allowed.add(_right(asked))
        return parsed

    def _opened(self, open_stream: Callable[[], "Lines"], asked: Asked) -> "Lines":
        """The stream, once it may be read: what else keeps it from being opened is its reader's to be patient with."""
        late = time.monotonic() + (0 if _right(asked) in self.allowed else self._forbidden_patience(asked))
        while True:
            try:
                return self._logged_in(open_stream)
            except Refusal as refusal:
                if not refusal.lacks_a_right or time.monotonic() > late:
                    raise
            time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - spreads retries

    def _failure(self, asked: Asked, refusal: Refusal) -> ClusterError:
        return failure(asked, self.transport.host, refusal, allowed_before=_right(asked) in self.allowed)

    def _patiently(self, send: Callable[[], str], asked: Asked, *, repeatable: bool) -> str:
        """Ask until there is an answer that another try would not change."""
        began = time.monotonic()
        late = began + self.patience
        attempt = 0
        while True:
            pause = min(_LONGEST_PAUSE, random.uniform(0, 0.2 * 2**attempt))  # noqa: S311 - spreads retries
            try:
                return self._logged_in(send)
            except ClusterUnreachableError as error:
                # A certificate that never was right is not right the next time.
                if isinstance(error, ClusterUntrustedError) and not self.allowed:
                    raise
                if not repeatable or time.monotonic() + pause > late:
                    raise
            except Refusal as refusal:
                pause = max(pause, _asked_pause(refusal))
                until = began + self._forbidden_patience(asked) if refusal.status == 403 else late
                passes = refusal.lacks_a_right or refusal.status in (_PASSING if repeatable else _NOT_DONE)
                if not passes or time.monotonic() + pause > until:
                    raise
            time.sleep(pause)
            attempt += 1

    def _forbidden_patience(self, asked: Asked) -> float:
        """How long a right may be refused: as long as anything, where it was there before."""
        if _right(asked) in self.allowed:
            return self.patience
        return 0 if self.attended else min(self.patience, _SECONDS_OF_STARTING)

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


def _right(asked: Asked) -> Right:
    return asked.verb, asked.kind.resource, asked.part, asked.namespace


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _asked_pause(refusal: Refusal) -> float:
    stated = refusal.headers.get("Retry-After", "")
    return float(stated) if stated.isdigit() else 0.0
