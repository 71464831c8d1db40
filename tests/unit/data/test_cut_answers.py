r"""A solution that was cut is judged by the answer that it had given, if the cut is not in it."""

import pytest

from octo.data.cut_answers import is_boxed, settled_part
from octo.data.questions import Question
from octo.ml.scoring import Attempt, number_scores


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("The answer is 42. Let me che", "42", True),
        ("The answer is 42.\nWhy", "42", True),
        ("so it is 42\n", "42", True),
        ("so it is 42 apples, whi", "42", True),
        ("so it is 42 million dol", "42000000", True),
        # The number may have gone on.
        ("so it is 42", "42", False),
        ("so it is 42.", "42", False),
        ("so it is 42,", "42", False),
        ("so it is 42 ", "42", False),
        ("so it is 42 mil", "42", False),
        ("so it is 3/", "3", False),
        ("so it is 50% of", "50%", False),
        # The last number is another one, or was being written.
        ("it is 42. Check: 6 times 7", "42", False),
        ("it is 42. Check: 6 times 7 which", "42", False),
        ("it is 42, as 41 + 1 = ", "42", False),
        ("", "42", False),
        ("fortytw", "42", False),
    ],
)
def test_a_number_counts_where_the_text_goes_on_behind_it(text: str, gold: str, *, right: bool) -> None:
    [score] = number_scores([Attempt(Question("a", "?", gold), text, finished=False)])
    assert score.correct is right


def test_a_long_text_without_a_space_takes_no_time() -> None:
    assert settled_part("x" * 2_000_000) is None
    assert settled_part(" " * 2_000_000) is None


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        (r"so \boxed{42}. Now let me expl", True),
        (r"so \boxed{42}", True),
        (r"so $\boxed 5$, and", True),
        (r"first \boxed{1}, no, \boxed{2} is", True),
        (r"so \boxed{42", False),
        (r"so \boxed 4", False),
        (r"first \boxed{1}, then \boxed{", False),
        ("none at all", False),
    ],
)
def test_a_box_counts_where_it_is_closed(text: str, *, closed: bool) -> None:
    assert is_boxed(text) is closed
