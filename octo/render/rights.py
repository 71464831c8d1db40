"""What octo asks of a cluster's API: the one table that the chart grants, doctor asks for, and commands keep to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from octo.render.pods import Object


@dataclass(frozen=True)
class Right:
    """Some verbs on one resource, in the namespace of the jobs."""

    group: str
    """Empty for Kubernetes' own core."""
    resource: str
    """With its part after a slash, as in pods/log."""
    verbs: tuple[str, ...]
    purpose: str
    """What is done with it."""
    needed: bool = True
    """Whether something fails without it; else only less is said."""
    queued: bool = False
    """Whether it is of use only where jobs wait in a queue of Kueue."""


LAUNCH: Sequence[Right] = (
    Right(
        "jobset.x-k8s.io",
        "jobsets",
        ("create", "get", "list", "watch", "patch", "delete"),
        "submit, follow, show and cancel jobs",
    ),
    Right("batch", "jobs", ("list",), "show how far jobs are, in ps and status"),
    Right("", "pods", ("get", "list", "watch"), "follow pods, and say why they wait or failed"),
    Right("", "pods/log", ("get",), "show logs"),
    Right("", "events", ("list",), "say why a Job or a pod could not be created", needed=False),
    Right("", "podtemplates", ("create",), "ask at submit, by a dry run, what would be refused later", needed=False),
    Right(
        "kueue.x-k8s.io", "workloads", ("list", "watch"), "say why a job waits in its queue", needed=False, queued=True
    ),
    Right("kueue.x-k8s.io", "localqueues", ("get",), "look in doctor whether the queue is there", queued=True),
)
"""Of launch, and of whoever submits, follows, shows and cancels."""

JANITOR: Sequence[Right] = (
    Right("jobset.x-k8s.io", "jobsets", ("get", "list", "delete"), "stop what nobody follows any more"),
)


def rules(rights: Sequence[Right], *, queued: bool) -> list[Object]:
    """The rules of a Role that grants those that are, or are not, about queues."""
    return [
        {"apiGroups": [right.group], "resources": [right.resource], "verbs": list(right.verbs)}
        for right in rights
        if right.queued == queued
    ]


def each_verb(rights: Sequence[Right], *, queued: bool) -> Iterator[tuple[Right, str]]:
    """Right by right, verb by verb; with those about queues if there is one."""
    return ((right, verb) for right in rights if queued or not right.queued for verb in right.verbs)


def grants(rights: Sequence[Right], verb: str, group: str, resource: str) -> bool:
    """Whether a verb on a resource is among them."""
    return any(verb in each.verbs and (group, resource) == (each.group, each.resource) for each in rights)
