"""The questions that nothing learned from may contain: read from benchmarks, with what is not looked for and why.

No absence is taken for clean: a benchmark without a question, a source that nobody names and a name that does not exist
are errors, and a question that cannot be told from a phrase is listed.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from octo.data.canaries import Canary, plant
from octo.data.decontamination import Benchmark, why_unprotected
from octo.data.documents import read_columns
from octo.errors import InputError, UsageError
from octo.lineage import key_of
from octo.settings.benchmarks import BenchmarkSettings
from octo.storage.artifacts import Artifact

STATEMENT = "decontamination.json"
"""The part of an artifact that says what was looked for."""
EXCERPT_CHARACTERS = 200


class Unprotected(BaseModel):
    """A question that is not looked for."""

    model_config = ConfigDict(frozen=True)

    id: str
    source: str
    question: str
    """At most its first 200 characters."""
    reason: str


class Statement(BaseModel):
    """What was looked for in documents, and what was not, for the artifact and the report."""

    model_config = ConfigDict(frozen=True)

    sentence: str
    benchmarks: tuple[str, ...] = ()
    """<job>/<digest> of each."""
    looked_for: dict[str, int] = {}
    """Questions by source."""
    not_protected: tuple[Unprotected, ...] = ()
    set_aside: dict[str, int] = {}
    """Documents by source that no model is judged by, by somebody's choice."""
    canaries: tuple[Canary, ...] = ()
    """How copies of questions fared that were planted, by kind."""

    def written(self) -> bytes:
        """As a part of an artifact."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False).encode()

    def counters(self) -> dict[str, int]:
        """For a manifest."""
        return {
            "questions.looked_for": sum(self.looked_for.values()),
            "questions.not_protected": len(self.not_protected),
        }


class Questions(BaseModel):
    """The questions to look for, and what is to be said of them."""

    model_config = ConfigDict(frozen=True)

    questions: tuple[str, ...]
    statement: Statement

    def gate(self, *, ngram: int, least_recall: Mapping[str, float]) -> "Gate":
        """Ready to be looked for, and tried on planted copies; InputError where too few of these are found."""
        benchmark = Benchmark(self.questions, ngram=ngram)
        canaries = plant(self.questions, benchmark, ngram=ngram, least_recall=least_recall)
        return Gate(benchmark, self.statement.model_copy(update={"canaries": canaries}))


class Gate(NamedTuple):
    """What keeps questions out, and what is to be said of it."""

    benchmark: Benchmark
    statement: Statement


def read_questions(benchmarks: Sequence[Artifact], settings: BenchmarkSettings, *, what: str) -> Questions:
    """The questions of every problem in the benchmarks.

    Args:
        benchmarks: none only where the settings say why.
        settings: which of their sources hold problems.
        what: what the questions are looked for in, for the statement, such as `documents`.

    Raises:
        UsageError: there is no benchmark and no reason for that; a source is named by nobody; a name is no source.
        InputError: a benchmark has no question that can be looked for.
    """
    if not benchmarks:
        return Questions(questions=(), statement=waived(settings, what=what))
    questions: list[str] = []
    unprotected: list[Unprotected] = []
    looked_for, set_aside = Counter[str](), Counter[str]()
    for artifact in benchmarks:
        here, sources = Counter[str](), Counter[str]()
        for part in artifact.parts("documents.parquet"):
            rows = read_columns(artifact.read(part), ("id", "source", "text", "metadata"))
            for document, source, text, metadata in rows:
                sources[source] += 1
                if not is_benchmark(source, settings):
                    continue
                question = question_of(text, metadata)
                if reason := why_unprotected(question, least_words=settings.min_question_words):
                    excerpt = question[:EXCERPT_CHARACTERS]
                    unprotected.append(Unprotected(id=document, source=source, question=excerpt, reason=reason))
                else:
                    here[source] += 1
                    questions.append(question)
        _check_sources(artifact, sources, settings)
        _check_questions(artifact, sources.keys() - here.keys(), unprotected)
        looked_for.update(here)
        set_aside.update({source: count for source, count in sources.items() if not is_benchmark(source, settings)})
    _check_names(benchmarks, looked_for, unprotected, set_aside, settings)
    keys = tuple(key_of(artifact.address) for artifact in benchmarks)
    return Questions(
        questions=tuple(questions),
        statement=Statement(
            sentence=_sentence(looked_for, len(unprotected), set_aside, keys, what=what),
            benchmarks=keys,
            looked_for=dict(sorted(looked_for.items())),
            not_protected=tuple(unprotected),
            set_aside=dict(sorted(set_aside.items())),
        ),
    )


def waived(settings: BenchmarkSettings, *, what: str) -> Statement:
    """What is said where no benchmark is given; UsageError where nobody has said why."""
    if lacking := settings.lacking_benchmarks():
        raise UsageError(lacking)
    return Statement(sentence=f"No benchmark was looked for in these {what}: {settings.without_benchmarks}")


def statement_of(artifact: Artifact) -> str:
    """What an artifact says of the benchmarks that were looked for in it."""
    if not artifact.parts(STATEMENT):
        return "Nothing says which benchmarks were looked for in these documents: they were curated by an earlier octo."
    try:
        return Statement.model_validate_json(artifact.read_one(STATEMENT)).sentence
    except ValidationError:
        return "Nothing says which benchmarks were looked for in these documents: what it was said by cannot be read."


def is_benchmark(source: str, settings: BenchmarkSettings) -> bool:
    """Whether a source of a benchmark holds problems that models are judged by."""
    return source not in settings.not_benchmarks and (
        not settings.benchmark_sources or source in settings.benchmark_sources
    )


def question_of(text: str, metadata: str) -> str:
    """A problem's question: what its metadata says, else its whole text. Empty where it says that there is none."""
    fields = json.loads(metadata)
    if "question" not in fields:
        return text
    question = fields["question"]
    return question if isinstance(question, str) else ""


