"""Peak memory of tokenization and of a training's first step by size of the corpus, each in a process of its own.

The corpus is one shard of generated text, the hardest case: what is flat within a shard is flat over any number. Sizes
in MB are those of OCTO_BENCH_CORPUS_MB, by default "20,200"; "20,200,2000" takes ten minutes of a core.

Tokenization peaked at 269 MiB at 20 MB, 354 at 200, 374 at 600 and 380 at 2,000: row groups are full from some 200 MB
on, though row groups of a quarter moved it by 15 to 30 MiB only. A training's first step peaked at 521 to 523 at every
size.

`before_*` of the baselines are of commit d8eb101, which held every text and every token.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from octo.data.documents import Document, new_document, writing
from octo.data.python_docs import read_package
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.store import connect
from tests.committing import commit

DOCUMENT_WORDS = 600


def measure() -> dict[str, float]:
    """MiB at the peak and CPU seconds by size; `*_growth` is MiB for each MB of corpus between the first two sizes."""
    sizes = [int(size) for size in os.environ.get("OCTO_BENCH_CORPUS_MB", "20,200").split(",")]
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, embedded_store(Path(folder) / "store") as server:
        for size in sizes:
            corpus = _commit_corpus(server, Path(folder) / "corpus.parquet", megabytes=size)
            tokens = _run("tokenize", server, corpus)
            started = _run("start", server, str(tokens["address"]))
            for name, ran in (("tokenization", tokens), ("start", started)):
                figures[f"{name}_peak_mib_{size}mb"] = float(ran["mib"])
                figures[f"{name}_cpu_seconds_{size}mb"] = float(ran["cpu_seconds"])
    if len(sizes) > 1:
        for name in ("tokenization", "start"):
            peaks = [figures[f"{name}_peak_mib_{size}mb"] for size in sizes]
            figures[f"{name}_growth"] = (peaks[-1] - peaks[0]) / (sizes[-1] - sizes[0])
    return figures


def _commit_corpus(server: EmbeddedStore, file: Path, *, megabytes: int) -> str:
    """Documents of random sentences out of real words, as one shard of a curation."""
    words = np.array(
        sorted(
            {
                word
                for each in read_package("json", label="a")
                if isinstance(each, Document)
                for word in each.text.split()
            }
        )
    )
    random = np.random.default_rng(0)
    written = 0
    with writing(file, Document) as rows:
        while written < megabytes * 10**6:
            text = " ".join(random.choice(words, DOCUMENT_WORDS))
            written += len(text.encode())
            rows.write(new_document(text, source="web", url=str(written)))
        rows.flush()
        num_rows = rows.num_rows
    store = connect(server.address, server.s3)
    artifact = commit(store, [{"documents.parquet": file}], job="curation", rows=[{"documents.parquet": num_rows}])
    return artifact.address


def _run(what: str, server: EmbeddedStore, reads: str) -> dict[str, float | str]:
    keys = {
        "OCTO_S3__ACCESS_KEY": server.s3.access_key.get_secret_value() if server.s3.access_key else "",
        "OCTO_S3__SECRET_KEY": server.s3.secret_key.get_secret_value() if server.s3.secret_key else "",
    }
    place = {
        "store": server.address,
        "s3": {"endpoint": server.s3.endpoint, **{name[9:].lower(): key for name, key in keys.items()}},
        "reads": reads,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench._token_memory_run", what, json.dumps(place)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    found: dict[str, float | str] = json.loads(ran.stdout.splitlines()[-1])
    return found
