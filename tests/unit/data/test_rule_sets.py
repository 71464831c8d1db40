import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octo.data.c4 import c4
from octo.data.documents import Document, new_document
from octo.data.fineweb import fineweb
from octo.data.gopher import gopher
from octo.data.mathematical import mathematics
from octo.data.runs_of_words import REPEATED_SIZES, TOP_SIZES, repetition
from octo.data.screening import screening
from octo.data.sentences import count_sentences
from octo.data.texts import Texts
from octo.settings.curation import CurationSettings
from octo.settings.rules import C4Settings, FinewebSettings, GopherSettings, MathematicsSettings

DRAW = random.Random(7)
WORDS = [f"{first}{second}ar" for first in "bdfglmnprs" for second in ("a", "e", "io", "u", "ou")]
PROSE = " ".join(["the", "harbour", "of", *DRAW.choices(WORDS, k=77)])
NOT_REPEATED = {f"max_repeated_{size}_grams": 1 for size in REPEATED_SIZES} | {
    f"max_top_{size}_grams": 1 for size in TOP_SIZES
}


def prose(seed: int, words: int = 80) -> str:
    draw = random.Random(seed)
    return " ".join(["the", "tide", "of", *(f"{draw.choice(WORDS)}{draw.choice(WORDS)}"[:9] for _ in range(words - 3))])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (prose(1), None),
        ("the tide of May", "gopher_too_short"),
        ("", "gopher_too_short"),
        (" \n " * 9, "gopher_too_short"),
        # Marks alone are no words.
        (f"{'the of ' * 20}{'-- ' * 60}", "gopher_too_short"),
        (f"{prose(1)} {'a of ' * 200}", "gopher_short_words"),
        (f"{prose(1)} {'extraordinarily-long ' * 80}", "gopher_long_words"),
        (f"{prose(1)} {'#' * 20}", "gopher_many_hashes"),
        (f"{prose(1)} {'so... ' * 40}", "gopher_many_ellipses"),
        ("\n".join(f"- {prose(seed, 12)}" for seed in range(12)), "gopher_many_bullets"),
        ("\n".join(f"{prose(seed, 13)}…" for seed in range(12)), "gopher_cut_lines"),
        (f"{prose(1)} {' '.join(map(str, range(1000, 1060)))}", "gopher_low_alphabetic"),
        (" ".join(prose(1).split()[3:]), "gopher_few_stop_words"),
        # Other writings have letters too.
        (f"the tide of {' '.join('приливы и отливы моря числом ' + str(n) for n in range(40))}", "gopher_top_2_grams"),
    ],
)
def test_each_rule_of_gophers_on_quality_has_its_reason(text: str, reason: str | None) -> None:
    assert gopher(Texts([text]), GopherSettings()) == [reason]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n\n".join([prose(1), prose(2), prose(2), prose(2)]), "gopher_repeated_paragraphs"),
        ("\n\n".join([prose(1), prose(2, 90), prose(3), prose(2, 90)]), "gopher_repeated_paragraph_characters"),
        ("\n".join([prose(1), prose(2), prose(2), prose(2)]), "gopher_repeated_lines"),
        ("\n".join([prose(1), prose(2, 90), prose(3), prose(2, 90)]), "gopher_repeated_line_characters"),
        (f"{prose(1, 60)} {'old mill ' * 30}", "gopher_top_2_grams"),
        (f"{prose(1, 60)} {' '.join(f'{prose(seed, 9)} a wide grey estuary' for seed in range(2))}", None),
        (f"{prose(1, 200)} {prose(2, 40)} {prose(3, 10)} {prose(2, 40)}", "gopher_repeated_10_grams"),
        (f"{prose(1, 200)} {prose(2, 40)} {prose(3, 10)} {prose(2, 20)}", None),
    ],
)
def test_each_rule_of_gophers_on_repetition_has_its_reason(text: str, reason: str | None) -> None:
    given = [prose(8), text, prose(9)]
    assert gopher(Texts(given), GopherSettings(max_top_3_grams=1, max_top_4_grams=1)) == [None, reason, None]


