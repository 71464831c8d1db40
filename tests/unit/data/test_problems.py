import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.decontamination import Benchmark
from octo.data.documents import Document
from octo.data.problems import KINDS, generate, partition_of, problem, solution
from octo.errors import InputError, UsageError
from octo.settings.source_options import ARITHMETIC_KINDS, ArithmeticOptions, parse_arithmetic_options

operands = st.integers(min_value=10, max_value=99)


def last_number(text: str) -> str:
    return re.findall(r"\d+", text)[-1]


def pairs(what: str, count: int) -> set[tuple[int, int]]:
    documents = generate(what, ArithmeticOptions(count), label="x", seed=0)
    return {tuple(sorted(map(int, document.text.partition("=")[0].split("+")))) for document in documents}


@given(operands, operands, st.sampled_from(["noisy", "short", "long"]))
def test_the_last_number_of_a_solution_is_the_sum(a: int, b: int, style: str) -> None:
    assert last_number(solution(problem(a, b), style)) == str(a + b)


@given(operands, operands, st.sampled_from(["noisy", "short", "long"]))
def test_who_forgets_the_carry_is_right_only_where_there_is_none(a: int, b: int, style: str) -> None:
    claimed = last_number(solution(problem(a, b), style, forgets=True))
    assert (claimed == str(a + b)) == (a % 10 + b % 10 < 10)


def test_a_forgotten_carry_leaves_every_column_to_itself() -> None:
    assert solution(problem(47, 85), "noisy", forgets=True) == "122"
    assert solution(problem(47, 85), "noisy") == "132"


def test_a_long_solution_is_longer_than_a_short_one() -> None:
    lengths = [len(solution(problem(47, 85), style)) for style in ("noisy", "short", "long")]
    assert lengths == sorted(set(lengths))


@given(operands, operands, st.integers())
def test_a_pair_and_its_mirror_image_are_in_the_same_part(a: int, b: int, seed: int) -> None:
    assert partition_of(a, b, seed=seed) == partition_of(b, a, seed=seed)


def test_evaluation_validation_and_training_share_no_pair() -> None:
    evaluation, validation, prompts = pairs("evaluation", 300), pairs("validation", 100), pairs("prompts", 1000)
    noisy = pairs("noisy", 1000)
    assert not evaluation & validation
    assert not (evaluation | validation) & (prompts | noisy)
    assert (len(evaluation), len(validation), len(prompts)) == (300, 100, 1000)


@pytest.mark.parametrize("what", KINDS)
def test_a_document_does_not_depend_on_how_many_are_asked_for(what: str) -> None:
    few = list(generate(what, ArithmeticOptions(20, forget=0.5), label="x", seed=3))
    many = list(generate(what, ArithmeticOptions(50, forget=0.5), label="x", seed=3))
    assert many[:20] == few
    assert list(generate(what, ArithmeticOptions(20, forget=0.5), label="x", seed=4)) != few


def test_the_stated_share_of_solutions_forgets_and_says_so() -> None:
    documents = list(generate("noisy", ArithmeticOptions(500, forget=0.7), label="x", seed=0))
    assert 300 < sum('"forgets_carry": true' in document.metadata for document in documents) < 400


def test_no_evaluation_question_stands_in_a_training_document() -> None:
    benchmark = Benchmark((document.text.partition("=")[0] + "=" for document in evaluation_documents()), ngram=13)
    for what in ("noisy", "short", "long", "prompts"):
        for document in generate(what, ArithmeticOptions(500, forget=0.5), label=what, seed=0):
            assert benchmark.overlap(document.text) is None


def evaluation_documents() -> list[Document]:
    return list(generate("evaluation", ArithmeticOptions(300), label="evaluation", seed=0))


def test_asking_for_more_different_problems_than_there_are_says_how_many_there_are() -> None:
    with pytest.raises(
        InputError, match=r"evaluation has only \d+ different problems with 1-digit operands, asked for 500"
    ):
        list(generate("evaluation", ArithmeticOptions(500, digits=1), label="x", seed=0))


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("division", {"count": "1"}, "KIND one of noisy"),
        ("noisy", {}, "count=2000"),
        ("noisy", {"count": "many"}, "count=2000"),
        ("noisy", {"count": "0"}, "count of 1 or more"),
        ("noisy", {"count": "1", "lowest": "7", "highest": "3"}, "lowest and highest of 0 to 9 in that order"),
        ("noisy", {"count": "1", "second": "16"}, "second of 1 to 15"),
        ("noisy", {"count": "1", "digit": "2"}, "takes count, digits, forget, highest, lowest, second, got 'digit'"),
    ],
)
def test_bad_options_are_named_with_the_remedy(what: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_arithmetic_options(what, options)


def test_the_kinds_that_may_be_named_are_those_that_are_made() -> None:
    assert set(ARITHMETIC_KINDS) == set(KINDS)


FEW_DIGITS = ArithmeticOptions(60, digits=3, second=2, lowest=3, highest=7)


def test_operands_may_differ_in_length_and_be_of_few_digits() -> None:
    asked = [pair for what in ("evaluation", "validation", "prompts") for pair in questions(what, FEW_DIGITS)]
    assert len(set(asked)) == 180, "the parts share no pair"
    assert {len(a) for a, _ in asked} == {3}
    assert {len(b) for _, b in asked} == {2}
    assert set("".join(a + b for a, b in asked)) == set("34567")
    (document,) = generate("short", ArithmeticOptions(1, digits=3, second=2, lowest=3, highest=7), label="x", seed=0)
    question, _, solved = document.text.partition("=")
    assert solved.endswith(f":{sum(map(int, question.split('+')))}")


def questions(what: str, options: ArithmeticOptions) -> list[tuple[str, str]]:
    asked = [document.text.partition("=")[0].split("+") for document in generate(what, options, label="x", seed=0)]
    return [(a, b) for a, b in asked]


def test_no_number_begins_with_a_zero_and_all_digits_come_where_none_are_named() -> None:
    asked = questions("noisy", ArithmeticOptions(500, digits=2, second=3))
    assert not [operand for pair in asked for operand in pair if operand.startswith("0")]
    assert set("".join(a + b for a, b in asked)) == set("0123456789")
