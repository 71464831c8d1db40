"""What an answer's score is, and which documents are drawn."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from octo.data.grading import read_score
from octo.data.strata import SECTIONS, find_limits, place_of, year_of
from octo.randomness import generator

_PLACE = np.dtype([("place", "<u8"), ("year", "<u2")])


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("Good and clear.\nFinal score: 4", 4),
        ("**Final Score:** **3**", 3),
        ("FINAL SCORE = 5/5.", 5),
        ("final score is 2", 2),
        ("Final score: \\boxed{1}", 1),
        ("Final score: $\\boxed{1}$", 1),
        ("Final score (0-5): 4", 4),
        ("Final score (4)", 4),
        ("final  score:\n0", 0),
        ("Final score: 4.0", 4),
        ("A final score of 1 would be harsh.\n\nFinal score: 3", 3),
        ("Final score: 5\nOn reflection, no.\nFinal score: none", None),
        ("Final score: 4.5", None),
        ("Final score: 45", None),
        ("Final score: 3/10", None),
        ("Final score: -3", None),
        ("Final score: 6", None),
        ("Score: 4", None),
        ("", None),
        ("Final score:", None),
    ],
)
def test_the_score_is_the_number_after_the_last_marker_or_there_is_none(said: str, score: int | None) -> None:
    assert read_score(said) == score


@pytest.mark.parametrize(
    ("date", "year"),
    [("2019-03-04", "2019"), ("2019", "2019"), ("2019-03-04T01:02:03Z", "2019"), ("", "undated")],
)
def test_a_document_without_a_date_is_of_a_year_of_its_own(date: str, year: str) -> None:
    assert year_of(date) == year
    assert year_of("yesterday") == year_of("0000-01-01") == "undated"


def limits(shards: list[list[tuple[str, str]]], quota: int, seed: int) -> dict[str, int]:
    rows = [
        np.array(
            sorted((place_of(name, seed), 0 if year == "undated" else int(year)) for name, year in shard), dtype=_PLACE
        )
        for shard in shards
    ]
    width = 2**64 // SECTIONS

    def places(section: int) -> Iterator[bytes]:
        for each in rows:
            yield each[each["place"] // np.uint64(width) == section].tobytes()

    counts = Counter(year for shard in shards for _, year in shard)
    return find_limits(counts, lambda _year: quota, places)


@pytest.mark.parametrize("quota", [1, 7, 40, 90, 1000])
def test_of_each_year_as_many_are_drawn_whatever_the_shards(quota: int) -> None:
    sizes = {"2014": 500, "2020": 90, "undated": 41}
    documents = [(f"{year}-{number}", year) for year, size in sizes.items() for number in range(size)]
    drawn = set()
    for count in (1, 3, 16):
        order = generator(count, "order").permutation(len(documents))
        shards = [[documents[place] for place in order[first::count]] for first in range(count)]
        found = limits(shards, quota, seed=3)
        sample = {name for name, year in documents if place_of(name, 3) <= found[year]}
        per_year = Counter(year for name, year in documents if name in sample)
        assert per_year == {year: min(quota, size) for year, size in sizes.items()}
        drawn.add(frozenset(sample))
    assert len(drawn) == 1


def test_copies_of_a_document_are_one_of_the_quota() -> None:
    shards = [[(f"{number}", "2014") for number in range(30)], [(f"{number}", "2014") for number in range(15)]]
    found = limits(shards, 10, seed=0)
    assert len({name for shard in shards for name, _ in shard if place_of(name, 0) <= found["2014"]}) == 10


def test_another_seed_draws_others_evenly() -> None:
    # Over many seeds, each of 50 documents is drawn about as often: chi-squared with 49 degrees of freedom.
    documents = [(f"{number}", "2014") for number in range(50)]
    times: Counter[str] = Counter()
    for seed in range(200):
        found = limits([documents], 10, seed)
        times.update(name for name, _ in documents if place_of(name, seed) <= found["2014"])
    expected = 200 * 10 / 50
    assert sum((times[name] - expected) ** 2 / expected for name, _ in documents) < 95
