import pytest
from pydantic import ValidationError

from octo.data.canaries import KINDS, plant
from octo.data.decontamination import Benchmark
from octo.errors import InputError
from octo.settings.benchmarks import LEAST_RECALL, BenchmarkSettings
from tests.unit.data.test_disguises import formulas, questions

NONE_ASKED_FOR = dict.fromkeys(LEAST_RECALL, 0.0)
FOUND_BY_NO_RUN_OF_WORDS = {"reworded", "numbers_changed"}


def test_every_kind_of_copies_has_a_least_recall_of_its_own() -> None:
    assert list(KINDS) == list(LEAST_RECALL)
    assert len(KINDS) >= 8


def test_copies_of_questions_are_found_and_texts_of_the_same_words_are_not() -> None:
    asked = questions(40)
    found = {each.kind: each for each in plant(asked, Benchmark(asked, ngram=13), ngram=13, least_recall=LEAST_RECALL)}
    for kind in KINDS.keys() - FOUND_BY_NO_RUN_OF_WORDS:
        assert (found[kind].recall, found[kind].precision) == (1.0, 1.0), kind
        assert found[kind].planted == found[kind].clean == 16
    assert found["reworded"].recall == 0.0
    assert found["reworded"].precision is None
    assert found["numbers_changed"].planted == 16


def test_formulas_have_no_copies_of_kinds_that_would_be_other_formulas() -> None:
    asked = formulas(20)
    found = {each.kind: each for each in plant(asked, Benchmark(asked, ngram=13), ngram=13, least_recall=LEAST_RECALL)}
    assert {kind for kind, each in found.items() if each.recall is None} == {
        "first_half",
        "second_half",
        *FOUND_BY_NO_RUN_OF_WORDS,
    }
    assert all(each.recall in {1.0, None} for each in found.values())


def test_which_questions_are_copied_does_not_depend_on_their_order() -> None:
    asked = questions(40)
    benchmark = Benchmark(asked[:20], ngram=13)
    one, other = (
        plant(order, benchmark, ngram=13, least_recall=NONE_ASKED_FOR)
        for order in (asked, [*reversed(asked), asked[0]])
    )
    assert one == other
    assert 0 < one[0].found < one[0].planted


def test_a_gate_that_finds_too_few_copies_is_refused_in_one_sentence() -> None:
    asked = questions(40)
    half = Benchmark(asked[:20], ngram=13)
    with pytest.raises(
        InputError, match=r"of 16 copies .* planted as exact, \d+ were found, less than the share of 0.9"
    ):
        plant(asked, half, ngram=13, least_recall=LEAST_RECALL)
    with pytest.raises(InputError, match=r"planted as reworded, 0 were found, less than the share of 0.5"):
        plant(asked, Benchmark(asked, ngram=13), ngram=13, least_recall={**LEAST_RECALL, "reworded": 0.5})


def test_without_questions_nothing_is_planted() -> None:
    assert plant([], Benchmark([], ngram=13), ngram=13, least_recall=LEAST_RECALL) == ()


def test_a_least_recall_is_named_by_kind_and_the_others_keep_theirs() -> None:
    assert BenchmarkSettings(canary_recall={"tagged": 0.5}).canary_recall == {**LEAST_RECALL, "tagged": 0.5}
    with pytest.raises(ValidationError, match=r"expected a kind of copies, one of exact, .* got 'sung'"):
        BenchmarkSettings(canary_recall={"sung": 0.5})
    with pytest.raises(ValidationError, match=r"expected a share between 0 and 1 for exact, got 1.5"):
        BenchmarkSettings(canary_recall={"exact": 1.5})
