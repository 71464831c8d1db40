"""`octo submit`: one job as a JobSet on the cluster, or a pipeline as a run on Kubeflow, once its plan is agreed to."""

import json
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pkgutil import resolve_name
from typing import Annotated

from octo.cluster.chosen import outcome_of
from octo.cluster.client import Cluster, prompted
from octo.cluster.endings import is_over
from octo.cluster.following import following
from octo.cluster.kinds import Manifest
from octo.cluster.launch import failure, relay
from octo.cluster.rehearsal import rehearse
from octo.cluster.submission import create_or_adopt
from octo.confirmation import confirm
from octo.errors import EXIT_DONE, StageFailedError, UsageError
from octo.pipelines.catalogue import PIPELINES
from octo.pipelines.plan_command import one_stage, planned
from octo.pipelines.plan_table import plan_text, table_width
from octo.processes import stoppable
from octo.render.jobset import installed
from octo.render.launched import launched
from octo.settings import JOBS
from octo.settings.base import Flag
from octo.settings.cluster import PromptSettings
from octo.settings.combined import load_with_job, of_job
from octo.settings.installation import InstalledSettings
from octo.settings.launch import LaunchSettings
from octo.terminal import Console


class SubmitSettings(PromptSettings, InstalledSettings):
    """Show what a job would need, ask, and create its JobSet, or adopt the one that does the same already.

    In place of a job, a pipeline is run on Kubeflow: octo submit PIPELINE --help.
    """

    yes: Annotated[bool, Flag(short="-y")] = False
    """Do not ask."""
    follow: Annotated[bool, Flag(short="-f")] = False
    """Follow it to its end, and end as it ends."""
    json_output: Annotated[bool, Flag("json")] = False
    """Print one JSON object, and no plan."""

    @classmethod
    def verb(cls) -> str:
        """The word after `octo`."""
        return "submit"


def submit_command(arguments: Sequence[str]) -> int:
    """Submit a job, or a pipeline."""
    name = next(iter(arguments), "")
    if name in PIPELINES:
        # Needs kfp, which whoever submits jobs alone can do without.
        return int(resolve_name("octo.pipelines.submit_run:submit_pipeline")(arguments))
    if name and name not in JOBS and not name.startswith("-"):
        near = get_close_matches(name, [*PIPELINES, *JOBS], n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join([*PIPELINES, *JOBS])}"
        raise UsageError(f"there is neither a pipeline nor a job {name!r} to submit: {hint}")
    settings, job = load_with_job(SubmitSettings, arguments, os.environ, without=(LaunchSettings.job,))
    namespace = settings.namespace or settings.installation.namespace
    installation = settings.installation.model_copy(update={"namespace": namespace})
    wanted = installed(of_job(settings, job), installation)
    wanted.check_complete()
    if not wanted.store.startswith("s3://"):
        raise UsageError(
            f"--store: expected s3://bucket/prefix, got {wanted.store!r}: pods share no directory; "
            "give it, or let the installation name one"
        )
    cluster = prompted(settings, namespace)
    jobset = launched(wanted, installation.model_copy(update={"namespace": cluster.namespace}))
    place = f"JobSet {jobset['metadata']['name']} in namespace {cluster.namespace}"
    console = Console(stderr=settings.json_output)
    with stoppable("what was created goes on: octo ps shows it"):
        plan = planned(one_stage(wanted), installation, wanted)
        if not settings.json_output:
            console.print(plan_text(one_stage(wanted), plan, width=table_width(console)), soft_wrap=True)
        if all(each.cached for each in plan):
            return _say_cached(console, plan[0].address, as_json=settings.json_output)
        confirm(f"Create {place}?", yes=settings.yes)
        rehearse(cluster, jobset)
        found, created = create_or_adopt(cluster, jobset)
        name = jobset["metadata"]["name"]
        if not created and is_over(found):
            return _say_over(console, cluster, found, planned_address=plan[0].address, as_json=settings.json_output)
        _say_created(console, name, cluster.namespace, created=created, as_json=settings.json_output)
        if settings.follow:
            with following(cluster.patient(), name, heartbeat_seconds=0) as followed:
                relay(followed)
            if followed.outcome is not None and not followed.outcome.succeeded:
                raise failure(followed.outcome, name)
    return EXIT_DONE


def _say_cached(console: Console, address: str, *, as_json: bool) -> int:
    if as_json:
        Console().print_json(json.dumps({"cached": True, "artifact": address}))
    else:
        console.print(f"nothing was created: its artifact is {address}", soft_wrap=True)
    return EXIT_DONE


def _say_over(console: Console, cluster: Cluster, jobset: Manifest, *, planned_address: str, as_json: bool) -> int:
    """Of a job that has ended before: that nothing was started, how it ended, and how to start it anew.

    Raises StageFailedError when it failed, or when what it made is not in the store any more.
    """
    name, ended = jobset["metadata"]["name"], outcome_of(cluster, jobset)
    place = f"JobSet {name} in namespace {cluster.namespace}"
    if not ended.succeeded:
        raise StageFailedError(
            f"nothing was started: {place} has failed before: {ended.message or 'it does not say why'}\n"
            f"  to start it anew, once mended: octo cancel {name} -n {cluster.namespace}, then submit it again"
        )
    address = ended.artifact or planned_address
    # The store was looked at before anything was asked: what is there would have been said.
    if not ended.artifact or ended.artifact == planned_address:
        raise StageFailedError(
            f"nothing was started: {place} has succeeded before, and its artifact {address} is in the store no more\n"
            f"  to make it anew: kubectl delete jobset {name} -n {cluster.namespace}, then submit it again"
        )
    return _say_cached(console, address, as_json=as_json)


def _say_created(console: Console, name: str, namespace: str, *, created: bool, as_json: bool) -> None:
    if as_json:
        facts = {"cached": False, "jobset": name, "namespace": namespace, "created": created}
        Console().print_json(json.dumps(facts))
        return
    said = "created" if created else "there already is"
    lines = [f"{said} JobSet {name} in namespace {namespace}"]
    lines += [f"  octo {verb} {name} -n {namespace}" for verb in ("logs -f", "status", "cancel")]
    console.print("\n".join(lines), soft_wrap=True)
