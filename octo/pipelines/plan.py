"""What a pipeline or a job would run on a cluster: pods, pools, what is committed already, and how long it may take."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from octo.errors import UsageError
from octo.job import stage_digest
from octo.pipelines.dag import Pipeline, Stage
from octo.render.jobset import installed
from octo.render.roles import Role, roles
from octo.settings.installation import Installation
from octo.storage.artifacts import find_artifact, known_digests
from octo.storage.store import Store

MOST_PAST = 100
"""Earlier artifacts of a job that an estimate looks at."""


class Estimate(NamedTuple):
    """Seconds that something may take: in the middle, at least and at most, as it took before."""

    middle: float
    low: float
    high: float
    samples: int

    def __add__(self, other: object) -> "Estimate":
        """One after the other."""
        if not isinstance(other, Estimate):
            return NotImplemented
        return Estimate(
            self.middle + other.middle, self.low + other.low, self.high + other.high, min(self.samples, other.samples)
        )


@dataclass(frozen=True)
class StagePlan:
    """What one stage would need."""

    stage: Stage
    roles: tuple[Role, ...]
    address: str
    """Of its artifact; empty when that depends on what is not on this machine."""
    cached: bool
    """Whether it is committed already, so that nothing of it runs."""
    unknown: str = ""
    """Why its address cannot be told."""
    estimate: Estimate | None = None
    """None where the store holds no artifact that was made by the same job."""

    @property
    def pods(self) -> int:
        """Pods that would run."""
        return 0 if self.cached else sum(role.pods for role in self.roles)

    @property
    def accelerators(self) -> int:
        """Accelerators that they would hold."""
        return 0 if self.cached else sum(role.accelerators for role in self.roles)


def plan(pipeline: Pipeline, installation: Installation, store: Store) -> list[StagePlan]:
    """A plan for each stage, in the pipeline's order.

    Raises:
        UsageError: no pool fits what a stage needs.
    """
    addresses: dict[str, str] = {}
    history: dict[str, _Past] = {}
    plans = []
    for stage in pipeline.stages:
        job = stage.settings.job
        address, unknown = _address(stage, addresses, store)
        addresses[stage.name] = address
        cached = bool(address) and find_artifact(store, job, address.rpartition("/")[2]) is not None
        if not cached and job not in history:
            history[job] = _past(store, job)
        plans.append(
            StagePlan(
                stage=stage,
                roles=tuple(roles(installed(stage.settings, installation), installation)),
                address=address,
                cached=cached,
                unknown=unknown,
                estimate=None if cached else _estimate(history[job], stage.name),
            )
        )
    return plans


def critical_path(plans: Sequence[StagePlan]) -> tuple[Estimate, int]:
    """How long the whole may take when nothing waits for pods, and how many stages it leaves out for want of a past."""
    ends: dict[str, Estimate] = {}
    nothing = Estimate(0.0, 0.0, 0.0, MOST_PAST)
    for each in plans:
        before = [ends[name] for name in each.stage.needs if name in ends]
        start = max(before, key=lambda end: end.middle, default=nothing)
        ends[each.stage.name] = start + (each.estimate or nothing)
    unknown = sum(1 for each in plans if not each.cached and each.estimate is None)
    return max(ends.values(), key=lambda end: end.middle, default=nothing), unknown


class _Past(NamedTuple):
    """Seconds that earlier artifacts of a job took, all together and by stage."""

    job: tuple[float, ...]
    by_stage: Mapping[str, tuple[float, ...]]


def _address(stage: Stage, addresses: Mapping[str, str], store: Store) -> tuple[str, str]:
    """Where the stage's artifact is or will be; else nothing, and why that is not known."""
    lacking = sorted(name for name in stage.needs if not addresses.get(name))
    if lacking:
        return "", f"reads {lacking[0]}"
    try:
        settings = stage.reading(addresses)
        return f"{store.address}/artifacts/{settings.job}/{stage_digest(settings)}", ""
    except UsageError as error:
        # A package or a file that only the job's image has.
        return "", str(error)


def _past(store: Store, job: str) -> _Past:
    digests = known_digests(store, job)[:MOST_PAST]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda digest: find_artifact(store, job, digest), digests))
    by_stage: dict[str, list[float]] = {}
    for artifact in found:
        if artifact is not None:
            manifest = artifact.manifest
            seconds = (manifest.committed_at - manifest.started_at).total_seconds()
            by_stage.setdefault(manifest.stage, []).append(seconds)
    return _Past(
        job=tuple(seconds for each in by_stage.values() for seconds in each),
        by_stage={name: tuple(each) for name, each in by_stage.items()},
    )


def _estimate(past: _Past, stage: str) -> Estimate | None:
    """As the stage of that name took before; where none did, as the job took in any stage."""
    samples = past.by_stage.get(stage) or past.job
    return Estimate(median(samples), min(samples), max(samples), len(samples)) if samples else None
