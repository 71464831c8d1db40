"""Creating a JobSet once, however often it is asked for, and being its owner when somebody else created it."""

from octo.cluster.client import Cluster
from octo.cluster.kinds import JOB_SET, Manifest
from octo.errors import ClusterConflictError, ClusterMissingError
from octo.render.jobset import SPEC_DIGEST


def create_or_adopt(cluster: Cluster, jobset: Manifest) -> tuple[Manifest, bool]:
    """The JobSet as the cluster has it, and whether this call created it.

    With a name, it is created at most once: one that is there already with the same spec is adopted, and gets this
    one's owners. A generated name creates one at every call.

    Raises:
        ClusterConflictError: the name is another JobSet's.
    """
    try:
        return cluster.create(JOB_SET, jobset), True
    except ClusterConflictError:
        if "name" not in jobset["metadata"]:
            raise
    try:
        found = cluster.get(JOB_SET, jobset["metadata"]["name"])
    except ClusterMissingError:
        # It was deleted between the two.
        return cluster.create(JOB_SET, jobset), True
    return _adopted(cluster, found, jobset), False


def _adopted(cluster: Cluster, found: Manifest, wanted: Manifest) -> Manifest:
    name = found["metadata"]["name"]
    place = f"JobSet {name} in namespace {cluster.namespace}"
    theirs, ours = (each["metadata"].get("annotations", {}).get(SPEC_DIGEST) for each in (found, wanted))
    if "deletionTimestamp" in found["metadata"]:
        raise ClusterConflictError(f"{place} is being deleted: try again when it is gone")
    if theirs != ours:
        raise ClusterConflictError(
            f"{place} does something else (its {SPEC_DIGEST} is {theirs or 'missing'}, not {ours or 'missing'}): "
            f"choose another name, or delete it with `octo cancel {name} -n {cluster.namespace}`"
        )
    owners = wanted["metadata"].get("ownerReferences", [])
    if not owners or owners == found["metadata"].get("ownerReferences"):
        return found
    return cluster.patch(JOB_SET, name, {"metadata": {"ownerReferences": owners}})
