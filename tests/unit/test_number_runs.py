"""Numbers as people write them."""

import pytest

from octo.numbers import in_runs, short


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([], ""), ([4], "4"), ([2, 1, 0], "0 to 2"), ([0, 2], "0 and 2"), ([9, 5, 6, 0, 6], "0, 5 to 6 and 9")],
)
def test_neighbours_stand_together(numbers: list[int], said: str) -> None:
    assert in_runs(numbers) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0.000123456, "0.000123"),
        (2.3149, "2.31"),
        (1234.4, "1234"),
        (45_678, "45.7k"),
        (-2_500_000, "-2.5M"),
        (999_600, "1M"),
        (0, "0"),
    ],
)
def test_a_figure_has_three_significant_digits(number: float, said: str) -> None:
    assert short(number) == said
