"""A checkpoint that would not be kept in time is not begun."""

import pytest

from octo.ml.saving.grace import LEFT_OVER, Pace, objection


def test_a_save_takes_as_long_as_the_slowest_of_the_last_three_by_bytes() -> None:
    pace = Pace()
    assert pace.expected(100) is None
    pace.record(1000.0, 10)
    for seconds in (2.0, 8.0, 4.0):
        pace.record(seconds, 100)
    assert pace.expected(100) == pytest.approx(8)
    assert pace.expected(250) == pytest.approx(20)


@pytest.mark.parametrize(
    ("expected", "grace", "used", "said"),
    [
        (10, 120, 0, ""),
        (115, 120, 0, ""),
        (116, 120, 0, "it would take 116 s, as the last ones did, and 115 of the 120 s to stop in are left"),
        (10, 120, 106, "it would take 10 s, as the last ones did, and 9 of the 120 s to stop in are left"),
        (10, 120, 300, "it would take 10 s, as the last ones did, and 0 of the 120 s to stop in are left"),
        # Nobody knows how long the first one takes: there is nothing to lose by it.
        (None, 120, 10, ""),
        (None, 120, 120 - LEFT_OVER, "all of the 120 s to stop in are used up"),
        # Nobody has said when the process will be ended.
        (10_000, 0, 10_000, ""),
        (None, 0, 10, ""),
    ],
)
def test_what_speaks_against_a_save(expected: float | None, grace: float, used: float, said: str) -> None:
    assert objection(expected, grace=grace, used=used) == said
