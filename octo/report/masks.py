"""Coupled against decoupled masks: what two trainings solve that differ in nothing else."""

from collections.abc import Iterator, Sequence

from octo.findings import Claim
from octo.randomness import generator
from octo.report.comparison import Graded, Kind
from octo.report.findings import told
from octo.report.intervals import mean_over_seeds
from octo.report.results import Estimate, Finding
from octo.report.text import flattened, visible
from octo.storage.manifest import Manifest

ESTIMATOR = "diffusion.coupling.estimator"
"""What tells the two trainings apart, and nothing else may."""


def finding_of_masks(
    branch: str,
    trained: tuple[Manifest, Manifest],
    graded: tuple[Sequence[Graded], Sequence[Graded]],
    *,
    kind: Kind,
    seed: int,
    resamples: int,
) -> Finding:
    """What coupled masks taught beyond decoupled ones, on the problems that have a verdict in both.

    Args:
        branch: name of what was trained.
        trained: the policies by coupled and by decoupled masks.
        graded: what their evaluations found, by training seed.
        kind: of score.
        seed: of the interval.
        resamples: behind it.
    """
    coupled, decoupled = graded
    why = ", ".join(_unequal(*trained))
    if not why and len(coupled) != len(decoupled):
        why = "the number of seeds that were evaluated"
    if why:
        return _told(Estimate(), branch, seeds=0, why=f"the trainings differ in {why}, too")
    scores = [[each.greedy if kind == "greedy" else each.sampled for each in side] for side in graded]
    problems = sorted(set(scores[0][0]).intersection(*scores[0], *scores[1]))
    changes = [[one[problem] - other[problem] for problem in problems] for one, other in zip(*scores, strict=True)]
    random = generator(seed, "report", "masks", kind)
    found = mean_over_seeds(changes, bounds=(-1.0, 1.0), generator=random, resamples=resamples)
    return _told(found, branch, seeds=len(coupled), why="no problem has a verdict on both")


def _told(found: Estimate, branch: str, *, seeds: int, why: str) -> Finding:
    over = f"{seeds} training seed{'s' if seeds != 1 else ''}"
    return told(Claim.MASKS, found, section="rl", chance=0.0, of=visible(branch), over=over, why=visible(why))


def _unequal(coupled: Manifest, decoupled: Manifest) -> Iterator[str]:
    """Settings and inputs by which two trainings differ besides their masks, or that their masks do not differ."""
    one, other = (flattened(each.settings) for each in (coupled, decoupled))
    if (one.get(ESTIMATOR), other.get(ESTIMATOR)) != ("coupled", "decoupled"):
        yield f"{ESTIMATOR} as {one.get(ESTIMATOR)} and {other.get(ESTIMATOR)}"
    yield from sorted(
        name for name in one.keys() | other.keys() if name != ESTIMATOR and one.get(name) != other.get(name)
    )
    inputs = [
        {field: [each.address for each in given] for field, given in manifest.inputs.items()}
        for manifest in (coupled, decoupled)
    ]
    yield from sorted(
        name for name in inputs[0].keys() | inputs[1].keys() if inputs[0].get(name) != inputs[1].get(name)
    )
