"""Numbers as people write them."""

import pytest

from octo.numbers import in_runs


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([], ""), ([4], "4"), ([2, 1, 0], "0 to 2"), ([0, 2], "0 and 2"), ([9, 5, 6, 0, 6], "0, 5 to 6 and 9")],
)
def test_neighbours_stand_together(numbers: list[int], said: str) -> None:
    assert in_runs(numbers) == said