def learned(text: str, metadata: str) -> str:
    """All that a model may learn of a document: its text, and a question and an answer that its text lacks."""
    if '"question"' not in metadata:
        return text
    fields = json.loads(metadata)
    others = (fields.get(name) for name in ("question", "answer"))
    return "\n\n".join([text, *(each for each in others if isinstance(each, str) and each not in text)])


def _check_sources(artifact: Artifact, sources: Mapping[str, int], settings: BenchmarkSettings) -> None:
    if not any(is_benchmark(source, settings) for source in sources):
        raise InputError(
            f"{artifact.address} has no document of the sources {', '.join(settings.benchmark_sources) or 'left'}: "
            f"name those that hold problems with --benchmark-sources; it has {', '.join(sorted(sources)) or 'none'}"
        )
    unnamed = sorted(
        source for source in sources if not is_benchmark(source, settings) and source not in settings.not_benchmarks
    )
    if unnamed:
        raise UsageError(
            f"{artifact.address} holds documents of {', '.join(unnamed)}, which nobody names: name what models are "
            "judged by with --benchmark-sources, and the others with --not-benchmarks"
        )


def _check_questions(artifact: Artifact, sources: Collection[str], unprotected: Iterable[Unprotected]) -> None:
    """InputError where a source of an artifact has only questions that cannot be looked for."""
    first = next((each for each in unprotected if each.source in sources), None)
    if first:
        raise InputError(
            f"{artifact.address} has no question of {first.source} that can be looked for: of {first.question[:60]!r}, "
            f"{first.reason}; bring its questions (a record's field `question`, or its text), or lower "
            "--min-question-words"
        )


def _check_names(
    benchmarks: Sequence[Artifact],
    looked_for: Mapping[str, int],
    unprotected: Iterable[Unprotected],
    set_aside: Mapping[str, int],
    settings: BenchmarkSettings,
) -> None:
    there = {*looked_for, *set_aside, *(each.source for each in unprotected)}
    for flag, names in (
        ("--benchmark-sources", settings.benchmark_sources),
        ("--not-benchmarks", settings.not_benchmarks),
    ):
        if missing := sorted(set(names) - there):
            raise UsageError(
                f"{flag}: no benchmark has a source {missing[0]!r}; there is {', '.join(sorted(there))} in "
                f"{', '.join(artifact.address for artifact in benchmarks)}"
            )


def _sentence(
    looked_for: Mapping[str, int], num_unprotected: int, set_aside: Mapping[str, int], keys: Sequence[str], *, what: str
) -> str:
    by_source = ", ".join(f"{count} of {source}" for source, count in sorted(looked_for.items()))
    total = sum(looked_for.values())
    said = f"Looked in these {what} for {total} {'question' if total == 1 else 'questions'} ({by_source}) of "
    said += f"{', '.join(keys)}."
    if num_unprotected:
        all_of_them = total + num_unprotected
        said += (
            f" {num_unprotected} of {all_of_them} questions are not protected: they are too short to be told from a "
            "phrase."
        )
    if set_aside:
        said += f" Not looked for, as no model is judged by them: {', '.join(sorted(set_aside))}."
    return said
