"""Benchmarks that are no good, or mean harm: what is held of them, and what a text costs, stay in proportion."""

import time
import tracemalloc

import pytest

from octo.data.benchmarks import read_questions
from octo.data.decontamination import Benchmark, why_unprotected
from octo.data.documents import Document, to_parquet
from octo.errors import InputError
from octo.settings.benchmarks import BenchmarkSettings
from octo.storage.store import Store
from tests.committing import commit
from tests.unit.data.test_disguises import questions

BYTES_HELD_FOR_EACH = 300
"""Of a question's bytes: each is in thirteen runs of words, of which each has as much again of its own."""


def held(*asked: str) -> int:
    tracemalloc.start()
    Benchmark(asked, ngram=13)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(
    "question",
    [
        " ".join(f"word{number}" for number in range(12_000)),
        "x" * 120_000,
        " ".join("y" * 6_000 for _ in range(20)),
        "12+34-" * 20_000,
    ],
)
def test_a_question_of_a_hundred_thousand_characters_is_found_and_holds_memory_in_proportion(question: str) -> None:
    assert held(question) < BYTES_HELD_FOR_EACH * len(question)
    if not why_unprotected(question, least_words=8):
        assert Benchmark([question], ngram=13).overlap(f"Before it. {question} After it.")


def test_equal_questions_are_looked_for_once() -> None:
    [question] = questions(1)
    alike = [question] * 100_000
    assert held(*alike) < 10 * held(question) + 2_000_000
    assert Benchmark(alike, ngram=13).overlap(question)


def test_many_questions_that_begin_alike_cost_a_text_of_their_beginnings_no_more() -> None:
    beginning = "Which of the following statements about the seven old bridges of the town is"
    text = f"{beginning} told. " * 300

    def seconds(num_questions: int) -> float:
        benchmark = Benchmark([f"{beginning} number {number} then?" for number in range(num_questions)], ngram=40)
        began = time.process_time()
        assert benchmark.overlap(text) is None
        return time.process_time() - began

    # A hundred times as many: a hundred times as long if each were compared.
    assert min(seconds(2_000) for _ in range(3)) < 25 * min(seconds(20) for _ in range(3))


def test_a_benchmark_without_a_document_is_an_error(store: Store) -> None:
    empty = commit(store, [{"documents.parquet": to_parquet([], Document)}])
    with pytest.raises(InputError, match=r"has no document of the sources evaluation: .*; it has none"):
        read_questions([empty], BenchmarkSettings(), what="documents")
