"""The search for near matches beside datatrove's: documents per CPU second, recall and precision on planted pairs.

The corpus is made: documents of random words, 140 of them in the mean, of which one in five is a version of another,
with so many words changed that there are pairs of every similarity from 0.5 to 1. True similarities are computed by
their definition. octo runs its whole curation job (rules, exact search, near search) and the store that it needs;
datatrove its four stages over local files, with the same bands, rows, and runs of five words. Each runs in a process of
its own, and all processes count.

datatrove is measured where OCTO_BENCH_DATATROVE is the interpreter of an environment that has datatrove, spacy, orjson,
regex, nltk, tldextract, tokenizers and xxhash below 4, which it asks for when its stages are imported; else octo alone.
OCTO_BENCH_DOCUMENTS says how many documents, 20,000 by default. Peak memory is of the sizes in
OCTO_BENCH_MEMORY_DOCUMENTS, "10000,40000" by default, with a limit of 16 MiB.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from octo.data.documents import Document, new_document, read_columns, writing
from octo.job import produce
from octo.settings.curation import CurationSettings
from octo.settings.near import NearSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import embedded_store
from octo.storage.store import connect
from tests.committing import commit

THRESHOLD, BANDS, ROWS, WORDS_OF_A_RUN = 0.75, 11, 10, 5
SHARD_DOCUMENTS = 5_000
VOCABULARY = 30_000
PAIRS_EVERY = 5


def measure() -> dict[str, float]:
    """Rates, recall of pairs at or over the threshold, precision of what is called near, and peaks of memory."""
    num_documents = int(os.environ.get("OCTO_BENCH_DOCUMENTS", "20000"))
    interpreter = os.environ.get("OCTO_BENCH_DATATROVE", "")
    figures: dict[str, float] = {"documents": float(num_documents)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pairs = _write_corpus(folder / "corpus", num_documents)
        octo = _run([sys.executable, "-m", "tests.bench.near_dedup", "curate", str(folder / "corpus")])
        figures |= _figures("", octo, pairs, num_documents)
        figures["recall_stated"] = float(octo["found"]) / max(1, int(octo["asked"]))
        if interpreter:
            theirs = _run([interpreter, str(Path(__file__).with_name("_datatrove_near.py")), str(folder / "corpus")])
            figures |= _figures("datatrove_", theirs, pairs, num_documents)
            figures["ratio"] = figures["documents_per_cpu_s"] / figures["datatrove_documents_per_cpu_s"]
    sizes = [int(size) for size in os.environ.get("OCTO_BENCH_MEMORY_DOCUMENTS", "10000,40000").split(",")]
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            _write_corpus(Path(scratch) / "corpus", size)
            ran = _run([sys.executable, "-m", "tests.bench.near_dedup", "curate", f"{scratch}/corpus", "16"])
            figures[f"peak_mib_{size}"] = float(ran["mib"])
    figures["peak_ratio"] = figures[f"peak_mib_{sizes[-1]}"] / figures[f"peak_mib_{sizes[0]}"]
    return figures


def _figures(
    name: str, ran: dict[str, object], pairs: list[tuple[str, str, float]], num_documents: int
) -> dict[str, float]:
    """Of what was called near: the planted pairs, by the ids of their documents."""
    called = {frozenset(pair) for pair in ran["pairs"]}
    near = {frozenset(pair[:2]) for pair in pairs if pair[2] >= THRESHOLD}
    very_near = {frozenset(pair[:2]) for pair in pairs if pair[2] >= 0.9}
    return {
        f"{name}documents_per_cpu_s": num_documents / float(ran["cpu_seconds"]),
        f"{name}recall": len(called & near) / len(near),
        f"{name}recall_at_0.9": len(called & very_near) / len(very_near),
        f"{name}precision": len(called & near) / max(1, len(called)),
    }


def _write_corpus(folder: Path, num_documents: int) -> list[tuple[str, str, float]]:
    """Shards of documents, as Parquet and as JSON lines; the planted pairs with their true similarity."""
    folder.mkdir()
    pairs = []
    documents = _documents(num_documents, pairs)
    for number in range(-(-num_documents // SHARD_DOCUMENTS)):
        with (
            writing(folder / f"{number:05}.parquet", Document) as parquet,
            (folder / f"{number:05}.jsonl").open("w") as lines,
        ):
            for _, document in zip(range(SHARD_DOCUMENTS), documents, strict=False):
                parquet.write(document)
                lines.write(json.dumps({"id": document.id, "text": document.text}) + "\n")
    return pairs


def _documents(num_documents: int, pairs: list[tuple[str, str, float]]) -> Iterator[Document]:
    draw = np.random.default_rng(0)
    letters = draw.integers(97, 123, (VOCABULARY, 8), np.uint8)
    words = np.array([row[: 3 + number % 6].tobytes().decode() for number, row in enumerate(letters)])
    waiting: list[Document] = []
    for number in range(num_documents):
        if number % PAIRS_EVERY or not waiting:
            length = int(draw.integers(80, 200))
            document = new_document(
                " ".join(words[draw.integers(0, VOCABULARY, length)]), source="web", url=f"{number}"
            )
            if draw.random() < 0.5:
                waiting.append(document)
        else:
            original = waiting.pop(int(draw.integers(len(waiting))))
            own = original.text.split()
            for place in draw.choice(len(own), int(draw.integers(1, 1 + len(own) // 16)), replace=False):
                own[place] = str(words[draw.integers(VOCABULARY)])
            document = new_document(" ".join(own), source="web", url=f"{number}")
            pairs.append((original.id, document.id, _similarity(original.text, document.text)))
        yield document


def _similarity(first: str, second: str) -> float:
    sets = []
    for text in (first, second):
        words = text.split()
        sets.append({tuple(words[at : at + WORDS_OF_A_RUN]) for at in range(len(words) - WORDS_OF_A_RUN + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def _run(command: list[str]) -> dict[str, object]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if ended.returncode:
        raise RuntimeError(ended.stderr[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    found["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found


def _curate(folder: Path, memory_mib: float) -> dict[str, object]:
    """Pairs that octo calls near, and the process's peak."""
    with tempfile.TemporaryDirectory() as scratch, embedded_store(Path(scratch)) as server:
        store = connect(f"{server.address}/bench", server.s3)
        files = sorted(folder.glob("*.parquet"))
        raw = commit(
            store,
            [{"documents.parquet": file} for file in files],
            rows=[{"documents.parquet": SHARD_DOCUMENTS} for _ in files],
        )
        settings = CurationSettings(
            store=store.address,
            s3=server.s3,
            probe=False,
            documents=raw.address,
            without_benchmarks="a benchmark of the search for near matches",
            min_words=0,
            near=NearSettings(threshold=THRESHOLD, bands=BANDS, rows=ROWS, memory_mib=memory_mib),
        )
        artifact = produce(settings, "octo.data.curation:curate")
        assert isinstance(artifact, Artifact)
        dropped = (
            row
            for part in artifact.parts("dropped.parquet")
            for row in read_columns(artifact.read(part), ("id", "witness", "reason"))
        )
        return {
            "pairs": [(one, other) for one, other, reason in dropped if reason == "near_duplicate"],
            "asked": artifact.manifest.counters["near.asked"],
            "found": artifact.manifest.counters["near.found"],
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


if __name__ == "__main__":
    _, _, given, *limit = sys.argv
    print(json.dumps(_curate(Path(given), float(limit[0]) if limit else 512)))
