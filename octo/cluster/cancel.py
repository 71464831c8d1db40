"""`octo cancel`: stopping a run or one JobSet."""

import os
from collections.abc import Sequence

from octo.cluster.chosen import chosen, connected
from octo.cluster.endings import holds
from octo.cluster.kinds import JOB_SET
from octo.cluster.settings import CancelSettings
from octo.confirmation import confirm
from octo.errors import EXIT_DONE
from octo.settings.loading import load
from octo.terminal import Console


def cancel_command(arguments: Sequence[str]) -> int:
    """Delete the JobSets that have not succeeded, their pods before them, after asking.

    Those that failed too: what failed keeps its name, and could not be started again.
    """
    settings = load(CancelSettings, arguments, os.environ)
    cluster = connected(settings)
    unfinished = [jobset for jobset in chosen(cluster, settings.name) if not holds(jobset, "Completed")]
    console = Console(soft_wrap=True)
    if not unfinished:
        console.print(f"{settings.name} has succeeded: there is nothing to cancel")
        return EXIT_DONE
    names = ", ".join(jobset["metadata"]["name"] for jobset in unfinished)
    confirm(f"Cancel {names} in namespace {cluster.namespace}?", yes=settings.yes)
    for jobset in unfinished:
        cluster.delete(JOB_SET, jobset["metadata"]["name"], uid=jobset["metadata"]["uid"])
    console.print(
        f"cancelled {names}: the pods are told to stop; artifacts, checkpoints and finished shards stay in the store, "
        "and submitting it again goes on from there",
        markup=False,
    )
    return EXIT_DONE
