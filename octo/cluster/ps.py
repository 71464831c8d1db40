"""`octo ps` and `octo status`: what runs on a cluster, how far it is, why it waits."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import yaml

from octo.cluster.chosen import OURS, chosen, connected, run_of, state_of
from octo.cluster.client import Cluster
from octo.cluster.endings import condition, holds, indexes, outcome
from octo.cluster.kinds import JOB, JOB_SET, POD, Manifest
from octo.cluster.queue_reasons import QUEUE
from octo.cluster.reasons import JOBSET_NAME, why_pending
from octo.cluster.settings import PsSettings, StatusSettings
from octo.errors import EXIT_DONE, EXIT_PREEMPTED, ClusterForbiddenError
from octo.settings.loading import load
from octo.terminal import Console


@dataclass(frozen=True)
class Row:
    """A JobSet as the tables have it."""

    namespace: str
    name: str
    run: str
    stage: str
    state: str
    ready: int
    """Pods that run now."""
    done: int
    """Indexes that have succeeded."""
    total: int
    """Pods that it takes."""
    restarts: int
    """Of the whole, and of single pods that failed and were, or are to be, tried again."""
    queue: str
    age_seconds: int
    why: str = ""
    """Why it waits, or failed."""


def ps_command(arguments: Sequence[str]) -> int:
    """List the JobSets of octo."""
    settings = load(PsSettings, arguments, os.environ)
    cluster = connected(settings)
    cluster = cluster.elsewhere("") if settings.all_namespaces else cluster
    jobsets = cluster.list(JOB_SET, labels=",".join(filter(None, (OURS, settings.selector)))).items
    console = Console()
    if settings.output == "name":
        for jobset in jobsets:
            console.out(f"jobset.{JOB_SET.group}/{jobset['metadata']['name']}")
    elif settings.output in ("json", "yaml"):
        # What kubectl prints for several objects.
        listed = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": jobsets}
        text = json.dumps(listed, indent=4) if settings.output == "json" else yaml.safe_dump(listed).rstrip()
        console.out(text)
    elif jobsets:
        wide = settings.output == "wide"
        for line in _ps_lines(_rows(cluster, jobsets), wide=wide, namespaces=settings.all_namespaces):
            console.out(line)
    else:
        Console(stderr=True).print(f"no jobs of octo {_where(cluster)}")
    return EXIT_DONE


def status_command(arguments: Sequence[str]) -> int:
    """Show each stage of a run: shards done, pods, and why it waits or how it failed."""
    settings = load(StatusSettings, arguments, os.environ)
    cluster = connected(settings)
    jobsets = chosen(cluster, settings.name)
    rows = _rows(cluster, jobsets, explained=True)
    console = Console()
    if settings.output == "json":
        shown = {"name": settings.name, "jobsets": [asdict(row) for row in rows]}
        console.out(json.dumps(shown, indent=4))
        return EXIT_DONE
    for line in _lines(rows, ["STAGE", "JOBSET", "STATE", "DONE", "PODS", "RESTARTS", "AGE"]):
        console.out(line)
    for row in rows:
        if row.why:
            console.print(f"{row.stage}: {row.why}", soft_wrap=True)
    return EXIT_DONE


def _rows(cluster: Cluster, jobsets: Iterable[Manifest], *, explained: bool = False) -> list[Row]:
    jobs: dict[tuple[str, str], list[Manifest]] = {}
    for job in cluster.list(JOB, labels=JOBSET_NAME).items:
        metadata = job["metadata"]
        jobs.setdefault((metadata["namespace"], metadata["labels"][JOBSET_NAME]), []).append(job)
    now = datetime.now(UTC)
    rows = []
    for jobset in jobsets:
        metadata = jobset["metadata"]
        mine = jobs.get((metadata["namespace"], metadata["name"]), [])
        why = _why(cluster.elsewhere(metadata["namespace"]), jobset, mine) if explained else ""
        rows.append(_row(jobset, mine, why, now))
    return rows


def _row(jobset: Manifest, jobs: Iterable[Manifest], why: str, now: datetime) -> Row:
    jobs = list(jobs)
    metadata, statuses = jobset["metadata"], [job.get("status", {}) for job in jobs]
    retries = sum(map(_retries, jobs))
    ready = sum(status.get("ready") or 0 for status in statuses)
    labels = metadata.get("labels", {})
    return Row(
        namespace=metadata["namespace"],
        name=metadata["name"],
        run=run_of(jobset),
        stage=labels.get("octo.dev/stage", labels.get("octo.dev/job", "")),
        state=state_of(jobset, ready=ready, retries=retries),
        ready=ready,
        done=sum(status.get("succeeded") or 0 for status in statuses),
        total=sum(
            each.get("replicas", 1) * each["template"]["spec"].get("completions", 1)
            for each in jobset["spec"]["replicatedJobs"]
        ),
        restarts=(jobset.get("status", {}).get("restarts") or 0) + retries,
        queue=labels.get(QUEUE, ""),
        age_seconds=int((now - datetime.fromisoformat(metadata["creationTimestamp"])).total_seconds()),
        why=why,
    )


def _retries(job: Manifest) -> int:
    """Failures of a Job's pods that were, or are to be, tried again: those that a disruption caused are not counted."""
    if "backoffLimitPerIndex" not in job["spec"]:
        # A rank that fails is never tried again alone.
        return 0
    status = job.get("status", {})
    given_up = len(indexes(status.get("failedIndexes") or ""))
    if not given_up and condition(job, "Failed").get("reason") == "PodFailurePolicy":
        given_up = 1
    return max(0, (status.get("failed") or 0) - given_up)