def test_thresholds_are_settings() -> None:
    assert gopher(Texts(["the tide of May"]), GopherSettings(min_words=4)) == ["gopher_top_2_grams"]
    assert gopher(Texts(["the tide of May"]), GopherSettings(min_words=4, **NOT_REPEATED)) == [None]


def top_by_definition(words: Sequence[str], size: int) -> int:
    """Characters, with spaces between words, of the most frequent run; of several, of the one that comes first."""
    runs = Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
    if not runs:
        return 0
    most = max(runs.values())
    first = next(run for run in runs if runs[run] == most)
    return len(" ".join(first)) * most


def repeated_by_definition(words: Sequence[str], size: int) -> int:
    """Characters of runs that came before, read from left to right, each after the end of the one counted last."""
    seen, total, at = set(), 0, 0
    while at + size <= len(words):
        run = tuple(words[at : at + size])
        total += len("".join(run)) if run in seen else 0
        at += size if run in seen else 1
        seen.add(run)
    return total


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(["a", "bb", "c\u00e9c", "d-d", "\u4e2d"]), max_size=60), max_size=6))
def test_repetition_is_what_going_through_every_run_finds(documents: list[list[str]]) -> None:
    texts = Texts([" ".join(words) for words in documents])
    for share in (0.1, 0.3):
        found = dict(
            repetition(
                texts.words, texts.lengths, max_top=lambda _, most=share: most, max_repeated=lambda _, m=share: m
            )
        )
        for name, by_definition, sizes in (
            ("top", top_by_definition, TOP_SIZES),
            ("repeated", repeated_by_definition, REPEATED_SIZES),
        ):
            for size in sizes:
                expected = [
                    by_definition(words, size) > share * len(text) for words, text in zip(documents, texts, strict=True)
                ]
                assert found[f"{name}_{size}_grams"].tolist() == expected


def test_what_is_said_of_a_text_does_not_depend_on_those_beside_it() -> None:
    texts = ["", prose(1), "x", f"{prose(2)}\n" * 3, "  ", prose(3, 300), "\u3000", "b " * 90]
    for rules in (
        lambda given: gopher(given, GopherSettings(min_words=0, min_stop_words=0)),
        lambda given: fineweb(given, FinewebSettings()),
        lambda given: mathematics(given, MathematicsSettings()),
    ):
        assert rules(Texts(texts)) == [reason for text in texts for reason in rules(Texts([text]))]
        assert rules(Texts(texts[::-1])) == rules(Texts(texts))[::-1]


def test_words_are_what_python_splits_at() -> None:
    texts = ["", " a\u00a0b ", "\x1cc\u2028d\x85", "e\u200bf", "g"]
    words = Texts(texts).words
    assert words.counts.tolist() == [len(text.split()) for text in texts]
    assert [words.vocabulary[number].as_py() for number in words.numbers.tolist()] == " ".join(texts).split()


def test_some_of_the_texts_keep_their_words() -> None:
    texts = Texts(["one two", "", "three", "one"])
    assert len(texts.words.numbers) == 4
    some = texts.take([0, 3])
    assert list(some) == ["one two", "one"]
    assert some.words.counts.tolist() == [2, 1]
    assert np.array_equal(some.words.totals(some.words.lengths), [6, 3])


LINES = {
    "The gates open at noon, and close again at four.": None,
    "Ships wait outside until then [3] for the water.": None,
    "Home | Tides | Contact us": "no_end_mark",
    "It goes on and on and on...": "no_end_mark",
    "Read more.": "few_words",
    f"See {'x' * 1001} for all of the details.": "long_word",
    "Please switch on JavaScript to see this map.": "javascript",
    "By reading on you accept our use of cookies.": "policy",
    'She said: "Nobody has seen the third lock."': None,
}


def test_c4_takes_out_lines_that_are_no_sentences_and_counts_them_by_what_they_lack() -> None:
    found = c4("\n".join(LINES), C4Settings())
    assert found.text.splitlines() == [line.replace(" [3]", " ") for line, reason in LINES.items() if reason is None]
    assert found.lines == Counter(reason for reason in LINES.values() if reason)
    assert found.reason is None


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("\n".join(list(LINES)[:2]), {}, "c4_few_sentences"),
        ("\n".join(list(LINES)[:2]), {"min_sentences": 2}, None),
        ("\n".join([*LINES, "Lorem Ipsum dolor"]), {}, "c4_placeholder"),
        ("\n".join([*LINES, "a = {"]), {}, "c4_braces"),
        ("\n".join([*LINES, "a = {"]), {"without_braces": False}, None),
        ("", {}, "c4_few_sentences"),
    ],
)
def test_c4_drops_pages_of_which_little_is_left(text: str, changes: dict[str, object], reason: str | None) -> None:
    found = c4(text, C4Settings(**changes))
    assert found.reason == reason
    assert reason is None or found.text == text


