"""What the order of writing shows: in the rollouts of a training, and in decodings."""

from collections.abc import Mapping, Sequence
from math import fsum

from octo.report.curves import finite
from octo.report.findings import Claim, told
from octo.report.intervals import change_over, mean_from_sums
from octo.report.results import Finding

Metrics = Sequence[Mapping[str, object]]
"""A training's figures by step."""


def findings_of_training(trainings: Sequence[Metrics]) -> tuple[Finding, ...]:
    """How rollouts were written, and how that changed, in the mean of the trainings; nothing of causal models."""
    beyond = [each for each in map(_beyond_chance, trainings) if each]
    if not beyond:
        return ()
    steps = sorted(set(beyond[0]).intersection(*beyond))
    means = [fsum(each[step][0] for each in beyond) / len(beyond) for step in steps]
    by_chance = fsum(each[step][1] for each in beyond for step in steps) / max(1, len(beyond) * len(steps))
    level = mean_from_sums(len(means), fsum(means), fsum(mean * mean for mean in means), shift=by_chance)
    return (
        told(Claim.ORDER, level, section="rl", chance=round(by_chance, 6), of="Rollouts"),
        told(Claim.ORDER_BY_STEP, change_over(steps, means), section="rl"),
    )


def _beyond_chance(metrics: Metrics) -> dict[int, tuple[float, float]]:
    """By step, global AR-ness less that of shuffled orders of the same lengths, and the latter."""
    found = {}
    for line in metrics:
        share, chance = finite(line.get("global_ar_ness")), finite(line.get("global_ar_ness_by_chance"))
        if share is not None and chance is not None and isinstance(step := line["step"], int):
            found[step] = (share - chance, chance)
    return found
