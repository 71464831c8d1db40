"""What is found of diffusion models: in which order they write, of what they are sure, and what masks and steps do."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import exp, fsum, log
from typing import NamedTuple

from octo.findings import Claim, mean_of_all
from octo.randomness import generator
from octo.report.comparison import Pair
from octo.report.curves import finite
from octo.report.findings import told
from octo.report.intervals import change_over, difference_of, estimate_of, mean_from_sums, mean_over_seeds
from octo.report.parts import json_parts
from octo.report.results import Finding, Study
from octo.report.text import visible
from octo.storage.artifacts import Artifact

Metrics = Sequence[Mapping[str, object]]
"""A training's figures by step."""


Sums = tuple[int, float, float]
"""How many numbers, their sum, and the sum of their squares: what a mean and its interval follow from."""


class Written(NamedTuple):
    """What is known of a decoding's order."""

    stage: str
    model: str
    """Address of what it is by."""
    temperature: float
    by_chance: Sums
    """Global AR-ness of shuffled orders."""
    beyond_chance: Sums
    first_over_rest: Sums
    """Of the likeliest token's probability while all is masked."""


def findings_of_training(trainings: Sequence[Metrics]) -> tuple[Finding, ...]:
    """How rollouts were written and how that changed, and what coupled masks do; nothing of causal models."""
    beyond = [each for each in map(_beyond_chance, trainings) if each]
    if not beyond:
        return ()
    steps = sorted(set(beyond[0]).intersection(*beyond))
    means = [fsum(each[step][0] for each in beyond) / len(beyond) for step in steps]
    by_chance = fsum(each[step][1] for each in beyond for step in steps) / max(1, len(beyond) * len(steps))
    level = mean_from_sums(len(means), fsum(means), fsum(mean * mean for mean in means), shift=by_chance)
    ratios = estimate_of(mean_of_all([log(each) for lines in trainings for each in _ratios(lines)]), exp)
    return (
        told(Claim.ORDER, level, section="rl", chance=round(by_chance, 6), of="Rollouts"),
        told(Claim.ORDER_BY_STEP, change_over(steps, means), section="rl"),
        told(Claim.VARIANCE, ratios, section="rl", chance=1.0),
    )


def written_of(decoding: Artifact) -> Written | None:
    """What a decoding's order was; None where nothing was analysed, as of causal models."""
    shards = json_parts(decoding, "analyses.json")
    if not shards:
        return None
    orders = [shard["ar_ness"][0] for shard in shards]
    manifest = decoding.manifest
    return Written(
        stage=visible(manifest.stage),
        model=next((each.address for each in manifest.inputs.get("model", ())), ""),
        temperature=finite(manifest.settings.get("temperature")) or 0.0,
        by_chance=_added(each["global_by_chance"] for each in orders),
        beyond_chance=_added(each["global_beyond_chance"] for each in orders),
        first_over_rest=_added(shard["entropy_sink"]["first_over_rest"] for shard in shards),
    )


def findings_of_decodings(decodings: Sequence[Written]) -> tuple[Finding, ...]:
    """How each was written, what it was sure of before, and how those differ that are of two models or temperatures."""
    found = []
    for each in decodings:
        chance = round(each.by_chance[1] / max(1, each.by_chance[0]), 6)
        level = mean_from_sums(*each.beyond_chance, shift=chance)
        sink = mean_from_sums(*each.first_over_rest)
        found += [
            told(Claim.ORDER, level, section="decoding", chance=chance, of=f"Completions of {each.stage}"),
            told(Claim.SINK, sink, section="decoding", of=each.stage),
        ]
    for first, second in combinations(decodings, 2):
        if (first.model == second.model) != (first.temperature == second.temperature):
            difference = difference_of(first.beyond_chance, second.beyond_chance)
            found.append(
                told(Claim.ORDER_OF_TWO, difference, section="decoding", first=_named(first), second=_named(second))
            )
    return tuple(found)


def findings_of_studies(studied: Sequence[tuple[Study, Pair]], *, seed: int, resamples: int) -> tuple[Finding, ...]:
    """What fewer steps cost each model, on the same problems, greedily; of studies that differ in nothing else."""
    found = []
    for (one, many), (other, few) in combinations(studied, 2):
        alike = all(getattr(one, name) == getattr(other, name) for name in ("length", "temperature", "exactness"))
        if one.num_steps <= other.num_steps or not alike:
            continue
        for side in ("before", "after"):
            scores = [[each.greedy for each in getattr(pair, side)] for pair in (many, few)]
            problems = sorted(set(scores[0][0]).intersection(*scores[0], *scores[1]))
            changes = [
                [fewer[problem] - more[problem] for problem in problems] for more, fewer in zip(*scores, strict=True)
            ]
            random = generator(seed, "report", "steps")
            found.append(
                told(
                    Claim.STEPS,
                    mean_over_seeds(changes, bounds=(-1.0, 1.0), generator=random, resamples=resamples),
                    section="decoding",
                    of=f"{other.stage}, {side} reinforcement learning",
                    few=str(other.num_steps),
                    many=str(one.num_steps),
                )
            )
    return tuple(found)


def _named(each: Written) -> str:
    return f"{each.stage} (temperature {each.temperature:g})"


def _added(shards: Iterator[Mapping[str, float]]) -> Sums:
    every = list(shards)
    total, squares = (fsum(each[name] for each in every) for name in ("total", "squares"))
    return sum(int(each["count"]) for each in every), total, squares


def _ratios(metrics: Metrics) -> list[float]:
    """Of the steps at which both variances were measured, coupled over decoupled."""
    pairs = [(finite(line.get("variance_coupled")), finite(line.get("variance_decoupled"))) for line in metrics]
    return [coupled / decoupled for coupled, decoupled in pairs if coupled and decoupled]


def _beyond_chance(metrics: Metrics) -> dict[int, tuple[float, float]]:
    """By step, global AR-ness less that of shuffled orders of the same lengths, and the latter."""
    found = {}
    for line in metrics:
        share, chance = finite(line.get("global_ar_ness")), finite(line.get("global_ar_ness_by_chance"))
        if share is not None and chance is not None and isinstance(step := line["step"], int):
            found[step] = (share - chance, chance)
    return found
