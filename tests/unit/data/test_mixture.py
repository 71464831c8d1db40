from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.mixture import Delivery, asked_tokens, check_sources, deliver, interleave
from octo.data.tokenizer import Tokens
from octo.errors import UsageError

LENGTHS = st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=20)


def delivered(lengths: list[int], asked: int, *, source: str = "web", names: list[str] | None = None) -> list[Delivery]:
    def encode(positions: Iterable[int]) -> Iterator[Tokens]:
        return (np.zeros(lengths[position], dtype=np.uint16) for position in positions)

    ids = names or [f"id-{number}" for number in range(len(lengths))]
    return list(deliver(ids, encode, source=source, asked=asked, seed=1))


def size(deliveries: Iterable[Delivery]) -> int:
    return sum(len(delivery.tokens) for delivery in deliveries)


@given(LENGTHS, st.integers(min_value=1, max_value=500))
def test_a_source_delivers_what_was_asked_within_one_document(lengths: list[int], asked: int) -> None:
    deliveries = delivered(lengths, asked)
    assert deliveries
    assert abs(size(deliveries) - asked) <= max(lengths)


@given(LENGTHS, st.integers(min_value=1, max_value=500))
def test_no_document_comes_again_before_every_other_has_come(lengths: list[int], asked: int) -> None:
    positions = [delivery.position for delivery in delivered(lengths, asked)]
    for start in range(0, len(positions), len(lengths)):
        epoch = positions[start : start + len(lengths)]
        assert len(set(epoch)) == len(epoch)


@given(LENGTHS, st.integers(min_value=1, max_value=300), st.randoms())
def test_the_documents_and_their_order_do_not_depend_on_how_the_corpus_is_ordered(
    lengths: list[int], asked: int, random
) -> None:
    order = random.sample(range(len(lengths)), len(lengths))
    plain = [f"id-{delivery.position}" for delivery in delivered(lengths, asked)]
    names = [f"id-{number}" for number in order]
    shuffled = delivered([lengths[number] for number in order], asked, names=names)
    assert [names[delivery.position] for delivery in shuffled] == plain


@given(st.dictionaries(st.sampled_from("abc"), LENGTHS, min_size=1), st.integers(min_value=50, max_value=400))
def test_every_prefix_holds_the_mixture_within_one_document_of_each_source(
    lengths: dict[str, list[int]], tokens: int
) -> None:
    asked = asked_tokens(dict.fromkeys(lengths, 1.0), tokens)
    streams = {source: iter(delivered(lengths[source], asked[source], source=source)) for source in lengths}
    sizes: Counter[str] = Counter()
    longest = max(max(each) for each in lengths.values())
    for delivery in interleave(streams, asked):
        sizes[delivery.source] += len(delivery.tokens)
        shares = [sizes[source] / asked[source] for source in lengths]
        assert max(shares) - min(shares) <= 2 * longest / min(asked.values())


@given(st.dictionaries(st.sampled_from("abc"), st.floats(min_value=0.01, max_value=100), min_size=1))
def test_weights_are_shares_of_the_tokens_whatever_they_sum_to(weights: dict[str, float]) -> None:
    asked = asked_tokens(weights, 100_000)
    assert abs(sum(asked.values()) - 100_000) <= len(weights)
    for source, weight in weights.items():
        assert abs(asked[source] - 100_000 * weight / sum(weights.values())) <= 1


def test_a_weight_for_a_source_without_documents_names_the_sources_there_are() -> None:
    with pytest.raises(
        UsageError, match=r"names web, of which there is no document; the corpus has math \(3 documents\)"
    ):
        check_sources({"web": 1.0, "math": 1.0}, {"math": 3})
    with pytest.raises(UsageError, match=r"give --weights .* the corpus has math \(3 documents\)"):
        check_sources({}, {"math": 3})
