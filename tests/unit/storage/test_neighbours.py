"""Which keys are asked for that a listing does not have."""

import pytest

from octo.storage.neighbours import MOST_ASKED, unlisted_neighbours


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ([], []),
        (["a.jsonl", "b.jsonl"], []),
        (["part-1"], []),
        (["part-1", "part-2"], ["part-3"]),
        (["part-1", "part-3", "part-4"], ["part-2", "part-5"]),
        (["part-08", "part-11"], ["part-09", "part-10", "part-12"]),
        (["part-998", "part-999"], ["part-1000"]),
        (["x/00000-of-00003.gz", "x/00001-of-00003.gz"], ["x/00002-of-00003.gz"]),
        # Days, sizes and hashes count nothing by ones.
        (["2024-01-05", "2025-02-05"], []),
        (["part-100", "part-900"], []),
        (["part-9", "part-10"], []),
        # A series in each folder ends by itself.
        (["a/1", "a/2", "b/1", "b/2"], ["a/3", "b/3"]),
    ],
)
def test_gaps_between_neighbours_and_what_comes_next_are_asked_for(keys: list[str], asked: list[str]) -> None:
    assert list(unlisted_neighbours(keys)) == asked


def test_a_million_names_with_gaps_are_asked_for_a_hundred() -> None:
    assert len(list(unlisted_neighbours(f"part-{2 * number:08}" for number in range(1_000_000)))) == MOST_ASKED
