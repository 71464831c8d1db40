"""Problems as an evaluation or a trainer reads them: a question and its answer."""

import json
from dataclasses import dataclass

from octo.data.code_problems import CodeProblem, problem_of
from octo.data.documents import read_columns
from octo.errors import InputError, UsageError
from octo.storage.artifacts import Artifact


@dataclass(frozen=True)
class Question:
    """What a model is asked, up to where its completion starts, and the true answer."""

    id: str
    text: str
    answer: str
    code: CodeProblem | None = None
    """What a program must do, where a program is what is asked for."""


def read_questions(artifact: Artifact, *, source: str) -> list[Question]:
    """The questions of one source of an ingestion artifact, in the order of their ids.

    Raises:
        UsageError: the artifact has no such source.
        InputError: its documents are no problems, or one is a code problem without a test that may score.
    """
    questions = []
    sources = set()
    for part in artifact.parts("documents.parquet"):
        for document, label, metadata in read_columns(artifact.read(part), ("id", "source", "metadata")):
            sources.add(label)
            if label == source:
                fields = json.loads(metadata)
                if not {"question", "answer"} <= fields.keys():
                    raise InputError(f"document {document} of source {source!r} has no question and answer")
                questions.append(
                    Question(document, fields["question"], _text(fields["answer"]), _code(fields, document=document))
                )
    if not questions:
        raise UsageError(
            f"{artifact.address} has no problems of source {source!r}; it has {', '.join(sorted(sources))}"
        )
    return sorted(questions, key=lambda question: question.id)


def _code(fields: dict[str, object], *, document: str) -> CodeProblem | None:
    try:
        return problem_of(fields)
    except InputError as error:
        raise InputError(f"document {document} is no code problem: {error}") from None


def _text(answer: object) -> str:
    """An answer as it is written; files have numbers that are none of text, too."""
    return answer if isinstance(answer, str) else json.dumps(answer)
