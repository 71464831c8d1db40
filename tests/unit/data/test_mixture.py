from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from octo.data.mixture import LONGEST_PERIOD, Mixture, mixture_of, turns, weights_as_shares
from octo.errors import UsageError

SHARES = st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=6).map(tuple)
MIXTURES = st.builds(
    lambda seed, sources: Mixture(
        seed,
        tuple(f"source-{number}" for number in range(len(sources))),
        tuple(share for share, _ in sources),
        tuple(count for _, count in sources),
    ),
    st.integers(min_value=0, max_value=9),
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 40)), min_size=1, max_size=5),
)


@given(SHARES)
def test_every_prefix_holds_each_source_within_one_sequence_of_its_share(shares: tuple[int, ...]) -> None:
    turn_P, nth_P = turns(shares)
    lengths = np.arange(1, len(turn_P) + 1)
    for source, share in enumerate(shares):
        held = np.cumsum(turn_P == source)
        assert held[-1] == share
        assert (np.abs(held * sum(shares) - lengths * share) < sum(shares)).all()
        assert nth_P[turn_P == source].tolist() == list(range(share))


@given(MIXTURES, st.integers(min_value=0, max_value=500))
def test_the_counts_given_are_those_of_the_sequences(mixture: Mixture, num_sequences: int) -> None:
    found = mixture.at(np.arange(num_sequences))
    counted = np.bincount(found.source_N, minlength=len(mixture.sources))
    assert mixture.given(num_sequences) == dict(zip(mixture.sources, counted.tolist(), strict=True))


@settings(max_examples=40)
@given(MIXTURES)
def test_every_epoch_of_a_source_holds_each_of_its_sequences_once(mixture: Mixture) -> None:
    found = mixture.at(np.arange(3 * mixture.period * max(mixture.counts)))
    for source, count in enumerate(mixture.counts):
        here = found.source_N == source
        assert (np.diff(found.epoch_N[here]) >= 0).all()
        for epoch in range(found.epoch_N[here].max()):  # all but the last, which may have begun only
            assert sorted(found.row_N[here & (found.epoch_N == epoch)]) == list(range(count))


