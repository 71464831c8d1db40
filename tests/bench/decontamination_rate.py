"""Documents of 1 kB looked through for 12,000 questions per CPU second, beside hashing them and beside datatrove.

datatrove lives in an environment of its own, whose interpreter OCTO_BENCH_DATATROVE names: without it octo is measured
alone. Its n-grams are the default ones, of the questions alone; its words are those of its default tokenizer.
"""

import json
import os
import re
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median

import numpy as np

from octo.data.decontamination import Benchmark

NUM_DOCUMENTS, NUM_QUESTIONS = 4_000, 12_000
DOCUMENT_CHARACTERS = 950
PARTS_OF_A_QUESTION, WORDS_IN_A_ROW = (3, 10), 5
FORMULAS_SHARE = 0.1
ROUNDS = 5
DATATROVE = "OCTO_BENCH_DATATROVE"
DATATROVE_DOCUMENTS = 300
_IN_DATATROVE = """
import json, sys, tempfile, time
import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.utils.text import ngrams, simplify_text
documents, questions = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as folder:
    config = NGramsDecontConfig(n_grams=13)
    gate = NGramsDecontFilter(folder, config=config)
    hashes = set()
    for question in questions:
        words = gate.tokenizer.word_tokenize(simplify_text(question, config.norm_config))
        hashes.update(map(gate.hash_func, map(" ".join, ngrams(words, config.n_grams))))
    np.array(sorted(hashes), dtype=config.hash_config.np_descr).tofile(f"{folder}/asked.index.hashes")
    gate.filter(Document(text=documents[0], id="warm"))
    began = time.process_time()
    for place, text in enumerate(documents):
        gate.filter(Document(text=text, id=str(place)))
    print(time.process_time() - began)
"""


def measure() -> dict[str, float]:
    """Medians of rounds that take turns: `ratio` is the share of the hashing's rate that octo reaches."""
    documents, questions = corpus()
    began = time.process_time()
    benchmark = Benchmark(questions, ngram=13)
    index_seconds = time.process_time() - began
    looked = _cpu_seconds(lambda: benchmark.overlaps(documents))
    rounds = [
        (
            _cpu_seconds(lambda: benchmark.overlaps(documents)),
            _cpu_seconds(lambda: [sha256(text.encode()).digest() for text in documents]),
        )
        for _ in range(ROUNDS)
    ]
    octo, hashing = (median(column) for column in zip(*rounds, strict=True))
    figures = {
        "documents_per_cpu_s": len(documents) / octo,
        "first_documents_per_cpu_s": len(documents) / looked,
        "megabytes_per_cpu_s": sum(map(len, documents)) / 1e6 / octo,
        "index_cpu_s": index_seconds,
        "ratio": hashing / octo,
    }
    if python := os.environ.get(DATATROVE):
        rate = _datatrove(python, documents[:DATATROVE_DOCUMENTS], questions)
        figures |= {"datatrove_documents_per_cpu_s": rate, "ratio_to_datatrove": len(documents) / octo / rate}
    return figures


def corpus() -> tuple[list[str], list[str]]:
    """Pieces of Python files and headers, and questions of the words of others, some of them formulas."""
    chance = Random(0)
    found = list(islice(_pieces(), 2 * NUM_DOCUMENTS))
    documents, others = found[:NUM_DOCUMENTS], found[NUM_DOCUMENTS:]
    words = [word for piece in others for word in re.findall(r"\w+", piece)]
    return documents, [_question(words, chance) for _ in range(NUM_QUESTIONS)]


def _question(words: Sequence[str], chance: Random) -> str:
    """Of a few words in a row from here and there: none that a document has whole, whose beginnings many have."""
    a, b, c = (chance.randint(2, 999) for _ in range(3))
    if chance.random() < FORMULAS_SHARE:
        return f"Compute ${a} + {b} \\cdot {c}$."
    places = [chance.randrange(len(words) - WORDS_IN_A_ROW) for _ in range(chance.randint(*PARTS_OF_A_QUESTION))]
    return f"{' '.join(word for place in places for word in words[place : place + WORDS_IN_A_ROW])}: {a} or {b}?"


def _pieces() -> Iterator[str]:
    stdlib, numpy = Path(sysconfig.get_paths()["stdlib"]), Path(np.__file__).parent
    files = sorted([*numpy.rglob("*.h"), *numpy.rglob("*.py"), *stdlib.rglob("*.py")])
    Random(0).shuffle(files)
    for file in files:
        piece = ""
        for line in file.read_text(errors="replace").splitlines(keepends=True):
            piece += line
            if len(piece) >= DOCUMENT_CHARACTERS:
                yield piece
                piece = ""


def _datatrove(python: str, documents: Sequence[str], questions: Sequence[str]) -> float:
    """Its documents a CPU second, in a process of its own."""
    done = subprocess.run(
        [python, "-c", _IN_DATATROVE],
        input=json.dumps([documents, questions]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return len(documents) / float(done.stdout.splitlines()[-1])


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
