from hypothesis import given
from hypothesis import strategies as st

from octo.data.decontamination import Benchmark, tokens_of

LONG = "If Alice has seven apples and gives three of them to Bob, how many apples are then left for Alice to eat?"
WORDS = st.lists(st.sampled_from(["a", "b", "c", "12", "+"]), min_size=1, max_size=12)


def test_tokens_are_words_whole_numbers_and_signs() -> None:
    assert tokens_of("What is 12+34?  ÉTÉ_x") == ["what", "is", "12", "+", "34", "été", "x"]


def test_a_planted_question_is_found_exact_and_embedded() -> None:
    benchmark = Benchmark([LONG, "12+34="], ngram=13)
    for question in (LONG, "12+34="):
        assert benchmark.overlap(question)
        assert benchmark.overlap(f"Some text before.\n{question} And some after.")
    assert benchmark.overlap("see 12  +  34 = 46") == "12 + 34 ="


def test_a_part_of_a_long_question_is_enough_when_it_has_the_stated_tokens() -> None:
    benchmark = Benchmark([LONG], ngram=13)
    words = LONG.split()
    assert benchmark.overlap(" ".join(words[3:16]))
    assert benchmark.overlap(" ".join(words[3:15])) is None


def test_a_short_question_must_appear_whole_and_with_its_own_numbers() -> None:
    benchmark = Benchmark(["12+34="], ngram=13)
    for text in ("12+34", "512+34=", "12+345=", "12-34=", "34+12=", "12 and 34"):
        assert benchmark.overlap(text) is None


def test_without_questions_nothing_is_contaminated() -> None:
    assert Benchmark([], ngram=13).overlap(LONG) is None
    assert Benchmark(["?!"], ngram=13).overlap("?!") is None


@given(st.lists(WORDS, max_size=4), WORDS, st.integers(min_value=1, max_value=5))
def test_the_index_finds_what_comparing_every_run_finds(
    questions: list[list[str]], text: list[str], ngram: int
) -> None:
    def runs(tokens: list[str], length: int) -> set[tuple[str, ...]]:
        return {tuple(tokens[start : start + length]) for start in range(len(tokens) - length + 1)}

    wanted = {gram for question in questions for gram in runs(question, min(ngram, len(question)))}
    expected = any(gram in runs(text, len(gram)) for gram in wanted)
    found = Benchmark(map(" ".join, questions), ngram=ngram).overlap(" ".join(text))
    assert (found is not None) == expected
