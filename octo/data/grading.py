"""The grading job: a language model scores a sample of the documents, by a rubric, from 0 to 5."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from octo.data.documents import Document, Dropped, read_documents, to_parquet
from octo.data.strata import limits_of, place_of, year_of
from octo.errors import InvariantError
from octo.job import Job
from octo.llm.accounts import Accounts, check_share
from octo.llm.asking import asking
from octo.llm.chat import Answer, Refusal
from octo.llm.serving import serve
from octo.settings.endpoint import SERVER
from octo.settings.grading import GradingSettings
from octo.storage.artifacts import IndexResult

GRADED, DROPPED = "graded.parquet", "dropped.parquet"
NO_SCORE, REFUSED, CUT = "no_score", "refused", "cut"
"""Why a document has no score: the answer says none, the service gives none, or the answer was cut before it."""
EXCERPT_CHARACTERS = 200
_MARKER = re.compile(r"final\s+score", re.IGNORECASE)
_NUMBER = r"\W*?(?:\bis\b|\bof\b|\\boxed)?\W*?(?P<sign>-?)(?P<number>\d+(?:\.\d+)?)(?:\s*/\s*(?P<most>\d+))?"
_SCORES = (re.compile(r"\s*\([^()\n]*\)" + _NUMBER), re.compile(r"\s*" + _NUMBER))
"""What follows the marker; first with what is in brackets passed over, as in "Final score (0-5): 4"."""
MOST = 5


class Graded(NamedTuple):
    """A document and its score."""

    id: str
    text: str
    source: str
    url: str
    date: str
    metadata: str
    year: str
    score: str
    """0 to 5."""
    justification: str
    """All that the model said."""
    answered_by: str
    """The model, as its service names it."""


def grade(job: Job[GradingSettings]) -> None:
    """Grade the sampled documents of every shard, an index each; as a pod beside the fleet, serve the model."""
    if job.settings.role == SERVER:
        serve(job)
    indexes = range(len(job.input("documents").parts("documents.parquet")))
    limits = limits_of(job, num_shards=len(indexes)) if job.pending(indexes) else {}
    job.each(partial(grade_shard, limits=limits), indexes)


def grade_shard(job: Job[GradingSettings], index: int, *, limits: Mapping[str, int]) -> IndexResult:
    """The graded documents of one shard, and those that have no score."""
    settings, counts, accounts = job.settings, Counter[str](), Accounts()
    graded: list[Graded] = []
    dropped: list[Dropped] = []
    example = ""
    with asking(job) as asker:
        sampled = _sampled(job, index, limits, counts)
        for document, answer in asker.answers(
            sampled,
            instructions=settings.instructions,
            text_of=lambda document: document.text[: settings.max_document_characters],
            seed=settings.seed,
        ):
            if isinstance(answer, Answer):
                accounts.add(answer)
            score, reason, said = _judged(answer)
            if score is None:
                example = example or f"{document.url or document.id}: {said[-EXCERPT_CHARACTERS:]}"
                dropped.append(Dropped(document.id, document.source, document.url, reason, said[:EXCERPT_CHARACTERS]))
            else:
                year = year_of(document.date)
                counts[f"score.{year}.{score}"] += 1
                by = answer.answered_by if isinstance(answer, Answer) else ""
                graded.append(Graded(*document, year=year, score=str(score), justification=said, answered_by=by))
    total = len(graded) + len(dropped)
    if total != sum(counts[name] for name in counts if name.endswith(".sampled")):
        raise InvariantError(f"{total} of {counts} documents have a verdict")
    check_share(len(dropped), total, most=settings.max_unanswered_share, example=example)
    reasons = Counter(f"documents.dropped.{each.reason}" for each in dropped)
    return IndexResult(
        parts={GRADED: to_parquet(graded, Graded), DROPPED: to_parquet(dropped, Dropped)},
        rows={GRADED: len(graded), DROPPED: len(dropped)},
        counters={"documents.in": total, "documents.kept": len(graded), **reasons, **counts, **accounts.counts},
    )


def read_score(text: str) -> int | None:
    """The score of an answer: the number after its last "final score"; None where that is none of 0 to 5."""
    markers = list(_MARKER.finditer(text))
    if not markers:
        return None
    found = next(filter(None, (pattern.match(text, markers[-1].end()) for pattern in _SCORES)), None)
    if found is None or found["sign"] or int(found["most"] or MOST) != MOST:
        return None
    score = float(found["number"])
    return int(score) if score <= MOST and score.is_integer() else None


def _sampled(
    job: Job[GradingSettings], index: int, limits: Mapping[str, int], counts: Counter[str]
) -> Iterator[Document]:
    documents = job.input("documents")
    for document in read_documents(documents.read(documents.parts("documents.parquet")[index])):
        if document.source in job.settings.untouched:
            continue
        year = year_of(document.date)
        counts[f"year.{year}.documents"] += 1
        if year in limits and place_of(document.id, job.settings.seed) <= limits[year]:
            counts[f"year.{year}.sampled"] += 1
            yield document


def _judged(answer: Answer | Refusal | None) -> tuple[int | None, str, str]:
    """The score, or why there is none; and what was said."""
    if not isinstance(answer, Answer):
        return None, REFUSED, answer.sentence if answer else ""
    score = read_score(answer.text)
    return score, "" if score is not None else NO_SCORE if answer.finished else CUT, answer.text
