"""Documents that fastText scores per CPU second, beside datatrove's filter, over the same documents and the same model.

The corpus is made: documents of 150 random words, with numbers, capitals, marks and line breaks. octo reads a Parquet
file, normalises every text, scores it and compares it with the threshold; datatrove reads JSON lines, replaces line
breaks and scores what it is given, which is the normalised text here, so that both score the same words. Each runs in a
process of its own, whose CPU seconds count whole. A model of 64 numbers and 100,000 buckets is trained by octo first.

datatrove is measured where OCTO_BENCH_DATATROVE is the interpreter of an environment that has datatrove, orjson,
fasteners, regex and fasttext-numpy2-wheel; else octo alone. OCTO_BENCH_DOCUMENTS says how
many documents, 20,000 by default.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from octo.data.classifier import BATCH, Classifier, batches, train
from octo.data.classifier_text import normalized
from octo.data.documents import Document, new_document, read_documents, to_parquet, writing
from octo.data.grading import GRADED, Graded
from octo.randomness import generator
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.storage.embedded import embedded_store
from octo.storage.store import connect
from tests.committing import commit

SETTINGS = FastTextSettings(dimension=64, learning_rate=0.5, epochs=3, word_ngrams=2, min_count=1, buckets=100_000)
VOCABULARY = 20_000
GRADED_DOCUMENTS = 1_000


def measure() -> dict[str, float]:
    """Rates, and octo's over datatrove's."""
    num_documents = int(os.environ.get("OCTO_BENCH_DOCUMENTS", "20000"))
    interpreter = os.environ.get("OCTO_BENCH_DATATROVE", "")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, num_documents)
        octo = _cpu_seconds([sys.executable, "-m", "tests.bench.classification_rate", scratch])
        figures = {"documents": float(num_documents), "documents_per_cpu_s": num_documents / octo}
        if interpreter:
            theirs = _cpu_seconds([interpreter, str(Path(__file__).with_name("_datatrove_fasttext.py")), scratch])
            figures |= {"datatrove_documents_per_cpu_s": num_documents / theirs, "ratio": theirs / octo}
        return figures


def _write(folder: Path, num_documents: int) -> None:
    documents = [_document(number) for number in range(num_documents)]
    with writing(folder / "documents.parquet", Document) as rows:
        for document in documents:
            rows.write(document)
    with (folder / "documents.jsonl").open("w") as file:
        for document in documents:
            text = normalized(document.text, max_token_characters=SETTINGS.max_token_characters)
            file.write(json.dumps({"id": document.id, "text": text}) + "\n")
    graded = [
        Graded(*document, year="", score=str(4 * (place % 2)), justification="", answered_by="")
        for place, document in enumerate(documents[:GRADED_DOCUMENTS])
    ]
    with embedded_store(folder / "store") as served:
        artifact = commit(connect(served.address, served.s3), [{GRADED: to_parquet(graded, Graded)}], job="grading")
        train(artifact, ClassificationSettings(fasttext=SETTINGS), folder / "classifier.bin", folder)


def _document(number: int) -> Document:
    draw = generator(number, "bench words")
    words = [f"w{place}" if place % 7 else f"Word{place}," for place in draw.integers(0, VOCABULARY, 150)]
    text = "\n".join(" ".join(words[first : first + 12]) for first in range(0, len(words), 12))
    return new_document(f"Document {number}: {text}", source="web", url=f"u{number}")


def _cpu_seconds(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main(folder: Path) -> None:
    """Score every document of the folder's file, as the job does with a shard."""
    classifier = Classifier(folder / "classifier.bin", SETTINGS)
    kept = sum(
        chance >= 0.4
        for batch in batches(read_documents((folder / "documents.parquet").read_bytes()), BATCH)
        for chance in classifier.probabilities([document.text for document in batch])
    )
    print(json.dumps({"kept": kept, "cpu_seconds": time.process_time()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