def test_sentences_end_where_their_marks_do() -> None:
    assert count_sentences("It is 3.5 m deep. Is it? Yes!") == 3
    assert count_sentences('"Wait." They did (for an hour.) And left') == 2
    assert count_sentences("水位は高い。船は待つ。") == 2
    assert count_sentences("no mark at all") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{prose(1, 30)}.\n{prose(2, 30)}.", None),
        (" \n\n", "fineweb_empty"),
        ("\n".join(prose(seed, 10) for seed in range(20)), "fineweb_few_ended_lines"),
        ("\n".join([*(f"Lock {seed}." for seed in range(20)), prose(1)]), "fineweb_short_lines"),
        ("\n".join([f"{prose(1, 9)}.", f"{prose(2, 90)}.", f"{prose(1, 9)}."]), "fineweb_repeated_lines"),
        ("\n".join([f"{prose(1, 9)}.", *[""] * 40, f"{prose(2, 9)}."]), "fineweb_list"),
        ("水位は高い。\n" * 1 + "船は待つが、門は正午まで開かないので、みな岸で休んでいる。" * 3, None),
    ],
)
def test_each_rule_of_finewebs_has_its_reason(text: str, reason: str | None) -> None:
    assert fineweb(Texts([text]), FinewebSettings(max_line_ends=0.3 if " " in text else 2)) == [reason]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Every Theorem needs a proof, says the lemma's author.", None),
        ("Matrices aside, vectors, equations and integrals stay.", None),
        (r"We put \frac{1}{2} of it aside and then the rest.", None),
        ("Then x=4 and so on, as one sees.", None),
        ("Since a ≤ b we are done with it.", None),
        (prose(1), "mathematics_absent"),
        ("The author of the proof was late.", "mathematics_absent"),
        ("", "mathematics_absent"),
        ("12 + 34 = 46 1234567 1234567 1234567", "mathematics_digits"),
    ],
)
def test_mathematics_is_told_by_formulas_or_by_its_words(text: str, reason: str | None) -> None:
    assert mathematics(Texts([text]), MathematicsSettings()) == [reason]


def screened(documents: Sequence[Document], **given: object) -> list[tuple[Document, str | None]]:
    return list(screening(CurationSettings(**given)).screened(documents))


def test_rule_sets_are_asked_in_order_and_each_sees_what_the_ones_before_have_left() -> None:
    menu = "\n".join(f"Lock {number}" for number in range(60))
    page = new_document(f"{menu}\n{prose(1)}.\n{prose(2)}.\n{prose(3)}.", source="web", url="u", metadata={"a": 1})
    assert screened([page], rules=("fineweb", "c4")) == [(page, "fineweb_few_ended_lines")]
    ((left, reason),) = screened([page], rules=("c4", "fineweb"))
    assert reason is None
    assert left == new_document(
        page.text.removeprefix(menu).strip(), source="web", url="u", metadata={"a": 1, "edited_from": page.id}
    )
    screen = screening(CurationSettings(rules=("c4", "fineweb")))
    assert screen.edited(page) == (left, {"lines.removed.no_end_mark": 60})


def test_unfiltered_sources_are_neither_judged_nor_edited_and_without_rules_nobody_is() -> None:
    noisy = new_document("a {", source="noisy", url="u")
    assert screened([noisy], rules=("gopher", "c4"), unfiltered=("noisy",)) == [(noisy, None)]
    assert screened([noisy], rules=()) == [(noisy, None)]


def test_a_rule_set_is_named_once() -> None:
    with pytest.raises(ValueError, match="expected each rule set once, got c4, c4"):
        CurationSettings(rules=("c4", "c4"))
