import pytest

from octo.data.documents import Document, new_document, to_parquet
from octo.data.practice import Practice, read_practice
from octo.errors import InputError, UsageError
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

ASKED = "A ferry takes seventeen carts and makes four crossings before noon: how many carts is that?"
OTHER = "Every one of the twelve looms uses three spools a day: how many spools does a week take?"


def problem(question: str, *, source: str, answer: str = "68") -> Document:
    return new_document(question, source=source, url=question[:9], metadata={"question": question, "answer": answer})


def problems(store: Store, *others: Document) -> Artifact:
    documents = [problem(ASKED, source="evaluation"), *others]
    return commit(store, [{"documents.parquet": to_parquet(documents, Document)}])


def practised(artifact: Artifact, benchmarks: tuple[Artifact, ...], **settings: object) -> Practice:
    return read_practice(artifact, source="prompts", benchmarks=benchmarks, settings=RlSettings(**settings))


def test_problems_that_hold_a_benchmarks_question_are_not_practised_on(store: Store) -> None:
    artifact = problems(
        store,
        problem(OTHER, source="prompts"),
        problem(f"> {ASKED.upper()}", source="prompts"),
        problem("Say it again.", source="prompts", answer=f"**{ASKED}**"),
    )
    found = practised(artifact, (artifact,), not_benchmarks=("prompts",))
    assert [question.text for question in found.questions] == [OTHER]
    assert found.counters() == {
        "problems.contaminated": 2,
        "questions.looked_for": 1,
        "questions.not_protected": 0,
    }
    assert found.statement.sentence.startswith(
        "Looked in these problems for 1 question (1 of evaluation) of ingestion/"
    )


def test_without_a_benchmark_the_artifact_says_so(store: Store) -> None:
    artifact = problems(store, problem(OTHER, source="prompts"))
    found = practised(artifact, ())
    assert len(found.questions) == 1
    assert found.statement.sentence == "No benchmark was looked for in these problems: none was given"
    waived = practised(artifact, (), without_benchmarks="a trial of the machine")
    assert waived.statement.sentence.endswith(": a trial of the machine")


def test_a_source_that_nobody_names_is_refused_here_too(store: Store) -> None:
    artifact = problems(store, problem(OTHER, source="prompts"))
    with pytest.raises(UsageError, match="holds documents of prompts, which nobody names"):
        practised(artifact, (artifact,))


def test_where_nothing_is_left_to_practise_on_nothing_is_practised(store: Store) -> None:
    artifact = problems(store, problem(f"{ASKED} Quickly!", source="prompts"))
    with pytest.raises(InputError, match=r"every one of the 1 problems of source 'prompts' .* holds a question of the"):
        practised(artifact, (artifact,), not_benchmarks=("prompts",))
