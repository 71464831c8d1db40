import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.normal_forms import comparable

SENTENCE = "An octopus has three hearts, nine brains and blue blood."


@pytest.mark.parametrize(
    "variant",
    [
        SENTENCE.upper(),
        f"  {SENTENCE}\t\n",
        SENTENCE.replace(" ", "\r\n"),
        SENTENCE.replace(" ", "\N{NO-BREAK SPACE}"),
        SENTENCE.replace(" ", "\N{IDEOGRAPHIC SPACE}\N{LINE SEPARATOR}"),
        f"\N{ZERO WIDTH NO-BREAK SPACE}{SENTENCE}",
        "\N{ZERO WIDTH SPACE}".join(SENTENCE),
        "\N{SOFT HYPHEN}".join(SENTENCE),
        "\N{RIGHT-TO-LEFT OVERRIDE}" + SENTENCE + "\N{POP DIRECTIONAL ISOLATE}",
        "\N{VARIATION SELECTOR-16}".join(SENTENCE),
        "".join(chr(ord(each) + 0xFEE0) if each != " " else each for each in SENTENCE),
        SENTENCE + "\x00\x08",
    ],
)
def test_what_looks_alike_is_alike_when_compared(variant: str) -> None:
    assert comparable(variant) == comparable(SENTENCE) == SENTENCE.lower()


def test_letters_meet_their_accents_however_they_are_written() -> None:
    assert comparable("Cafe\N{COMBINING ACUTE ACCENT}") == comparable("CAFÉ") == "café"
    assert comparable("Cafe\N{ZERO WIDTH JOINER}\N{COMBINING ACUTE ACCENT}") == "café"
    assert comparable("Straße \N{LATIN SMALL LIGATURE FI}n") == comparable("STRASSE FIN")
    assert comparable("q\N{COMBINING DOT BELOW}\N{COMBINING DOT ABOVE}") == comparable(
        "q\N{COMBINING DOT ABOVE}\N{COMBINING DOT BELOW}"
    )


def test_other_texts_stay_other_texts() -> None:
    words = ["hearts", "heart", "he arts", "hearts.", "h3arts", "héarts", ""]
    assert len({comparable(word) for word in words}) == len(words)


@given(st.text())
def test_a_normal_form_is_its_own_normal_form_and_no_text_is_refused(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)


def test_a_lone_surrogate_stays() -> None:
    assert comparable("A\ud800") == "a\ud800"


def test_more_marks_than_any_letter_has_are_kept() -> None:
    assert len(comparable("a" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}" * 1_000)) >= 2_000
