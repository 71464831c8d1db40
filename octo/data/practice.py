"""Problems and examples that a model learns from one by one: those alone that hold no question of a benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from octo.data.benchmarks import Statement, read_questions
from octo.data.questions import Question
from octo.data.questions import read_questions as read_problems
from octo.errors import InputError
from octo.settings.benchmarks import BenchmarkSettings
from octo.storage.artifacts import Artifact


@dataclass(frozen=True)
class Practice:
    """What may be learned from, and what was looked for in it."""

    questions: Sequence[Question]
    num_contaminated: int
    """Left out, as they hold a benchmark's question."""
    statement: Statement
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many others were left out, by reason."""

    def counters(self) -> dict[str, int]:
        """For a manifest."""
        left_out = {f"problems.{reason}": count for reason, count in self.left_out.items()}
        return {"problems.contaminated": self.num_contaminated, **left_out, **self.statement.counters()}


def read_practice(
    artifact: Artifact, *, source: str, benchmarks: Sequence[Artifact], settings: BenchmarkSettings
) -> Practice:
    """The questions of one source that hold none of the benchmarks', in the order of their ids.

    Some 50 microseconds a question, on every rank: ten seconds for 200,000.

    Raises:
        UsageError: see octo.data.questions.read_questions and octo.data.benchmarks.read_questions.
        InputError: likewise, or every question is one of the benchmarks'.
    """
    questions = read_problems(artifact, source=source)
    if not benchmarks:
        why = settings.without_benchmarks or "none was given"
        return Practice(questions, 0, Statement(sentence=f"No benchmark was looked for in these problems: {why}"))
    asked = read_questions(benchmarks, settings, what="problems")
    gate = asked.gate(ngram=settings.ngram, least_recall=settings.canary_recall)
    shared = gate.benchmark.overlaps(f"{question.text}\n\n{question.answer}" for question in questions)
    kept = [question for question, found in zip(questions, shared, strict=True) if found is None]
    if not kept:
        raise InputError(
            f"every one of the {len(questions)} problems of source {source!r} in {artifact.address} holds a "
            "question of the benchmarks: practise on others"
        )
    return Practice(kept, len(questions) - len(kept), gate.statement)
