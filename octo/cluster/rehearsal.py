"""Whether the API server would take the pods of a JobSet: asked by dry runs before anything is created.

JobSet's own admission looks into no pod template. What is wrong there shows when its Job, or a pod, is created: hours
later, where the JobSet waits in a queue.
"""

from contextlib import suppress
from dataclasses import replace

from octo.cluster.client import PROMPT_PATIENCE, Cluster
from octo.cluster.creation import remedy_of
from octo.cluster.kinds import JOB_SET, POD, POD_TEMPLATE, Kind, Manifest
from octo.errors import (
    ClusterConflictError,
    ClusterForbiddenError,
    ClusterLacksError,
    ClusterQuotaError,
    ClusterRefusedError,
    ClusterRightsError,
    ClusterUnreachableError,
)


def rehearse(cluster: Cluster, jobset: Manifest) -> None:
    """Let the server judge a JobSet and a pod of each of its roles, as far as whoever asks may ask.

    A pod is judged by everything that judges pods; who may create none asks about a pod template, which is judged by
    itself alone and which nothing is ever made of.

    Raises:
        ClusterRefusedError: it would be refused, with the reason and the setting that it comes from.
        ClusterError: the JobSet itself would be.
    """
    try:
        cluster.create(JOB_SET, jobset, dry_run=True)
    except ClusterConflictError:
        # There is one already, which is somebody else's to look at.
        return
    except ClusterRefusedError as error:
        if not _cannot_be_rehearsed(error):
            raise
    # A webhook that is down, or asleep, is no reason to wait here: it may be up when the job starts.
    brief = replace(cluster, patience=min(cluster.patience, PROMPT_PATIENCE))
    with suppress(ClusterUnreachableError):
        for replicated in jobset["spec"]["replicatedJobs"]:
            template = replicated["template"]["spec"]["template"]
            name = f"{jobset['metadata']['name']}-{replicated['name']}-0-0"
            if not _judged(brief, POD, _pod(name, template)):
                _judged(brief, POD_TEMPLATE, _pod_template(name, template))


def _judged(cluster: Cluster, kind: Kind, manifest: Manifest) -> bool:
    """Whether the server has judged it; it raises what it found."""
    try:
        cluster.create(kind, manifest, dry_run=True)
    except (ClusterRightsError, ClusterLacksError):
        return False
    except ClusterQuotaError:
        # What is used up now may be free when the job starts.
        return True
    except (ClusterRefusedError, ClusterForbiddenError) as error:
        if _cannot_be_rehearsed(error):
            return False
        name = manifest["metadata"]["name"]
        raise ClusterRefusedError(
            f"nothing was created, for pods such as {name} would be refused: {error.reason}; {remedy_of(error.reason)}"
        ) from None
    return True


def _cannot_be_rehearsed(error: Exception) -> bool:
    """Some webhooks do something else too, and refuse every dry run."""
    return "dry run" in str(error) or "dryRun" in str(error)


def _pod(name: str, template: Manifest) -> Manifest:
    return {
        "apiVersion": POD.api_version,
        "kind": POD.kind,
        "metadata": {**template.get("metadata", {}), "name": name},
        "spec": template["spec"],
    }


def _pod_template(name: str, template: Manifest) -> Manifest:
    return {
        "apiVersion": POD_TEMPLATE.api_version,
        "kind": POD_TEMPLATE.kind,
        "metadata": {"name": name},
        "template": template,
    }
