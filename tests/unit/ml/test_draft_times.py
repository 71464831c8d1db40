"""Whether drafts are faster is said of times that were measured, and not where noise leaves it open."""

import pytest

from octo.ml.draft_times import NUM_TURNS, draft_times, ratio_of, said


@pytest.mark.parametrize(
    ("ratios", "told"),
    [
        ([2.0, 2.1, 1.9, 2.0, 2.2, 2.1], "Drafts of 8 steps are slower than plain decoding on this machine"),
        ([0.5, 0.52, 0.48, 0.5, 0.51, 0.49], "Drafts of 8 steps are faster than plain decoding on this machine"),
        ([0.5, 1.9, 1.1, 0.8, 1.4, 0.9], "cannot be told"),
        ([2.0, 2.0], "was not measured"),
    ],
)
def test_the_outcome_follows_from_the_interval_of_the_ratios(ratios: list[float], told: str) -> None:
    assert told in said(ratio_of(ratios), 8)


def test_both_ways_are_done_by_turns_as_often_as_each_other() -> None:
    done: list[str] = []
    found = draft_times(lambda: done.append("drafted"), lambda: done.append("plain"))
    assert done.count("drafted") == done.count("plain") == NUM_TURNS + 1
    assert done[2:6] == ["plain", "drafted", "drafted", "plain"]
    assert found.value is not None
