"""The JobSets that a command is about."""

from octo.cluster.client import Cluster, prompted
from octo.cluster.endings import Outcome, holds, outcome
from octo.cluster.kinds import JOB, JOB_SET, POD, Manifest
from octo.cluster.queue_reasons import QUEUE
from octo.cluster.reasons import JOBSET_NAME
from octo.errors import ClusterForbiddenError, ClusterMissingError
from octo.render.jobset import RUN, label_value
from octo.settings.cluster import PromptSettings

OURS = "app.kubernetes.io/name=octo"


def connected(settings: PromptSettings) -> Cluster:
    """The cluster that the flags say, for a person who waits for the answer."""
    return prompted(settings, settings.namespace)


def chosen(cluster: Cluster, name: str) -> list[Manifest]:
    """The JobSet of that name, or those of the run of that name, the oldest first.

    Raises:
        ClusterMissingError: there is neither.
    """
    try:
        return [cluster.get(JOB_SET, name)]
    except ClusterMissingError:
        found = cluster.list(JOB_SET, labels=f"{OURS},{RUN}={label_value(name)}").items
    if not found:
        raise ClusterMissingError(
            f"there is no run and no JobSet {name} in namespace {cluster.namespace}: `octo ps -A` shows all there are"
        )
    return sorted(found, key=lambda jobset: str(jobset["metadata"]["creationTimestamp"]))


def outcome_of(cluster: Cluster, jobset: Manifest) -> Outcome:
    """How a JobSet that is over ended, from its Jobs and pods as far as they are there and may be read."""
    labels = f"{JOBSET_NAME}={jobset['metadata']['name']}"
    read: list[list[Manifest]] = []
    for kind in (JOB, POD):
        try:
            read.append(cluster.list(kind, labels=labels).items)
        except ClusterForbiddenError:
            read.append([])
    return outcome(jobset, *read)


def run_of(jobset: Manifest) -> str:
    """The run that a JobSet belongs to; its annotation has the whole name."""
    metadata = jobset["metadata"]
    return str(metadata.get("annotations", {}).get(RUN) or metadata.get("labels", {}).get(RUN, ""))


def state_of(jobset: Manifest, *, ready: int, retries: int = 0) -> str:
    """A JobSet in a word."""
    if "deletionTimestamp" in jobset["metadata"]:
        return "Terminating"
    for condition, word in (("Completed", "Succeeded"), ("Failed", "Failed")):
        if holds(jobset, condition):
            return word
    if jobset["spec"].get("suspend"):
        return "Queued" if QUEUE in jobset["metadata"].get("labels", {}) else "Suspended"
    if ready:
        return "Running"
    return "Retrying" if retries else "Pending"
