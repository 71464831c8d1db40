"""What a report says of decoding by diffusion: sums of shards added up, and figures of them."""

import json
import re
from dataclasses import asdict
from typing import Any

import pytest

from octo.errors import UsageError
from octo.ml.diffusion.analyses import (
    RULES,
    Analyses,
    EntropyPicture,
    EntropySink,
    ar_ness_sums,
    order_map,
    summed,
)
from octo.ml.diffusion.denoiser import Kind
from octo.report import decoding_figures
from octo.report.collection import pair_of
from octo.report.decodings import decoding_of, study_of
from octo.report.results import Decoding
from octo.settings.denoising import DenoisingSettings
from octo.storage.artifacts import IndexResult
from tests.unit.report.synthetic import Builder, MemoryStore

LENGTH = 4
FORWARDS, BACKWARDS, APART = [0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3]
DRAWS = [
    decoding_figures.ar_ness,
    decoding_figures.order_maps,
    decoding_figures.entropy_sinks,
    decoding_figures.entropy_pictures,
]


def shard(orders: list[list[int]], *, probability: float, picture: bool, exactness: str = "exact") -> IndexResult:
    steps = [[order.index(position) for position in range(LENGTH)] for order in orders]
    analyses = Analyses(
        decoding=exactness,
        ar_ness=[ar_ness_sums(orders, rules=rules) for rules in RULES],
        order_map=order_map(steps, length=LENGTH, settings=DenoisingSettings(), kind=Kind(0, 1)),
        entropy_sink=EntropySink([summed([probability])] * LENGTH, [summed([1.0])] * LENGTH, summed([0.0])),
        entropy_picture=EntropyPicture("q", LENGTH, [0, 1], [[1.0, 2.0, 0.5, 0.1], [None, 1.5, 0.2, 0.1]], steps[0])
        if picture
        else None,
    )
    counters = {"completions": len(orders), "tokens": LENGTH * len(orders), "forward_passes": 2 * LENGTH}
    if exactness == "approximate":
        counters |= {"agreement.tokens": 4, "agreement.tokens_equal": 3}
    return IndexResult({"analyses.json": json.dumps(asdict(analyses)).encode()}, counters=counters)


def decoding(stage: str = "decode", **of_shards: Any) -> Decoding:
    shards = [
        shard([FORWARDS, BACKWARDS], probability=0.9, picture=True, **of_shards),
        shard([APART], probability=0.3, picture=False, **of_shards),
    ]
    found = decoding_of(Builder(MemoryStore()).add(stage, "decoding", shards))
    assert found is not None
    return found


def test_shards_are_added_up() -> None:
    found = decoding()
    assert found.completions == 3
    assert found.tokens_per_pass == pytest.approx(12 / 16)
    ordered, of_sets = found.ar_ness
    assert (ordered.variant, of_sets.variant) == ("ordered", "set")
    # One order of three goes on to the right each time, one never, one in none of its three steps.
    assert ordered.local_by_k[1] == pytest.approx(1 / 3)
    # Of the leftmost mask: always, only the last, and three of four.
    assert ordered.global_by_k[1] == pytest.approx((1 + 1 / 4 + 3 / 4) / 3)
    assert ordered.local_by_k[9] is None
    assert found.num_by_bins == ((2, 0, 0, 1), (0, 1, 2, 0), (0, 2, 1, 0), (1, 0, 0, 2))
    assert found.sink_probabilities == pytest.approx((0.6,) * LENGTH)
    assert found.picture is not None
    assert found.picture.entropies[1] == (None, 1.5, 0.2, 0.1)
    assert found.exactness == "exact"
    assert found.agreement is None


def test_what_is_approximate_says_how_far_it_agrees() -> None:
    found = decoding(exactness="approximate")
    assert (found.exactness, found.agreement) == ("approximate", 0.75)


def test_a_decoding_without_analyses_is_none() -> None:
    plain = IndexResult({"completions.parquet": b""}, counters={"completions": 1})
    assert decoding_of(Builder(MemoryStore()).add("decode", "decoding", [plain])) is None


@pytest.mark.parametrize("draw", DRAWS)
def test_figures_are_text_and_vectors_and_the_same_each_time(draw) -> None:
    found = [decoding("decode-tune"), decoding("decode-rl")]
    drawing = draw(found)
    assert drawing == draw(found)
    assert "<text" in drawing.svg
    assert "decode-rl" in drawing.svg
    assert not re.findall(r"https?://|data:|<script|<image", drawing.svg)


def evaluation(made: Builder, stage: str, *, decoding: dict[str, Any] | None):
    sides = [
        {
            "verdicts": [["a", 0, before], ["b", 1, 2]],
            "fewer_verdicts": {"problems": {}},
            "samples_per_problem": 2,
        }
        | ({"decoding": decoding} if decoding else {})
        for before in (0, 1)
    ]
    results = [IndexResult({"evaluation.json": json.dumps(each).encode()}) for each in sides]
    return made.add(stage, "evaluation", results)


def test_a_study_says_how_it_was_decoded_and_what_was_solved() -> None:
    how = {"temperature": 0.4, "num_steps": 12, "length": 24, "exactness": "exact"}
    artifact = evaluation(Builder(MemoryStore()), "evaluate-half", decoding=how)
    study = study_of(artifact, pair_of("x", artifact), seed=0, resamples=200)
    assert (study.stage, study.temperature, study.num_steps, study.length) == ("evaluate-half", 0.4, 12, 24)
    assert (study.greedy_before.value, study.greedy_after.value) == (0.5, 0.5)
    assert [(each.k, each.before.value, each.after.value) for each in study.pass_at_k] == [
        (1, 0.5, 0.75),
        (2, 0.5, 1.0),
    ]


def test_studies_are_drawn_side_by_side() -> None:
    how = {"temperature": 0.4, "num_steps": 12, "length": 24, "exactness": "exact"}
    made = Builder(MemoryStore())
    artifacts = [evaluation(made, stage, decoding=how) for stage in ("evaluate", "evaluate-half")]
    studies = [study_of(each, pair_of("x", each), seed=0, resamples=200) for each in artifacts]
    drawing = decoding_figures.samples(studies)
    assert drawing == decoding_figures.samples(studies)
    assert "evaluate-half: 0.4, 12 of 24" in drawing.svg
    better = studies[0].pass_at_k[0].model_copy(update={"after": studies[0].pass_at_k[0].before})
    assert drawing != decoding_figures.samples([studies[0].model_copy(update={"pass_at_k": (better,)}), studies[1]])


def test_a_study_of_causal_models_is_refused() -> None:
    artifact = evaluation(Builder(MemoryStore()), "evaluate", decoding=None)
    with pytest.raises(UsageError, match="is of causal models"):
        study_of(artifact, pair_of("x", artifact), seed=0, resamples=200)