@given(MIXTURES, st.lists(st.integers(min_value=0, max_value=10**15), max_size=30))
def test_an_index_by_itself_is_what_it_is_among_others(mixture: Mixture, indexes: list[int]) -> None:
    together = mixture.at(np.array(indexes, dtype=np.int64))
    for number, index in enumerate(indexes):
        alone = mixture.at(np.array([index]))
        assert (alone.source_N[0], alone.epoch_N[0], alone.row_N[0]) == (
            together.source_N[number],
            together.epoch_N[number],
            together.row_N[number],
        )


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [
        Mixture(seed, ("a",), (1,), (1000,)).at(np.arange(start, start + 1000)).row_N.tolist()
        for seed in (0, 1)
        for start in (0, 1000)
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_rows_are_as_random_as_they_should_be_over_a_hundred_thousand_indexes() -> None:
    """Where a row lies, where its neighbour lies from there, and when a tenth of the rows comes."""
    rows_N = Mixture(3, ("a",), (1,), (40_000_000,)).at(np.arange(100_000)).row_N
    assert len(set(rows_N.tolist())) == 100_000
    distances_N = np.diff(rows_N) % 40_000_000
    residues_N = rows_N % 61
    for values_N, cells, size in ((rows_N, 250, 40_000_000), (distances_N, 250, 40_000_000), (residues_N, 61, 61)):
        counts = np.bincount(values_N * cells // size, minlength=cells)
        assert 1e-3 < chisquare(counts).pvalue < 1 - 1e-3
    pairs = np.bincount(rows_N[:-1] * 10 // 40_000_000 * 10 + rows_N[1:] * 10 // 40_000_000, minlength=100)
    assert 1e-3 < chisquare(pairs).pvalue < 1 - 1e-3


def test_a_few_sequences_come_in_any_order_alike() -> None:
    firsts = Mixture(0, ("a",), (1,), (7,)).at(7 * np.arange(7_000)).row_N
    assert chisquare(np.bincount(firsts, minlength=7)).pvalue > 1e-3


def test_five_thousand_shards_of_forty_million_sequences_are_sampled_from_their_counts_alone() -> None:
    weights = {"web": 0.62, "code": 0.2137, "math": 1 / 9}
    mixture = mixture_of(weights, dict.fromkeys(weights, 5_000 * 40_000_000), seed=1)
    found = mixture.at(np.random.default_rng(0).integers(0, 10**12, 100_000))
    assert (found.row_N < 5_000 * 40_000_000).all()
    given = np.bincount(found.source_N) / 100_000
    assert np.abs(given - np.array(mixture.shares) / mixture.period).max() < 0.01
    assert found.epoch_N.max() == 10**12 * 0.62 // sum(weights.values()) // (5_000 * 40_000_000)


def test_weights_are_exact_where_they_are_written_so() -> None:
    assert weights_as_shares({"a": 0.5, "b": 0.15, "c": 0.35}) == {"a": 10, "b": 3, "c": 7}
    assert weights_as_shares({"a": 3.0, "b": 1.0}) == {"a": 3, "b": 1}
    assert weights_as_shares({"a": 1e-5, "b": 1 - 1e-5}) == {"a": 1, "b": 99_999}


def test_weights_that_are_no_short_decimals_get_the_smallest_denominator_that_is_nearest() -> None:
    assert weights_as_shares({"a": 1 / 3, "b": 2 / 3}) == {"a": 1, "b": 2}
    assert weights_as_shares({"a": 0.1 + 0.2, "b": 0.7}) == {"a": 3, "b": 7}
    assert weights_as_shares({"a": 5 / 7, "b": 1 / 11, "c": 15 / 77}) == {"a": 55, "b": 7, "c": 15}


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(min_value=0.01, max_value=100), min_size=1))
def test_fractions_are_within_one_period_of_their_weights(weights: dict[str, float]) -> None:
    shares = weights_as_shares(weights)
    period = sum(shares.values())
    assert period <= LONGEST_PERIOD
    total = sum(map(Fraction, weights.values()))
    # No worse than the longest period with each share cut off, and often much better.
    for source, weight in weights.items():
        assert abs(Fraction(shares[source], period) - Fraction(weight) / total) <= Fraction(1, LONGEST_PERIOD)


def test_without_weights_one_pass_takes_every_sequence_once() -> None:
    mixture = mixture_of({}, {"a": 30, "b": 12, "none": 0}, seed=0)
    found = mixture.at(np.arange(42))
    assert mixture.sources == ("a", "b")
    assert found.epoch_N.max() == 0
    assert len(set(zip(found.source_N.tolist(), found.row_N.tolist(), strict=True))) == 42


def test_without_weights_the_smallest_source_among_billions_has_its_turn() -> None:
    mixture = mixture_of({}, {"web": 3_000_000_001, "notes": 7}, seed=0)
    assert mixture.period <= LONGEST_PERIOD
    assert mixture.given(mixture.period)["notes"] >= 1


def test_a_weight_of_a_source_without_sequences_names_the_sources_there_are() -> None:
    with pytest.raises(UsageError, match=r"names web, of which there is no sequence; the tokens hold math \(3 seq"):
        mixture_of({"web": 1.0, "math": 1.0}, {"math": 3}, seed=0)
    with pytest.raises(UsageError, match="the tokens hold no sequence"):
        mixture_of({}, {"math": 0}, seed=0)
    with pytest.raises(UsageError, match=r"the weight 1e-07 of a is less than one sequence in 131072: raise it"):
        mixture_of({"a": 1e-7, "b": 0.123456789}, {"a": 1, "b": 1}, seed=0)
