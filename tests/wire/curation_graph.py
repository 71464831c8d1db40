"""A whole curation in one process: `python -m tests.wire.curation_graph STORE ENDPOINT SERVICE FOLDER`.

It prints the addresses of what its stages made. Waiting takes no time, as if as much of it had passed.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from octo.errors import OctoError
from octo.job import produce
from octo.settings.base import JobSettings, S3Settings
from octo.settings.classification import ClassificationSettings
from octo.settings.curation import CurationSettings
from octo.settings.endpoint import STAND_IN, EndpointSettings
from octo.settings.grading import GradingSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.refinement import RefinementSettings
from octo.settings.tokenization import TokenizationSettings
from octo.storage import patience
from octo.storage.artifacts import Artifact

FASTTEXT = {"dimension": 8, "buckets": 2000, "epochs": 8, "min_count": 1, "learning_rate": 0.5}
LONGEST_WAIT = 0.02


def made(reached: Mapping[str, object], *, service: str, folder: Path) -> Iterator[Artifact]:
    """What each stage makes of files, one after another."""
    files = tuple(f"{file.stem}=file:{file}" for file in sorted(folder.glob("*.jsonl")))
    ingested = _done(IngestionSettings(sources=files, **reached), "octo.data.ingestion:ingest")
    yield ingested
    yield from made_of(ingested, reached, service=service)


def made_of(documents: Artifact, reached: Mapping[str, object], *, service: str) -> Iterator[Artifact]:
    """What each stage makes of documents, one after another."""
    near = {"near": {"threshold": 0.75}, "without_benchmarks": "a test", "min_words": 8}
    asked = EndpointSettings(model=STAND_IN, url=service, concurrency=4, request_seconds=2)
    curated = _done(CurationSettings(documents=documents.address, **near, **reached), "octo.data.curation:curate")
    yield curated
    graded = _done(
        GradingSettings(documents=curated.address, endpoint=asked, per_year=10, **reached), "octo.data.grading:grade"
    )
    yield graded
    kept = _done(
        ClassificationSettings(
            documents=curated.address, graded=graded.address, threshold=0.3, fasttext=FASTTEXT, **reached
        ),
        "octo.data.classification:classify",
    )
    yield kept
    refined = _done(
        RefinementSettings(documents=kept.address, endpoint=asked, **reached), "octo.data.refinement:refine"
    )
    yield refined
    again = _done(CurationSettings(documents=refined.address, **near, **reached), "octo.data.curation:curate")
    yield again
    yield _done(
        TokenizationSettings(corpus=(again.address,), vocabulary_size=280, sequence_length=32, **reached),
        "octo.data.tokenization:tokenize",
    )


def _done(settings: JobSettings, function: str) -> Artifact:
    artifact = produce(settings, function)
    assert isinstance(artifact, Artifact)
    return artifact


def hurry() -> None:
    """Have hours of waiting pass in moments."""
    skipped = 0.0
    now = time.monotonic

    def sleep(seconds: float) -> None:
        nonlocal skipped
        skipped += max(0.0, seconds - LONGEST_WAIT)
        time.sleep(min(seconds, LONGEST_WAIT))

    clock: object = patience.REAL_TIME
    vars(clock)["sleep"] = sleep
    vars(clock)["now"] = lambda: now() + skipped


if __name__ == "__main__":
    store, endpoint, service, folder = sys.argv[1:]
    s3 = S3Settings(
        endpoint=endpoint,
        access_key=os.environ["OCTO_S3__ACCESS_KEY"],
        secret_key=os.environ["OCTO_S3__SECRET_KEY"],
    )
    hurry()
    try:
        artifacts = made({"store": store, "s3": s3, "probe": False}, service=service, folder=Path(folder))
        print(json.dumps([each.address for each in artifacts]))
    except OctoError as error:
        print(f"octo: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
