"""Why a Job or a pod could not be created, from the event that says so, with the remedy."""

import re
from collections.abc import Sequence

from octo.cluster.kinds import Manifest
from octo.cluster.sentences import sentence

_REMEDIES: Sequence[tuple[str, str]] = (
    ("exceeded quota", "wait for others to end, ask for less by --need, or have it raised"),
    ("failed quota", "have the namespace's quota name what octo's pods state, or give its LimitRange defaults"),
    ("serviceaccount", "create it, as the chart does, or name another by --installation.service-account"),
    ("service account", "create it, as the chart does, or name another by --installation.service-account"),
    ("PriorityClass", "have it created, or name another by --installation.priority-class"),
    ("violates PodSecurity", "octo's pods pass `restricted`: mend what was added to them"),
    ("admission webhook", "a policy of the cluster is against it: mend the setting that it names, or ask who runs it"),
    ("usage per", "ask for what the namespace's LimitRange allows, by --need"),
    ("image: ", "mend --installation.images"),
    ("annotations", "mend --installation.annotations"),
    ("nodeSelector", "mend node_selector of its pool in --installation.pools"),
    ("tolerations", "mend tolerations of its pool in --installation.pools"),
    ("labels", "mend --installation.labels"),
    ("being terminated", "take another namespace"),
)


def creation_reason(event: Manifest) -> str:
    """Of an event of a JobSet or a Job: what was against it, and what can be done."""
    message = _bare(str(event.get("message", "")))
    _, over_quota, quota = message.partition("exceeded quota: ")
    said = f"the quota of the namespace leaves no room: {quota}" if over_quota else message
    return f"{sentence(said)}; {remedy_of(message)}"


def remedy_of(reason: str) -> str:
    """What can be done about a reason that the API server gives for refusing a JobSet, a Job or a pod."""
    return next((remedy for sign, remedy in _REMEDIES if sign in reason), "mend the setting that it comes from")


def _bare(message: str) -> str:
    """Without what was being done, and of several failures the first."""
    first = message.strip().split("\n")[0]
    for preamble in (
        r"^Error creating: ",
        r"^.*?creation failed with error: ",
        r'^\S+ "[^"]*" is (forbidden|invalid): ',
    ):
        first = re.sub(preamble, "", first)
    return first
