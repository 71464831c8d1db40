"""Analyses of decoding: of orders whose figures are known, and of a model whose beliefs are computed plainly beside."""

import json
from dataclasses import asdict
from itertools import pairwise
from math import exp, log

import pytest
import torch

from octo.ml.diffusion.analyses import (
    GLOBAL_KS,
    LOCAL_KS,
    MOST_BINS,
    MOST_STEPS,
    RULES,
    Analyses,
    Sums,
    ar_ness_sums,
    entropy_picture,
    entropy_sink,
    order_map,
    summed,
)
from octo.ml.diffusion.ar_ness import Rules, ar_ness
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.sampler import denoise
from octo.randomness import generator
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.models import KINDS, MASK_ID, VOCABULARY_SIZE, small_model, some_requests

PAPERS = Rules()
ONE_A_STEP = DenoisingSettings()


@pytest.fixture(scope="module")
def model():
    return small_model(spread=10)


def mean(sums: Sums) -> float:
    return sums.total / sums.count


def some_orders(count: int) -> list[list[int]]:
    return [generator(0, "orders", n).permutation(3 + 2 * n % 17).tolist() for n in range(count)]


@pytest.mark.parametrize("rules", [PAPERS, *RULES], ids=lambda rules: f"{rules.variant}, {rules.history}")
def test_sums_of_ar_ness_divide_into_its_means(rules: Rules) -> None:
    orders = [*some_orders(20), [], list(range(12))]
    sums = ar_ness_sums(orders, rules=rules)
    means = ar_ness(orders, local_ks=LOCAL_KS, global_ks=GLOBAL_KS, rules=rules)
    assert {k: mean(each) for k, each in sums.local_by_k.items()} == pytest.approx(means.local_by_k)
    assert {k: mean(each) for k, each in sums.global_by_k.items()} == pytest.approx(means.global_by_k)
    assert sums.rules == rules
    assert {each.count for each in sums.global_by_k.values()} == {21}


def test_shards_add_up_to_the_whole() -> None:
    orders = some_orders(24)
    whole, *shards = (ar_ness_sums(some, rules=RULES[0]) for some in (orders, orders[:5], orders[5:7], orders[7:]))
    for k in LOCAL_KS:
        assert whole.local_by_k[k].count == sum(each.local_by_k[k].count for each in shards)
        assert whole.local_by_k[k].total == pytest.approx(sum(each.local_by_k[k].total for each in shards))
        assert whole.local_by_k[k].squares == pytest.approx(sum(each.local_by_k[k].squares for each in shards))


def test_completions_that_are_too_short_to_tell_count_where_history_does() -> None:
    orders = [range(2), range(5), range(30)]
    assert {k: each.count for k, each in ar_ness_sums(orders, rules=RULES[0]).local_by_k.items()} == (
        {1: 3} | dict.fromkeys(range(2, 5), 2) | dict.fromkeys(range(5, 10), 1)
    )
    assert {each.count for each in ar_ness_sums(orders, rules=PAPERS).local_by_k.values()} == {3}


def test_sums_leave_out_what_is_no_number() -> None:
    assert summed([0.5, float("nan"), 2.0]) == Sums(2, 2.5, 4.25)
    assert summed([]) == Sums(0, 0.0, 0.0)


def test_from_left_to_right_a_position_is_its_step() -> None:
    found = order_map([range(8)] * 3, length=8, settings=ONE_A_STEP, kind=KINDS["adapted"])
    assert [mean(each) for each in found.steps_by_position] == list(range(8))
    assert found.num_by_bins == [[3 if row == column else 0 for column in range(8)] for row in range(8)]


