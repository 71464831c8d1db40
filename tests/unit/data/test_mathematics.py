"""Final answers: finding them, what their letters alone say, and what algebra says."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octo.data import mathematics
from octo.data.answers.formulas import UnreadableError
from octo.data.answers.looks import plain
from octo.data.answers.reading import LONGEST
from octo.data.equivalence import equivalent
from octo.data.final_answers import boxed, settled, unreadable
from octo.data.mathematics import Verifier
from octo.errors import UsageError
from tests.unit.data.answer_pairs import ANSWERS, HARMLESS, UNREADABLE
from tests.unit.data.answer_table import pairs

BALANCED = st.recursive(
    st.sampled_from(["x", " ", "\n", "5", r"\{", r"\}", r"\\", r"\frac", "$", "π"]),
    lambda inner: st.lists(inner).map("".join) | inner.map("{{{}}}".format),
)
BOX = st.sampled_from([r"\boxed{%s}", r"\fbox{%s}", r"\boxed {%s}", "\\boxed\n{%s}"])
NO_BOX = st.text("bo{}$ \n.", max_size=20)


@given(before=st.text(r"\{}$boxed 5"), box=BOX, content=BALANCED, after=NO_BOX)
@example(before=r"\boxed{1} is wrong, ", box=r"\boxed{%s}", content=r"\frac{1}{2}", after=".")
@example(before="{", box=r"\boxed{%s}", content=r"\left\{1,2\right\}", after="}}}")
def test_the_last_box_is_found_whatever_stands_before_it_and_however_its_braces_nest(
    before: str, box: str, content: str, after: str
) -> None:
    assert boxed(before + box % content + after) == content.strip()


@given(box=BOX, content=BALANCED)
def test_a_box_that_is_cut_off_is_none(box: str, content: str) -> None:
    whole = r"\boxed{5} or " + box % content
    assert boxed(whole[:-1]) is None


@given(st.text(r"\{}$boxedf 5"))
def test_any_text_has_a_box_or_none(text: str) -> None:
    assert boxed(text) is None or ("\\boxed" in text or "\\fbox" in text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("the answer is 5", None),
        ("", None),
        (r"$\boxed 5$", "5"),
        (r"$\boxed 12$ apples", "12"),
        (r"\(\boxed\pi\)", r"\pi"),
        ("\\boxed 7\nor so", "7"),
        (r"\boxed", None),
        (r"\boxed{}", ""),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{1} and \boxed{2}", "2"),
        (r"\boxed{5}, as \boxedanswers show", "5"),
        (r"\boxed{a\}", None),
        (r"\boxed{a\\}", r"a\\"),
    ],
)
def test_boxes_as_models_write_them(text: str, answer: str | None) -> None:
    assert boxed(text) == answer


def test_a_completion_of_ten_megabytes_is_read_once() -> None:
    assert boxed(r"\boxed{" * 10**6) is None
    assert boxed(r"\boxed{" + "{" * 10**7) is None
    assert boxed(r"\boxed" * 10**6 + "{5}") == "5"
    assert boxed(r"\boxed" + " " * 10**7) is None
    assert settled("5", boxed(r"\boxed{" + "5" * 10**7 + "}")) is False


@given(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30))
@example(1000, 1000)
@example(0, 0)
def test_integers_are_compared_without_algebra(gold: int, answer: int) -> None:
    assert settled(str(gold), f"${answer:,}$.") is (gold == answer)


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("5", None, False),
        ("5", "", False),
        ("", "", False),
        ("5", " $ $ ", False),
        ("5", "$5$", True),
        ("5", r"\(5\).", True),
        (r"\frac12", r"\dfrac12", True),
        ("0.5", "1/2", True),
        (r"2\sqrt{2}", r"\sqrt{8}", None),
        ("x^2-1", "(x-1)(x+1)", None),
        ("007", "7", True),
        ("1" * 4000, "1" * 4000, True),
        ("5", "5" + " " * LONGEST, False),
        ("even", "odd", False),
        ("odd", "even", False),
        ("5", "even", False),
        (r"\text{Even}", r"\mbox{even}", True),
        ("abc", "cab", None),
        ("no", "on", False),
    ],
)
def test_what_letters_alone_say(gold: str, answer: str | None, *, verdict: bool | None) -> None:
    assert settled(gold, answer) is verdict


@given(st.text(r"\{}$ .,;text12[]()", max_size=30))
def test_the_plain_form_of_an_answer_is_equal_to_it(answer: str) -> None:
    assert settled(answer, answer) is bool(plain(answer))


def test_a_rows_end_in_a_matrix_is_no_space() -> None:
    assert plain(r"\begin{pmatrix}1\\ 2\end{pmatrix}") == r"\begin{pmatrix}1\\ 2\end{pmatrix}"


@pytest.mark.parametrize(("gold", "right", "wrong"), ANSWERS)
def test_an_answer_is_told_from_a_wrong_one_in_whatever_form_it_is_written(gold: str, right: str, wrong: str) -> None:
    assert equivalent(gold, gold)
    assert equivalent(gold, right)
    assert not equivalent(gold, wrong)


@pytest.mark.parametrize("answer", HARMLESS)
def test_no_answer_is_run_as_a_program(answer: str, tmp_path: Path) -> None:
    written = tmp_path / "written"
    assert not equivalent("5", answer.format(written))
    assert not written.exists()


def test_what_the_true_answer_does_not_allow_is_raised_and_not_called_wrong() -> None:
    with pytest.raises(UnreadableError, match="division by zero"):
        equivalent(r"\frac{1}{0}", "5")


def test_every_kind_of_answer_is_told_from_wrong_ones() -> None:
    said = [(gold, answer, equivalent(gold, answer)) for gold, answer, _ in pairs()]
    assert [each for each, (*_, right) in zip(said, pairs(), strict=True) if each[2] is not right] == []


def test_every_true_answer_of_a_kind_that_is_known_can_be_read() -> None:
    golds = {gold for gold, *_ in ANSWERS} | {gold for gold, *_ in pairs()}
    assert {gold: unreadable(gold) for gold in golds if unreadable(gold)} == {}


@pytest.mark.parametrize("gold", UNREADABLE)
def test_what_nothing_can_be_compared_with_is_no_true_answer(gold: str) -> None:
    assert unreadable(gold)
    assert settled(gold, "5") is None


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathematics, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"install octo\[train\]"):
        Verifier()
