"""What a model says around a text is taken off, and a text that lost its substance is refused for the right reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.rewriting import Comparison, failure, formulas_of, without_own_words
from octo.settings.refinement import GuardSettings

BODY = (
    "Let $a_n = 2n + 1$ be the odd numbers. The sum of the first 25 of them is 625, because \\[ \\sum_{k=0}^{n-1} a_k "
    "= n^2 \\] holds for every natural number. Exercise 7: show the same for 12, 144 and 1,000 by induction."
)
ORIGINAL = f"Home | About | Log in\n{BODY}\nCopyright, all rights reserved."
STORY = (
    "$a_n=2n+1$ \\[\\sum_{k=0}^{n-1}a_k=n^2\\] 1 2 0 25 625 7 12 144 1,000 Completely different story telling about "
    "horses, which gallop through distant meadows under stormy clouds, while farmers prepare dinner"
)
GUARDS = GuardSettings()


@pytest.mark.parametrize(
    "answer",
    [
        BODY,
        f"Here is the rewritten text:\n\n{BODY}",
        f"Here's the cleaned-up version of the document:\n{BODY}",
        f"Sure! Here is the refined text:\n\n{BODY}",
        f"Certainly, I have removed the menus.\n\n{BODY}",
        f"**Rewritten text:**\n\n{BODY}",
        f"Below is a revised version:\n\n{BODY}\n\nI hope this helps! Let me know if you need more.",
        f"{BODY}\n\nNote: I removed the navigation and the copyright notice.",
        f"{BODY}\n\n---\n\nLet me know if you want another version.",
        f"```markdown\n{BODY}\n```",
        f"Here is the rewritten text:\n\n```\n{BODY}\n```",
        f"\n\n  {BODY}  \n",
    ],
)
def test_only_the_text_stays(answer: str) -> None:
    text, _ = without_own_words(answer, original=ORIGINAL)
    assert text == BODY
    assert failure(Comparison(ORIGINAL, text), GUARDS) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Here is a theorem: every prime above 2 is odd.\n\nProof. It is not divisible by 2.",
        "Sure-fire methods\n\nThere are 3 of them.",
        "This is the second chapter.\n\nIt deals with groups.",
        "Let me know the value of 3 + 4.\n\nIt is 7.",
        "Of course, a set is no element of itself in this theory, which is why 1 and {1} differ.",
        "A list:\n\n```\nprint(1)\n```\n\nprints 1.",
    ],
)
def test_what_belongs_to_the_text_stays(text: str) -> None:
    assert without_own_words(text, original=text) == (text, False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        ("Here is the rewritten text:\n\n", "empty"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("I cannot rewrite this text because it is protected by copyright." + 30 * " Ask its owner.", "refusal"),
        ("As an AI language model, I am unable to process this." + 30 * " Sorry.", "refusal"),
        ("There is no text given.", "refusal"),
        ("The odd numbers add up to squares: 625.", "too_short"),
        (f"{BODY} {BODY} {BODY} {BODY}", "too_long"),
        (BODY.split(".", maxsplit=1)[0] + ". " + 12 * "The sum of the first 25 of them is 625. ", "repetitive"),
        (BODY.replace("$", "").replace("a_n = 2n + 1", "one more than twice n"), "formulas_lost"),
        (BODY.replace("25", "many").replace("625", "a square").replace("144", "more").replace("7", ""), "numbers_lost"),
        (STORY, "foreign"),
    ],
)
def test_a_text_that_cannot_stand_for_its_original_is_refused_for_its_reason(answer: str, reason: str) -> None:
    text, _ = without_own_words(answer, original=ORIGINAL)
    assert failure(Comparison(ORIGINAL, text), GUARDS) == reason


def test_a_page_about_apologies_is_no_refusal() -> None:
    page = "Sorry, you cannot divide by 0: no number times 0 is 5. " + BODY
    assert failure(Comparison(page, page), GUARDS) == ""


@given(st.text(min_size=1).filter(str.strip))
def test_a_text_stands_for_itself(text: str) -> None:
    assert failure(Comparison(text, text.strip()), GUARDS) == ""
    assert without_own_words(text, original=text).text == text.strip()


@given(st.text(max_size=200))
def test_no_answer_is_too_strange_to_be_judged(answer: str) -> None:
    text, _ = without_own_words(answer, original=ORIGINAL)
    assert failure(Comparison(ORIGINAL, text), GUARDS)


def test_formulas_are_those_between_the_marks_without_their_spaces() -> None:
    text = r"$ x+1 $ and $$y$$, \(z ^ 2\), \[ a \\ b \], \begin{align*} p &= q \end{align*} cost 5$ or so"
    assert formulas_of(text) == {"x+1", "y", "z^2", r"a\\b", "p&=q"}


@pytest.mark.parametrize(
    "text", ["$" * 100_000, "\\(" * 50_000, "\\begin{a}" * 20_000, "sorry " * 50_000, "\n" * 100_000]
)
def test_hostile_texts_take_no_long_time(text: str) -> None:
    formulas_of(text)
    answer, _ = without_own_words(text, original="x")
    failure(Comparison("x 1 $y$", answer), GuardSettings(least_length=0, most_length=1e9))