def test_bins_hold_every_position_once_whatever_length_and_steps() -> None:
    for length, num_steps in ((7, 3), (40, 0), (100, 37), (MOST_BINS, 0), (257, 256)):
        settings = DenoisingSettings(num_steps=num_steps)
        last = settings.steps_of(length) - 1
        steps = [[position * last // (length - 1) for position in range(length)]]
        found = order_map(steps, length=length, settings=settings, kind=KINDS["adapted"])
        assert sum(map(sum, found.num_by_bins)) == length
        assert found.num_by_bins[0][0] > 0
        assert found.num_by_bins[-1][-1] > 0
        assert max(len(found.num_by_bins), len(found.num_by_bins[0])) <= MOST_BINS


def test_more_blocks_than_steps_have_a_step_each() -> None:
    settings = DenoisingSettings(num_steps=2, block_length=2)
    assert order_map([[0, 0, 1, 1, 2, 2]], length=6, settings=settings, kind=KINDS["adapted"]).num_steps == 3


def test_a_position_counts_where_the_text_reaches_it_and_something_unmasked_it() -> None:
    found = order_map([[2, 0], [1, 3, 0, 2], [0, -1, 1]], length=4, settings=ONE_A_STEP, kind=KINDS["adapted"])
    assert [each.count for each in found.steps_by_position] == [3, 2, 2, 1]
    assert [mean(each) for each in found.steps_by_position] == [1, 1.5, 0.5, 2]
    assert sum(map(sum, found.num_by_bins)) == 8


def plain_beliefs(model, request: Request) -> torch.Tensor:
    """The distributions at every position of an all masked completion, from the model's logits; shape L, V."""
    tokens = torch.tensor([[*request.prompt, *[MASK_ID] * request.length]])
    size = tokens.shape[1]
    with torch.no_grad():
        logits_SV = model(tokens, attention_mask=torch.ones(1, 1, size, size, dtype=torch.bool)).logits[0]
    logits_SV[:, MASK_ID] = -torch.inf
    first = len(request.prompt) - 1
    return logits_SV[first : first + request.length].softmax(dim=-1)


def test_the_sink_is_what_one_forward_pass_over_masks_says(model) -> None:
    requests = some_requests(5)
    found = entropy_sink(model, requests)
    beliefs = [plain_beliefs(model, request) for request in requests]
    assert len(found.entropies_by_position) == max(request.length for request in requests)
    for position, entropies in enumerate(found.entropies_by_position):
        there = [each[position] for each in beliefs if position < len(each)]
        assert entropies.count == found.probabilities_by_position[position].count == len(there)
        told = mean(entropies), mean(found.probabilities_by_position[position])
        expected_entropy = sum(torch.special.entr(each).sum().item() for each in there) / len(there)
        expected_probability = sum(each.max().item() for each in there) / len(there)
        assert told == pytest.approx((expected_entropy, expected_probability), rel=1e-4)


def test_a_model_that_believes_nothing_has_the_entropy_of_all_that_is_allowed() -> None:
    clueless = small_model(spread=0)
    banned = [3, 4, 90]
    found = entropy_sink(clueless, some_requests(2), banned=banned)
    allowed = VOCABULARY_SIZE - len(banned) - 1
    assert [mean(each) for each in found.entropies_by_position] == pytest.approx(
        [log(allowed)] * len(found.entropies_by_position), rel=1e-5
    )
    assert mean(found.probabilities_by_position[0]) == pytest.approx(exp(-log(allowed)), rel=1e-5)


@pytest.mark.parametrize("order", ["origin", "maskgit_plus", "topk_margin", "entropy"])
def test_looking_on_changes_nothing(model, order) -> None:
    settings = DenoisingSettings(order=order, temperature=0.7, top_p=0.9)
    request = Request([5, 6, 7], 12, ("looked at",))
    [completed] = denoise(model, [request], settings=settings, seed=3, banned=[9])
    picture = entropy_picture(model, request, prompt_id="p", settings=settings, seed=3, banned=[9])
    assert picture.steps == completed.steps


def test_a_picture_shows_what_is_masked_and_begins_with_the_sink(model) -> None:
    request = Request([5, 6, 7], 12, ("looked at",))
    picture = entropy_picture(model, request, prompt_id="p", settings=ONE_A_STEP, seed=3)
    assert picture.shown_steps == list(range(12))
    for step, row in zip(picture.shown_steps, picture.entropies, strict=True):
        masked = [position for position, unmasked in enumerate(picture.steps) if unmasked >= step]
        assert [position for position, entropy in enumerate(row) if entropy is not None] == masked
    sink = entropy_sink(model, [request])
    assert picture.entropies[0] == [each.total for each in sink.entropies_by_position]


def test_with_blocks_a_picture_shows_the_block_that_is_open(model) -> None:
    settings = DenoisingSettings(block_length=4)
    picture = entropy_picture(model, Request([5], 8, ()), prompt_id="p", settings=settings, seed=0)
    assert [entropy is None for entropy in picture.entropies[0]] == [False] * 4 + [True] * 4
    assert [entropy is None for entropy in picture.entropies[4]] == [True] * 4 + [False] * 4


def test_of_many_steps_a_picture_shows_some_as_far_apart_as_can_be(model) -> None:
    picture = entropy_picture(model, Request([5], 100, ()), prompt_id="p", settings=ONE_A_STEP, seed=0)
    assert len(picture.shown_steps) == len(picture.entropies) == MOST_STEPS
    assert picture.num_steps == 100
    assert picture.shown_steps[0] == 0
    assert {later - earlier for earlier, later in pairwise(picture.shown_steps)} == {1, 2}


def test_analyses_are_plain_json(model) -> None:
    request = Request([5], 4, ())
    analyses = Analyses(
        decoding="exact",
        ar_ness=[ar_ness_sums([[0]], rules=rules) for rules in RULES],
        order_map=order_map([[0, -1]], length=4, settings=ONE_A_STEP, kind=KINDS["adapted"]),
        entropy_sink=entropy_sink(model, [request]),
        entropy_picture=entropy_picture(model, request, prompt_id="p", settings=ONE_A_STEP, seed=0),
    )
    text = json.dumps(asdict(analyses), allow_nan=False)
    assert json.loads(text)["ar_ness"][0]["rules"]["history"] == "left out"


@pytest.mark.parametrize("name", ["blocks", "shifted blocks"])
def test_a_model_of_blocks_is_asked_about_every_position_while_all_of_its_block_is_masked(name) -> None:
    model = small_model(spread=10, kind=KINDS[name])
    request = Request([3, 1, 4, 1, 5], 9, ())
    sink = entropy_sink(model, [request])
    assert [each.count for each in sink.entropies_by_position] == [1] * 9
    settings = DenoisingSettings(num_steps=1)
    picture = entropy_picture(model, request, prompt_id="a", settings=settings, seed=0)
    # A step for each block, in which the others are not asked about.
    size = KINDS[name].block_length
    places = [(5 + position) // size for position in range(9)]
    for block, entropies in enumerate(picture.entropies, start=5 // size):
        told = [entropy is not None for entropy in entropies]
        assert told == [place == block for place in places]
        for position, entropy in enumerate(entropies):
            if entropy is not None:
                assert entropy == pytest.approx(sink.entropies_by_position[position].total, rel=1e-5)
    assert len(picture.entropies) == len(set(places))
