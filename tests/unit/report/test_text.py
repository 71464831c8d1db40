from datetime import UTC, datetime, timedelta

import pytest

from octo.report.results import Estimate
from octo.report.text import (
    MINUS,
    MISSING,
    age,
    decimals,
    duration,
    flattened,
    middle_cut,
    number,
    percent,
    points,
    range_of,
    visible,
)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3600 * 3 + 1200, "3 h 20 min"),
        (86400 * 2 + 3600 * 4, "2 d 4 h"),
        (None, MISSING),
    ],
)
def test_durations_read_well(seconds: float | None, written: str):
    assert duration(seconds) == written


def test_differences_carry_their_sign_unless_they_round_to_nothing():
    assert points(0.123) == "+12.3"
    assert points(-0.123) == f"{MINUS}12.3"
    assert points(-0.0001) == "0.0"
    assert points(None) == MISSING


def test_intervals_name_both_ends():
    assert range_of(Estimate(value=0.6, low=0.541, high=0.679)) == "54.1\N{EN DASH}67.9"
    assert range_of(Estimate(value=0.0, low=-0.004, high=0.032), signed=True) == f"{MINUS}0.4 to +3.2"
    assert range_of(Estimate()) == MISSING


def test_what_is_missing_is_a_dash_and_not_a_zero():
    assert [percent(None), number(None), decimals(None, 2), age(None, None)] == [MISSING] * 4


def test_thousands_are_set_apart():
    assert number(1234567) == "1\u202f234\u202f567"


def test_an_age_is_never_negative():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age(now + timedelta(seconds=5), now) == "0.0 s"


def test_characters_that_would_act_are_shown():
    assert visible("a\x00b\x1b[31m\u202e\u200b\x7f\r") == "a␀b␛[31m⟨U+202E⟩⟨U+200B⟩⟨U+007F⟩␍"
    assert visible("naïve\n\tπ ≠ 3") == "naïve\n\tπ ≠ 3"


def test_a_short_text_is_not_cut():
    assert middle_cut("abc", limit=3) == ("abc", "", 0)
    assert middle_cut("abcdefghi", limit=6) == ("abcd", "hi", 3)


def test_nested_settings_get_dotted_names():
    assert flattened({"a": 1, "shape": {"width": 2, "deep": {"er": 3}}}) == {
        "a": 1,
        "shape.width": 2,
        "shape.deep.er": 3,
    }
