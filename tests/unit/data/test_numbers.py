"""The scorer `number`: the last number of a text, read as one thing with its sign, its separators and its fraction."""

# What people write beside digits is the point here.
# ruff: noqa: RUF001

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octo.data.answers.numbers import correct, last_number, number_of

RIGHT = {
    "5": [
        "x = 5",
        "so 5.",
        "The answer is 5",
        "**5**",
        "Answer: **5**.",
        "$5",
        "$5$",
        "$x = 5$",
        "\\boxed{5}",
        "5 apples",
        "5cm",
        "5 cm.",
        "5.00",
        "+5",
        "= 5\n",
        "(5)",
        "2+3=5",
        "10-5=5",
        "10 - 5 = 5",
        "the 5th",
    ],
    "132": ["2+5=07,12:132", "7+5+0=12,4+8+1=13:132"],
    "-5": [
        "-5",
        "x=-5",
        "x = −5",
        "is -5",
        "= -5.",
        "(-5)",
        "- 5",
        "-$5",
        "$-5",
        "-5.0",
        "\\boxed{-5}",
        "it equals -5 degrees",
        "$-5$",
    ],
    "0.5": ["0.5", ".5", "1/2", "0.50", "\\frac{1}{2}", "½", "50%", "it is 0.5."],
    "1,234": ["1,234", "1234", "$1,234.00"],
    "1234": ["1,234."],
    "1234567": ["1,234,567"],
    "3/4": ["3/4", "0.75", "\\frac{3}{4}", "3 / 4", "it's 3/4", "6/8"],
    "-3/4": ["-3/4"],
    "1 1/2": ["1 1/2", "3/2"],
    "2.5": ["2½"],
    "1e3": ["1000", "1e3"],
    "3000": ["3 x 10^3", "3\\times 10^{3}", "3×10³", "3 thousand"],
    "50%": ["50%", "50", "0.5"],
    "$5": ["$5"],
    "5 cm": ["5 cm"],
    "90": ["90°", "90^\\circ"],
    "-0.25": ["-0.25"],
    "-1,000": ["-1,000"],
    "0": ["0", "-0"],
    "7": ["7", "So the total - as we saw - is 7"],
    "12": ["12 (twelve)"],
    "8": ["= 8 m/s", "\\text{8}", "$$8$$", "8\\,\\text{cm}"],
    "100": ["1e2"],
    "40": ["40 cm^2", "so 40 cm² of it", "40\\text{ m}^{2}"],
    "-6": ["it is minus 6", "negative 6"],
}
"""True answers, and completions that have them."""

WRONG = {
    "5": [
        "-5",
        "x=−5",
        "0.5",
        "12.5",
        "1.5",
        ".5",
        "x = - 5",
        "3/5",
        "1/5",
        "5/6",
        "5^2",
        "x^5",
        "x_5",
        "a5",
        "5x",
        "5 pi",
        "5π",
        "5i",
        "√5",
        "\\sqrt{5}",
        "10-5",
        "10 - 5",
        "10+5",
        "10*5",
        "10/5",
        "10^5",
        "2×10^5",
        "5!",
        "50",
        "15",
        "1,5",
        "0,5",
        "5,000",
        "1,005",
        "-$5",
        "$-5",
        "5e3",
        "5 x",
        "5 + x",
        "5 - x",
        "x - 5",
        "five",
        "",
        "5 thousand",
        "1.2.5",
        "±5",
        "6 ± 5",
        "x ≥ 5",
        "x ≤ 5",
        "≠5",
        "(1, 5)",
        "[1,5]",
        "{2; 5}",
        "0.(5)",
        "|5|",
        "4‑5",
        "5‰",
        "5 cm^5",
        "7 minus 5",
        "it is minus 5",
        "negative 5",
        "not 5",
        "2 plus 5",
        "3 times 5",
        "30 divided by 5",
        "\\frac{1}{5}",
        "\\frac{5}{6}",
        "1 5/6",
        "H5",
        "\\boxed{-5}",
        "−5",
        "x equals -5",
        "2e5",
        "5\\pi",
        "5\\sqrt{2}",
        "(5)x",
        "1-5",
        "=-5",
        "(-5)",
        "is –5",
        "-5%",
        "-5 degrees",
        "-(5)",
    ],
    "2": ["5^2", "1 1/2", "2**10"],
    "-5": ["10-5", "10 - 5", "5"],
    "x-5": ["x-5"],
    "234": ["1,234"],
    "1": ["1,234"],
    "34": ["12,34"],
    "1234": ["1.234", "12,34"],
    "3": ["2√3", "3/4"],
    "10": ["2**10"],
    "4": ["3/4"],
    "0.5": ["5", ".05"],
    "7": ["3:7/8"],
    "20": ["200"],
}
"""True answers, and completions whose last number is another one, or a part of something."""

NO_NUMBERS = [
    "x+1",
    "2^10",
    "abc",
    "",
    "#### 72",
    "5 or 6",
    "(1,2)",
    r"\sqrt{2}",
    "1/0",
    "$x$",
    "5!",
    "10^{10^{10}}",
    "-",
    "1,2",
]


@pytest.mark.parametrize("gold", RIGHT)
def test_a_text_that_ends_in_the_number_has_it_in_whatever_form(gold: str) -> None:
    assert correct(gold, gold)
    assert [text for text in RIGHT[gold] if not correct(text, gold)] == []


@pytest.mark.parametrize("gold", WRONG)
def test_another_sign_or_a_part_of_a_number_is_another_number(gold: str) -> None:
    assert [text for text in WRONG[gold] if correct(text, gold)] == []


@pytest.mark.parametrize("gold", NO_NUMBERS)
def test_what_is_no_number_is_no_true_answer(gold: str) -> None:
    assert number_of(gold) is None
    assert not correct(gold, gold)


@settings(deadline=None)
@given(st.text(r"0123456789.,-+/^{}()$%\ xe=*fracmt", max_size=40))
def test_any_text_has_a_last_number_or_none(text: str) -> None:
    assert not correct(text, "5") or "5" in text or "." in text or "/" in text or "frac" in text
    last_number(text)


def test_a_long_text_is_read_from_its_end_and_a_number_longer_than_anybody_writes_is_none() -> None:
    assert correct("1 + 1 = 3. " * 10**5 + "So 7.", "7")
    assert last_number("7" * 10**6) is None
    assert last_number("no figure " * 10**5) is None
