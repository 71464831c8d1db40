"""What the API server's refusals mean, each with the value and the remedy."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from octo.cluster.creation import remedy_of
from octo.cluster.kinds import Kind
from octo.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterExpiredError,
    ClusterForbiddenError,
    ClusterLacksError,
    ClusterLoginError,
    ClusterMissingError,
    ClusterQuotaError,
    ClusterRefusedError,
    ClusterRightsError,
    ClusterUnreachableError,
    ClusterUntrustedError,
    ClusterWithdrawnError,
)
from octo.render.rights import LAUNCH, grants


@dataclass(frozen=True)
class Asked:
    """What was asked of the API server."""

    verb: str
    """As rights name it: create, get, list, watch, patch, delete."""
    kind: Kind
    namespace: str
    name: str = ""
    part: str = ""
    """Such as log."""
    query: dict[str, str] = field(default_factory=dict)

    @property
    def thing(self) -> str:
        """What it is about, for a sentence."""
        named = f"{self.kind.kind} {self.name}" if self.name else f"{self.kind.kind}s"
        return f"{named} {self.place}"

    @property
    def place(self) -> str:
        """Where it is about, for a sentence."""
        return f"in namespace {self.namespace}" if self.namespace else "in any namespace"


@dataclass
class Refusal(Exception):  # noqa: N818 - an answer, which becomes an error where it is known what was asked
    """An answer of the API server that is no success."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def lacks_a_right(self) -> bool:
        """Whether it says that whoever asks may not do it, and not that a quota or a policy is against it."""
        return self.status == 403 and _may_not(_said(self.text).message)


def failure(asked: Asked, host: str, refusal: Refusal, *, allowed_before: bool = False) -> ClusterError:
    """The error that a refusal stands for.

    Args:
        asked: what was asked.
        host: of whom.
        refusal: the answer.
        allowed_before: whether the same was allowed before.
    """
    said = _said(refusal.text)
    if refusal.lacks_a_right:
        return _lacking(asked, said, allowed_before=allowed_before)
    if "HTTP request to an HTTPS server" in said.message:
        return ClusterUntrustedError(
            f"{host} shows a certificate, and takes no http: mend the address of its server in the kubeconfig to https"
        )
    if refusal.status in _MEANINGS:
        return _MEANINGS[refusal.status](asked, host, said)
    answered = f"{host} answered {refusal.status} to {asked.verb} of {asked.thing}: {said.message}"
    if refusal.status == 429 or refusal.status >= 500:
        return ClusterUnreachableError(f"{answered}; it may pass: try again later")
    return ClusterError(answered)


@dataclass(frozen=True)
class _Said:
    """A Status object of the API, or what stood in its place."""

    message: str
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def _said(text: str) -> _Said:
    try:
        status = json.loads(text)
    except ValueError:
        return _Said(" ".join(text.split())[:200] or "no reason given")
    if not isinstance(status, dict):
        return _Said("no reason given")
    message = " ".join(str(status.get("message") or "no reason given").split())
    return _Said(message, status.get("reason") or "", status.get("details") or {})


def _unauthorized(_asked: Asked, host: str, _said: _Said) -> ClusterError:
    return ClusterLoginError(
        f"{host} refused the credentials, which may have expired: log in again, as `kubectl get pods` would ask for"
    )


def _forbidden(asked: Asked, _host: str, said: _Said) -> ClusterError:
    _, over_quota, quota = said.message.partition("exceeded quota: ")
    if over_quota:
        return ClusterQuotaError(
            f"the quota of namespace {asked.namespace} leaves no room for {asked.kind.kind} {asked.name}: {quota}; "
            "wait for others to end, ask for less, or have the quota raised"
        )
    reason = _without_preamble(said.message)
    error = ClusterForbiddenError(f"the cluster forbids {asked.thing}: {reason}; {remedy_of(reason)}")
    error.reason = reason
    return error


def _may_not(message: str) -> bool:
    return bool(re.search(r'\bUser ".*" cannot ', message))


def _lacking(asked: Asked, said: _Said, *, allowed_before: bool) -> ClusterError:
    """Who was refused what, in the server's words, and what would allow it."""
    resource = f"{asked.kind.plural}/{asked.part}" if asked.part else asked.kind.plural
    group = f" of {asked.kind.group}" if asked.kind.group else ""
    words = said.message.partition(" is forbidden: ")[2] or said.message
    sentence = f"not allowed to {asked.verb} {resource}{group} {asked.place}: {words}"
    kind = ClusterWithdrawnError if allowed_before else ClusterRightsError
    return kind(f"{sentence}; {_remedy(asked, resource, words)}")


def _remedy(asked: Asked, resource: str, words: str) -> str:
    found = re.search(r'User "(.*?)" cannot ', words)
    user = found[1] if found else ""
    if user in ("", "system:anonymous"):
        return "it does not know who asks: log in, or choose a context with credentials by --context"
    if not asked.namespace:
        return "name one namespace by --namespace, or have an administrator bind a ClusterRole with that verb"
    subject = _subject(user)
    if grants(LAUNCH, asked.verb, asked.kind.group, resource):
        return f"name {subject} under rbac.launchers in the values of octo's chart in that namespace, and upgrade it"
    return f"have an administrator bind a Role in that namespace with that verb to {subject}"


def _subject(user: str) -> str:
    """As the chart's values and a RoleBinding name it."""
    if not user.startswith("system:serviceaccount:"):
        return f"{{kind: User, name: {json.dumps(user)}}}"
    _, _, namespace, name = user.split(":", 3)
    return f"{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}"


def _not_found(asked: Asked, _host: str, said: _Said) -> ClusterError:
    if said.details.get("kind") == "namespaces":
        return ClusterMissingError(
            f"there is no namespace {asked.namespace}: create it, or choose another with --namespace"
        )
    if said.reason == "NotFound" and said.details.get("name"):
        return ClusterMissingError(f"there is no {asked.thing}: `octo ps` shows what is there")
    if asked.kind.brought_by:
        return ClusterLacksError(
            f"the cluster does not know {asked.kind.resource} in version {asked.kind.version}: install "
            f"{asked.kind.brought_by}, by `kubectl apply --server-side` of its release manifest"
        )
    return ClusterLacksError(f"the cluster does not know {asked.kind.resource} {asked.kind.version}: {said.message}")


def _conflict(asked: Asked, _host: str, said: _Said) -> ClusterError:
    if said.reason == "AlreadyExists":
        return ClusterConflictError(f"there already is a {asked.thing}: choose another name, or delete that one")
    return ClusterConflictError(f"somebody else changed {asked.thing} at the same time ({said.message}): try again")


def _expired(asked: Asked, _host: str, said: _Said) -> ClusterError:
    return ClusterExpiredError(f"the cluster has forgotten where {asked.verb} of {asked.thing} was: {said.message}")


def _invalid(asked: Asked, _host: str, said: _Said) -> ClusterError:
    causes = [f"{each.get('field')}: {each.get('message')}" for each in said.details.get("causes", [])]
    reason = "; ".join(causes) or _without_preamble(said.message)
    error = ClusterRefusedError(f"the cluster refused {asked.thing}: {reason}; {remedy_of(reason)}")
    error.reason = reason
    return error


def _without_preamble(message: str) -> str:
    """`violates PodSecurity ...` of `pods "x" is forbidden: violates PodSecurity ...`."""
    for preamble in (" is forbidden: ", " is invalid: ", " in version "):
        before, found, after = message.partition(preamble)
        if found and before.count('"') == 2:
            return after
    return message


_MEANINGS = {
    400: _invalid,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    410: _expired,
    422: _invalid,
}
