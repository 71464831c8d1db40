"""How diffusion models decode, added up over the shards of their decodings, and how they do when decoded otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from octo.errors import UsageError
from octo.report.comparison import Pair, accuracy_of, pass_at_k_of, shortage_of
from octo.report.parts import json_parts
from octo.report.results import NOT_KNOWN, ArNess, Contamination, Decoding, EntropyPicture, Study
from octo.report.text import visible
from octo.storage.artifacts import Artifact


def decoding_of(artifact: Artifact) -> Decoding | None:
    """What a decoding was like; None where nothing was analysed, as of causal models."""
    shards = json_parts(artifact, "analyses.json")
    if not shards:
        return None
    counters = artifact.manifest.counters
    maps = [shard["order_map"] for shard in shards]
    sinks = [shard["entropy_sink"] for shard in shards]
    agreed = counters.get("agreement.tokens", 0)
    return Decoding(
        stage=visible(artifact.manifest.stage),
        exactness=shards[0]["decoding"],
        agreement=counters["agreement.tokens_equal"] / agreed if agreed else None,
        completions=counters["completions"],
        tokens_per_pass=counters["tokens"] / max(1, counters["forward_passes"]),
        num_steps=maps[0]["num_steps"],
        length=maps[0]["length"],
        ar_ness=tuple(
            ArNess(
                variant=rules[0]["rules"]["variant"],
                local_by_k=_means_by_k(each["local_by_k"] for each in rules),
                global_by_k=_means_by_k(each["global_by_k"] for each in rules),
            )
            for rules in zip(*(shard["ar_ness"] for shard in shards), strict=True)
        ),
        num_by_bins=tuple(
            tuple(sum(column) for column in zip(*rows, strict=True))
            for rows in zip(*(each["num_by_bins"] for each in maps), strict=True)
        ),
        sink_probabilities=_means_by_place(sink["probabilities_by_position"] for sink in sinks),
        sink_entropies=_means_by_place(sink["entropies_by_position"] for sink in sinks),
        picture=next((_picture(shard["entropy_picture"]) for shard in shards if shard["entropy_picture"]), None),
    )


def study_of(
    evaluation: Artifact, pair: Pair, *, seed: int, resamples: int, contamination: Contamination = NOT_KNOWN
) -> Study:
    """A pair of models evaluated in one way; UsageError where they are no diffusion models."""
    how = json_parts(evaluation, "evaluation.json")[0].get("decoding")
    if how is None:
        raise UsageError(f"--studies {evaluation.address} is of causal models: studies are of diffusion models")
    return Study(
        stage=visible(evaluation.manifest.stage),
        contamination=contamination,
        temperature=how["temperature"],
        num_steps=how["num_steps"],
        length=how["length"],
        exactness=how["exactness"],
        greedy_before=accuracy_of(pair.before, seed=seed, resamples=resamples),
        greedy_after=accuracy_of(pair.after, seed=seed, resamples=resamples),
        pass_at_k=pass_at_k_of(pair, seed=seed, resamples=resamples),
        shortage=visible(shortage_of(pair)),
    )


def _picture(written: Mapping[str, Any]) -> EntropyPicture:
    return EntropyPicture(
        shown_steps=tuple(written["shown_steps"]),
        entropies=tuple(tuple(row) for row in written["entropies"]),
        steps=tuple(written["steps"]),
    )


def _means_by_k(shards: Iterable[Mapping[str, Mapping[str, float]]]) -> dict[int, float | None]:
    every = list(shards)
    return {int(k): _mean([each[k] for each in every]) for k in every[0]}


def _means_by_place(shards: Iterable[Sequence[Mapping[str, float]]]) -> tuple[float | None, ...]:
    return tuple(_mean(column) for column in zip(*shards, strict=True))


def _mean(sums: Sequence[Mapping[str, float]]) -> float | None:
    count = sum(each["count"] for each in sums)
    return sum(each["total"] for each in sums) / count if count else None
