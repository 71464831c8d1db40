"""Documents per CPU second through curation (rules, dedup, decontamination), beside only reading and hashing them."""

import time
from collections.abc import Callable
from hashlib import sha256
from statistics import median

from octo.data.curation import judge
from octo.data.decontamination import Benchmark
from octo.data.dedup import find_duplicates, without_text
from octo.data.documents import Document, new_document, read_documents, to_parquet
from octo.data.problems import generate
from octo.data.python_docs import read_package
from octo.data.screening import screening
from octo.settings.curation import CurationSettings
from octo.settings.source_options import ArithmeticOptions

PACKAGES = ("numpy", "stdlib")
NUM_PROBLEMS = 3_000
ROUNDS = 5


def measure() -> dict[str, float]:
    """Medians of rounds that take turns: `ratio` is the share of the floor's rate that curation reaches."""
    documents, questions = _documents(), [document.text.partition("=")[0] + "=" for document in _evaluation()]
    body = to_parquet(documents, Document)
    rounds = [
        (_cpu_seconds(lambda: _curate(body, questions)), _cpu_seconds(lambda: _read_and_hash(body)))
        for _ in range(ROUNDS)
    ]
    curation, floor = (median(column) for column in zip(*rounds, strict=True))
    return {
        "documents": float(len(documents)),
        "documents_per_cpu_s": len(documents) / curation,
        "megabytes_per_cpu_s": sum(len(document.text) for document in documents) / 1e6 / curation,
        "floor_documents_per_cpu_s": len(documents) / floor,
        "ratio": floor / curation,
    }


def _documents() -> list[Document]:
    prose = [record for name in PACKAGES for record in read_package(name, label=name) if isinstance(record, Document)]
    # Copies with another url, so that dedup has work: one document in ten.
    copies = [new_document(each.text, source=each.source, url=f"{each.url}/copy") for each in prose[::10]]
    problems = [
        problem
        for kind in ("noisy", "short", "long")
        for problem in generate(kind, ArithmeticOptions(NUM_PROBLEMS), label=kind, seed=0)
    ]
    return [*prose, *copies, *problems]


def _evaluation() -> list[Document]:
    return list(generate("evaluation", ArithmeticOptions(300), label="evaluation", seed=0))


def _curate(body: bytes, questions: list[str]) -> None:
    settings = CurationSettings(unfiltered=("noisy", "short", "long"))
    copies, reasons = without_text(body, screening(settings).screened)
    lost = find_duplicates([copies], unfiltered=settings.unfiltered)
    screened = zip(read_documents(body), reasons, strict=True)
    judged = judge(screened, lost[0], Benchmark(questions, ngram=settings.ngram))
    to_parquet([each for each, reason in judged if reason is None], Document)


def _read_and_hash(body: bytes) -> None:
    """What any Python curation must at least do."""
    for document in read_documents(body):
        sha256(document.text.encode()).hexdigest()


def _cpu_seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
