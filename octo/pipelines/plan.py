"""What a pipeline or a job would run on a cluster: pods, pools, what is committed already, and how long it may take."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from octo.errors import InputError, StorageError, UsageError
from octo.job import stage_digest
from octo.memory_model import WIDTHS
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.hours import training_duration
from octo.pipelines.known import Knowledge
from octo.render.even import refuse_uneven
from octo.render.fitting import Known, RoleMemory, Trainer, memory_of, refuse_misfit
from octo.render.jobset import installed
from octo.render.roles import Role, roles
from octo.settings.base import JobSettings
from octo.settings.installation import Installation
from octo.settings.midtraining import MidtrainingSettings, keeps
from octo.storage.artifacts import find_artifact, known_digests
from octo.storage.store import Store

MOST_PAST = 100
"""Earlier artifacts of a job that an estimate looks at."""


class Estimate(NamedTuple):
    """Seconds that something may take: in the middle, at least and at most."""

    middle: float
    low: float
    high: float
    samples: int
    """How often it was done before; 0 where it is counted from its operations (see hours.py)."""

    def __add__(self, other: object) -> "Estimate":
        """One after the other."""
        if not isinstance(other, Estimate):
            return NotImplemented
        return Estimate(
            self.middle + other.middle, self.low + other.low, self.high + other.high, min(self.samples, other.samples)
        )


_NOTHING = Estimate(0.0, 0.0, 0.0, MOST_PAST)


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
    """None where the store holds no artifact that was made by the same job, and its operations are not known."""
    memory: tuple[RoleMemory, ...] = ()
    """Of the pods that hold a model, by role; none where that is not known."""
    memory_unknown: str = ""
    """Why not."""
    artifact_bytes: int = 0
    """Of a model that is made, about; 0 where that is not known."""
    checkpoint_bytes: int = 0
    """Of one checkpoint, about; 0 where there is none."""
    checkpoints_bytes: int = 0
    """Of all that are kept together, as far as the number of steps is known."""
    kept_by: str = ""
    """The stage before that commits this one's artifact on its way, where one does; then nothing of this runs."""

    @property
    def runs(self) -> bool:
        """Whether it has work of its own."""
        return not (self.cached or self.kept_by)

    @property
    def pods(self) -> int:
        """Pods that would run."""
        return sum(role.pods for role in self.roles) if self.runs else 0

    @property
    def accelerators(self) -> int:
        """Accelerators that they would hold."""
        return sum(role.accelerators for role in self.roles) if self.runs else 0


def plan(pipeline: Pipeline, installation: Installation, store: Store) -> list[StagePlan]:
    """A plan for each stage, in the pipeline's order.

    Raises:
        UsageError: no pool fits what a stage needs, or what it holds in memory does not fit where it is placed.
    """
    knowledge = Knowledge(store)
    addresses: dict[str, str] = {}
    history: dict[str, _Past] = {}
    plans = []
    for stage in pipeline.stages:
        job = stage.settings.job
        address, unknown = _address(stage, addresses, store)
        addresses[stage.name] = address
        artifact = find_artifact(store, job, address.rpartition("/")[2]) if address else None
        cached = artifact is not None
        if not cached and job not in history:
            history[job] = _past(store, job)
        known, why = knowledge.learn(stage, artifact)
        kept_by = "" if cached else _keeper(pipeline, stage)
        parts = tuple(roles(installed(stage.settings, installation), installation))
        memory = memory_of(stage.settings, known, parts) if known else ()
        name = stage.name if stage.name != pipeline.name else ""
        if known and not cached:
            refuse_misfit(stage.settings, known, memory, stage=name)
        if not cached:
            refuse_uneven(stage.settings, stage=name)
        trained, saved = _sizes(stage, known)
        plans.append(
            StagePlan(
                stage=stage,
                roles=parts,
                address=address,
                cached=cached,
                unknown=unknown,
                estimate=_NOTHING if kept_by else None if cached else _estimate(history[job], stage, known, parts[0]),
                memory=memory,
                memory_unknown=why,
                artifact_bytes=sum(part.size for part in artifact.manifest.parts) if artifact else trained,
                checkpoint_bytes=0 if kept_by else saved,
                checkpoints_bytes=0 if kept_by else saved * _num_kept(stage.settings),
                kept_by=kept_by,
            )
        )
    return plans


def critical_path(plans: Sequence[StagePlan]) -> tuple[Estimate, int]:
    """How long the whole may take when nothing waits for pods, and how many stages it leaves out for want of a past."""
    ends: dict[str, Estimate] = {}
    for each in plans:
        before = [ends[name] for name in each.stage.awaits if name in ends]
        start = max(before, key=lambda end: end.middle, default=_NOTHING)
        ends[each.stage.name] = start + (each.estimate or _NOTHING)
    unknown = sum(1 for each in plans if not each.cached and each.estimate is None)
    return max(ends.values(), key=lambda end: end.middle, default=_NOTHING), unknown


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
        return f"{store.address}/artifacts/{settings.job}/{stage_digest(settings, store)}", ""
    except (UsageError, InputError, StorageError) as error:
        # A package or a file that only the job's image has, or data that cannot be listed from here.
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


def _estimate(past: _Past, stage: Stage, known: Known | None, role: Role) -> Estimate | None:
    """As the stage of that name took before; where none did, by its operations; else as the job took in any stage."""
    samples = past.by_stage.get(stage.name)
    counted = training_duration(stage.settings, known, role)
    if counted and not samples:
        return Estimate(*counted, samples=0)
    samples = samples or past.job
    return Estimate(median(samples), min(samples), max(samples), len(samples)) if samples else None


def _num_kept(settings: JobSettings) -> int:
    """Checkpoints that a training keeps while it lasts, at its end."""
    if not isinstance(settings, Trainer):
        return 0
    gang = settings.gang
    between = gang.checkpoint_every * gang.checkpoints_kept_each
    return gang.checkpoints_kept + (getattr(settings, "num_steps", 0) // between if between else 0)


def _keeper(pipeline: Pipeline, stage: Stage) -> str:
    """The stage of whose training this one is a kept step; empty where none is."""
    settings = stage.settings
    return next(
        (
            name
            for name in stage.after
            if (other := pipeline.stage(name)).inputs == stage.inputs
            and isinstance(settings, MidtrainingSettings)
            and isinstance(other.settings, MidtrainingSettings)
            and keeps(other.settings, settings)
        ),
        "",
    )


def _sizes(stage: Stage, known: Known | None) -> tuple[int, int]:
    """Bytes of the model that a stage makes, and of a checkpoint on the way to it: with AdamW's states in float32."""
    settings = stage.settings
    if not isinstance(settings, Trainer):
        return (WIDTHS["bfloat16"] * stage.shape.num_parameters if stage.shape else 0), 0
    if known is None:
        return 0, 0
    weights = WIDTHS[settings.optimizer.precision] * known.shape.num_parameters
    # At stage 3 the ranks' shares are all there is.
    beside = 0 if settings.optimizer.zero_stage == 3 else weights
    states = 12 * known.shape.num_parameters
    num_models = getattr(settings, "num_seeds", 1)
    # Beside a model, without the weights where these are in full precision.
    kept = states if settings.optimizer.precision == "bfloat16" else 8 * known.shape.num_parameters
    return num_models * (weights + kept * getattr(settings, "keep_optimizer", False)), (states + beside) * bool(
        settings.gang.checkpoint_every
    )
