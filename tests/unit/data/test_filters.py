from octo.data.filters import first_broken, low_alphabetic, quality_rules, repetitive, too_short
from octo.settings.curation import CurationSettings

PROSE = " ".join(f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" * 3)


def test_a_document_with_as_many_words_as_asked_is_long_enough() -> None:
    assert too_short("one two\nthree", min_words=4)
    assert not too_short("one two\nthree four", min_words=4)
    assert not too_short("", min_words=0)


def test_words_without_a_letter_are_counted_against_a_document() -> None:
    assert not low_alphabetic("sum of 2 3", min_share=0.5)
    assert low_alphabetic("sum 1 2 3", min_share=0.5)
    assert not low_alphabetic("x_1 2π", min_share=1.0)
    assert low_alphabetic("__12__ a1 1a (b) -", min_share=0.61)
    assert not low_alphabetic("__12__ a1 1a (b) -", min_share=0.6)


def test_a_million_digits_without_a_space_are_one_word_without_a_letter() -> None:
    assert low_alphabetic("7" * 1_000_000, min_share=0.5)
    assert not low_alphabetic("7" * 1_000_000 + "x", min_share=1.0)


def test_characters_in_repeated_lines_are_counted_but_their_first_occurrence_is_not() -> None:
    assert not repetitive("ab\n  ab\n\n\ncd\ncd", max_share=0.5)
    assert repetitive("ab\nab\nab", max_share=0.5)
    assert not repetitive("\n\n\n", max_share=0.0)


def test_the_first_rule_that_breaks_gives_the_reason() -> None:
    rules = quality_rules(CurationSettings())
    assert list(rules) == ["too_short", "low_alphabetic", "repetitive"]
    assert first_broken("1 2 3", rules) == "too_short"
    assert first_broken("1 2 3 " * 30, rules) == "low_alphabetic"
    assert first_broken(f"{PROSE}\n{PROSE}", rules) == "repetitive"
    assert first_broken(PROSE, rules) is None
