"""`octo cancel`: stopping a run or one JobSet."""

import os
import sys
from collections.abc import Sequence

from rich.console import Console

from octo.cluster.chosen import chosen, connected
from octo.cluster.endings import is_over
from octo.cluster.kinds import JOB_SET
from octo.cluster.settings import CancelSettings
from octo.errors import EXIT_DONE, EXIT_FAILED, UsageError
from octo.settings.loading import load


def cancel_command(arguments: Sequence[str]) -> int:
    """Delete the JobSets that have not ended, their pods before them, after asking."""
    settings = load(CancelSettings, arguments, os.environ)
    cluster = connected(settings)
    running = [jobset for jobset in chosen(cluster, settings.name) if not is_over(jobset)]
    console = Console(soft_wrap=True, highlight=False)
    if not running:
        console.print(f"{settings.name} has ended: there is nothing to cancel", markup=False)
        return EXIT_DONE
    names = ", ".join(jobset["metadata"]["name"] for jobset in running)
    if not settings.yes and not _agreed(f"Cancel {names} in namespace {cluster.namespace}?"):
        console.print("nothing was cancelled")
        return EXIT_FAILED
    for jobset in running:
        cluster.delete(JOB_SET, jobset["metadata"]["name"], uid=jobset["metadata"]["uid"])
    console.print(
        f"cancelled {names}: the pods are told to stop; artifacts, checkpoints and finished shards stay in the store, "
        "and submitting it again goes on from there",
        markup=False,
    )
    return EXIT_DONE


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: give --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
