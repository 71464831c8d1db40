"""AR-ness of orders for which it is known: by formula, by enumeration, and by chance."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from octo.ml.diffusion.ar_ness import (
    Rules,
    ar_ness,
    global_ar_ness,
    global_chance,
    local_ar_ness,
    local_chance,
    text_only,
)
from octo.randomness import generator

ORDERED, SET = Rules(), Rules(variant="set")
T = 24
HALF = T // 2


@pytest.mark.parametrize("k", [1, 2, 5, 9])
@pytest.mark.parametrize("rules", [ORDERED, SET])
def test_from_left_to_right_every_step_but_the_first_goes_on(k, rules) -> None:
    order = range(T)
    assert local_ar_ness(order, k, rules=rules) == (T - k) / T
    assert local_ar_ness(order, k, rules=Rules(variant=rules.variant, history="left out")) == 1
    assert global_ar_ness(order, k) == 1


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_from_right_to_left_no_step_goes_on_and_only_the_last_masks_are_leftmost(k) -> None:
    order = range(T)[::-1]
    assert local_ar_ness(order, k, rules=ORDERED) == local_ar_ness(order, k, rules=SET) == 0
    assert global_ar_ness(order, k) == k / T


@pytest.mark.parametrize("k", [1, 3, 8])
def test_the_right_half_and_then_the_left_one(k) -> None:
    order = [*range(HALF, T), *range(HALF)]
    assert local_ar_ness(order, k, rules=ORDERED) == 2 * (HALF - k) / T
    assert global_ar_ness(order, k) == 0.5


@pytest.mark.parametrize("k", [1, 3, 8])
def test_two_halves_in_turns(k) -> None:
    order = [position for pair in zip(range(HALF), range(HALF, T), strict=True) for position in pair]
    assert local_ar_ness(order, k, rules=ORDERED) == 0
    assert global_ar_ness(order, k) == (HALF + k) / T


@pytest.mark.parametrize("k", [2, 3])
def test_neighbours_in_the_wrong_order_are_the_right_set(k) -> None:
    order = [*range(k)[::-1], k]
    assert local_ar_ness(order, k, rules=ORDERED) == 0
    assert local_ar_ness(order, k, rules=SET) == 1 / (k + 1)


def expected_local(length: int, k: int) -> float:
    """Of a random order: a run of k + 1 can begin at length - k places, and ends at as many steps."""
    return (length - k) / length * factorial(length - k) / factorial(length)


def expected_global(length: int, k: int) -> float:
    """Of a random order: of m masks, one of the k leftmost is as likely as any."""
    return sum(min(k, m) / m for m in range(1, length + 1)) / length


@pytest.mark.parametrize("length", [1, 2, 4, 6])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_mean_over_all_orders_is_the_expectation(length, k) -> None:
    orders = list(permutations(range(length)))
    if k < length:
        for rules, ways in ((ORDERED, 1), (SET, factorial(k))):
            mean = np.mean([local_ar_ness(order, k, rules=rules) for order in orders])
            assert mean == pytest.approx(ways * expected_local(length, k))
    assert np.mean([global_ar_ness(order, k) for order in orders]) == pytest.approx(expected_global(length, k))


@pytest.mark.parametrize("k", [1, 4])
def test_random_orders_of_a_long_completion_come_to_the_expectation(k) -> None:
    orders = [generator(0, "orders", number).permutation(128) for number in range(400)]
    shares = [global_ar_ness(order, k) for order in orders]
    deviation = np.std(shares, ddof=1) / len(shares) ** 0.5
    assert abs(np.mean(shares) - expected_global(128, k)) < 4 * deviation
    assert np.mean([local_ar_ness(order, 1, rules=ORDERED) for order in orders]) == pytest.approx(
        expected_local(128, 1), abs=4 * 128**-1 / 400**0.5
    )


def test_local_falls_and_global_rises_with_k_and_a_set_is_no_less_than_an_order() -> None:
    for number in range(50):
        order = np.argsort(np.arange(20) + generator(1, "nearly", number).normal(0, 2, 20))
        ordered, sets = ([local_ar_ness(order, k, rules=rules) for k in range(1, 10)] for rules in (ORDERED, SET))
        assert ordered == sorted(ordered, reverse=True)
        assert all(some >= strict for some, strict in zip(sets, ordered, strict=True))
        whole = [global_ar_ness(order, k) for k in range(1, 10)]
        assert whole == sorted(whole)


def test_of_the_set_variant_local_may_rise_with_k() -> None:
    """Two before 2 are 0 and 1, in the wrong order: the one before is no neighbour."""
    order = [1, 0, 2]
    assert [local_ar_ness(order, k, rules=SET) for k in (1, 2)] == [0, 1 / 3]


def test_what_is_not_text_can_be_left_out() -> None:
    order = [5, 0, 4, 1, 3, 2]
    assert text_only(order, range(3)) == [0, 1, 2]
    assert global_ar_ness(text_only(order, range(3)), 1) == 1
    assert global_ar_ness(order, 1) < 1


def test_the_mean_weighs_completions_alike_and_says_by_which_rules() -> None:
    found = ar_ness([range(4), [3, 2, 1, 0], []], local_ks=(1, 2), global_ks=(1, 4), rules=SET)
    assert found.local_by_k == {1: 0.375, 2: 0.25}
    assert found.global_by_k == {1: (1 + 0.25) / 2, 4: 1.0}
    assert (found.num_completions, found.rules) == (2, SET)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("variant", ["ordered", "set"])
@pytest.mark.parametrize("history", ["zero", "left out"])
@pytest.mark.parametrize("positions", [[0, 1, 2, 3, 4], [0, 1, 2, 4, 5], [7]])
def test_the_chance_level_is_the_mean_of_all_orders(k, variant, history, positions) -> None:
    rules = Rules(variant=variant, history=history)
    orders = list(permutations(positions))
    local = np.mean([local_ar_ness(order, k, rules=rules) for order in orders])
    assert local_chance(positions, k, rules=rules) == pytest.approx(local, nan_ok=True)
    assert global_chance(len(positions), k) == pytest.approx(np.mean([global_ar_ness(order, k) for order in orders]))


def test_longer_answers_are_less_like_reading_by_chance_alone() -> None:
    chances = [global_chance(length, 1) for length in (5, 12, 24)]
    assert chances == pytest.approx([0.4567, 0.2586, 0.1573], abs=1e-4)
    orders = [[1, 0], [2, 1, 0, 3]]
    found = ar_ness(orders, local_ks=[1], global_ks=[1], rules=ORDERED)
    assert found.global_chance_by_k[1] == pytest.approx((1.5 / 2 + (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4) / 2)
    assert found.local_chance_by_k[1] == pytest.approx((1 / 4 + 3 / 16) / 2)
