"""Which pools of nodes a job's pods go to: a job asks by need, an installation says what there is."""

from collections.abc import Sequence
from dataclasses import dataclass

from octo.errors import UsageError
from octo.settings.base import Need
from octo.settings.installation import Pool


@dataclass(frozen=True)
class Placement:
    """Pods of one job that go to one pool."""

    pool: Pool
    pods: int


def place(need: Need, pools: Sequence[Pool]) -> Placement:
    """All pods in the first pool that fits: ranks that work in step must be near each other.

    Raises UsageError that says for each pool why it does not fit.
    """
    return Placement(_fitting(need, pools)[0], need.pods)


def spread(need: Need, pools: Sequence[Pool]) -> tuple[Placement, ...]:
    """Pods over all pools that fit, in proportion to their shares; a pool that gets none is left out.

    Raises UsageError that says for each pool why it does not fit.
    """
    fitting = _fitting(need, pools)
    total = sum(pool.share for pool in fitting)
    exact = [need.pods * pool.share / total for pool in fitting]
    pods = [int(share) for share in exact]
    # The earlier pool is preferred where two are owed alike.
    owed = sorted(range(len(fitting)), key=lambda index: (pods[index] - exact[index], index))
    for index in owed[: need.pods - sum(pods)]:
        pods[index] += 1
    return tuple(Placement(pool, count) for pool, count in zip(fitting, pods, strict=True) if count)


def _fitting(need: Need, pools: Sequence[Pool]) -> list[Pool]:
    lacking = {pool.name: lack for pool in pools if (lack := _lack(need, pool))}
    fitting = [pool for pool in pools if pool.name not in lacking]
    if not fitting:
        reasons = "; ".join(f"{name} {lack}" for name, lack in lacking.items())
        raise UsageError(f"no pool fits: {reasons}; ask for less with --need, or add a pool to the installation")
    # Nodes with accelerators are left to those that ask for some, where others fit as well.
    plain = [pool for pool in fitting if not pool.accelerators]
    return fitting if need.accelerators else plain or fitting


def _lack(need: Need, pool: Pool) -> str:
    """What the pool lacks, in words after its name; empty when it fits."""
    memory = need.memory_gib + need.shared_memory_gib
    size = pool.accelerator_memory_gib
    lacks = (
        (
            need.accelerators > pool.accelerators,
            f"has {pool.accelerators} accelerators a node, {need.accelerators} are needed",
        ),
        (
            need.accelerators and need.accelerator_memory_gib > size,
            f"has accelerators of {size:g} GiB, {need.accelerator_memory_gib:g} GiB are needed",
        ),
        (need.interconnect and need.interconnect not in pool.interconnect, f"has no {need.interconnect}"),
        (pool.cpus and need.cpus > pool.cpus, f"has {pool.cpus:g} cores for a pod, {need.cpus:g} are needed"),
        (
            pool.memory_gib and memory > pool.memory_gib,
            f"has {pool.memory_gib:g} GiB for a pod, {memory:g} GiB are needed",
        ),
        (pool.spot and not need.spot, "can be taken away, and --no-need.spot refuses that"),
    )
    return next((words for lacking, words in lacks if lacking), "")
