"""The refinement job: a language model writes each document anew; what loses its substance is dropped, or as it was."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from octo.data.documents import Document, new_document, read_documents, writing
from octo.data.rewriting import Comparison, failure, without_own_words
from octo.errors import InvariantError
from octo.job import Job
from octo.llm.accounts import Accounts, check_share
from octo.llm.asking import asking
from octo.llm.chat import Answer, Refusal
from octo.llm.serving import serve
from octo.settings.endpoint import SERVER
from octo.settings.refinement import RefinementSettings
from octo.storage.artifacts import IndexResult

DOCUMENTS, FAILED = "documents.parquet", "failed.parquet"
TOO_LARGE, REFUSED, CUT = "too_large", "refused", "cut"
"""Why there is no new text: it was not asked for, the service gave none, or it was cut at its longest."""
ORIGINAL = "original"
"""Of a rewritten document's metadata: the id, the artifact and the index of the one that it was."""
EXCERPT_CHARACTERS = 200


class Failed(NamedTuple):
    """A document that has no new text that could stand for it."""

    id: str
    source: str
    url: str
    reason: str
    excerpt: str
    """Of the document."""
    answer: str
    """Of the answer, its beginning."""


class _Outcome(NamedTuple):
    reason: str
    """Empty where there is a new text."""
    text: str
    """The new text, or what was said in its place."""


def refine(job: Job[RefinementSettings]) -> None:
    """Write the documents of every shard anew, an index each; as a pod beside the fleet, serve the model."""
    if job.settings.role == SERVER:
        serve(job)
    job.each(refine_shard, range(len(job.input("documents").parts("documents.parquet"))))


def refine_shard(job: Job[RefinementSettings], index: int) -> IndexResult:
    """The rewritten documents of one shard, in their order, and those that failed."""
    settings, accounts, counts, example = job.settings, Accounts(), Counter[str](), ""
    folder = job.scratch / f"shard-{index}"
    folder.mkdir()

    def text_of(document: Document) -> str | None:
        is_asked = document.source not in settings.untouched and len(document.text) <= settings.max_document_characters
        return document.text if is_asked else None

    with (
        writing(folder / DOCUMENTS, Document) as kept,
        writing(folder / FAILED, Failed) as failed,
        asking(job) as asker,
    ):
        answers = asker.answers(_read(job, index), instructions=settings.told, text_of=text_of, seed=settings.seed)
        for document, answer in answers:
            counts["documents.in"] += 1
            if document.source in settings.untouched:
                counts["documents.untouched"] += 1
                kept.write(document)
                continue
            reason, text = _outcome(document, answer, settings, accounts, counts)
            if not reason:
                counts["documents.refined"] += 1
                kept.write(_traced(job, index, document, text))
                continue
            example = example or f"{document.url or document.id} is {reason}: {text[:EXCERPT_CHARACTERS]}"
            excerpts = document.text[:EXCERPT_CHARACTERS], text[:EXCERPT_CHARACTERS]
            failed.write(Failed(document.id, document.source, document.url, reason, *excerpts))
            if settings.on_failure == "keep":
                kept.write(document)
            counts[f"documents.{'unrefined' if settings.on_failure == 'keep' else 'dropped'}.{reason}"] += 1
    num_asked = counts["documents.refined"] + failed.num_rows
    if counts["documents.in"] != counts["documents.untouched"] + num_asked:
        raise InvariantError(f"documents in are not those that were refined, failed or passed: {dict(counts)}")
    check_share(failed.num_rows, num_asked, most=settings.max_unanswered_share, example=example)
    return IndexResult(
        parts={DOCUMENTS: folder / DOCUMENTS, FAILED: folder / FAILED},
        rows={DOCUMENTS: kept.num_rows, FAILED: failed.num_rows},
        counters={"documents.in": 0, "documents.kept": kept.num_rows, **counts, **accounts.counts},
    )


def _read(job: Job[RefinementSettings], index: int) -> Iterator[Document]:
    documents = job.input("documents")
    return read_documents(documents.read(documents.parts("documents.parquet")[index]))


def _outcome(
    document: Document,
    answer: Answer | Refusal | None,
    settings: RefinementSettings,
    accounts: Accounts,
    counts: Counter[str],
) -> _Outcome:
    if answer is None:
        return _Outcome(TOO_LARGE, f"{len(document.text)} characters")
    if isinstance(answer, Refusal):
        return _Outcome(REFUSED, answer.sentence)
    accounts.add(answer)
    if not answer.finished:
        return _Outcome(CUT, answer.text)
    text, had_preface = without_own_words(answer.text, original=document.text)
    counts["prefaces.removed"] += had_preface
    found = Comparison(document.text, text)
    if reason := failure(found, settings.guards):
        return _Outcome(reason, answer.text)
    for what, (number, kept) in (("formulas", found.formulas), ("numbers", found.numbers)):
        counts[f"{what}.in"] += number
        counts[f"{what}.kept"] += kept
    counts["characters.in"] += len(document.text)
    counts["characters.out"] += len(text)
    return _Outcome("", text)


def _traced(job: Job[RefinementSettings], index: int, document: Document, text: str) -> Document:
    """The new document, which names the one that it was: by its id, and by its artifact's key, as in every store."""
    artifact = "/".join(job.input("documents").address.split("/")[-2:])
    metadata = json.loads(document.metadata)
    metadata[ORIGINAL] = {"id": document.id, "artifact": artifact, "index": index}
    return new_document(text, source=document.source, url=document.url, date=document.date, metadata=metadata)