def _why(cluster: Cluster, jobset: Manifest, jobs: Iterable[Manifest]) -> str:
    """Why it waits, or how it failed."""
    if not holds(jobset, "Failed"):
        return why_pending(cluster, jobset)
    pods: list[Manifest] = []
    with suppress(ClusterForbiddenError):
        pods = cluster.list(POD, labels=f"{JOBSET_NAME}={jobset['metadata']['name']}").items
    name, ended = jobset["metadata"]["name"], outcome(jobset, jobs, pods)
    when = "to go on where it was" if ended.exit_code == EXIT_PREEMPTED else "once mended"
    return f"{ended.message}; {when}, `octo cancel {name}`, and start it again"


def _ps_lines(rows: Sequence[Row], *, wide: bool, namespaces: bool) -> Iterator[str]:
    names = ["NAME", "RUN", "STATE", "PODS", "RESTARTS", "AGE"]
    return _lines(rows, [*(["NAMESPACE"] if namespaces else []), *names, *(["STAGE", "DONE", "QUEUE"] if wide else [])])


def _lines(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    """Columns three blanks apart, as kubectl has them, whatever the width of the terminal: programs read them too."""
    table = [list(columns), *([_COLUMNS[column](row) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        yield "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def age_text(seconds: int) -> str:
    """An age as kubectl has it: 45s, 12m, 5h, 3d."""
    age = timedelta(seconds=seconds)
    if age < timedelta(minutes=2):
        return f"{seconds}s"
    if age < timedelta(hours=2):
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if age < timedelta(days=2) else f"{age.days}d"


def _where(cluster: Cluster) -> str:
    return f"in namespace {cluster.namespace}" if cluster.namespace else "in any namespace"


_COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "NAMESPACE": lambda row: row.namespace,
    "NAME": lambda row: row.name,
    "JOBSET": lambda row: row.name,
    "RUN": lambda row: row.run or "-",
    "STAGE": lambda row: row.stage or "-",
    "STATE": lambda row: row.state,
    "PODS": lambda row: f"{row.ready + row.done}/{row.total}",
    "DONE": lambda row: f"{row.done}/{row.total}",
    "RESTARTS": lambda row: str(row.restarts),
    "AGE": lambda row: age_text(row.age_seconds),
    "QUEUE": lambda row: row.queue or "-",
}
