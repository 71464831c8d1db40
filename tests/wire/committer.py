"""One attempt at a stage of ten indexes, as a process of its own that can be killed at any of its requests.

Run as `python -m tests.wire.committer STORE DIGEST ATTEMPT`, with the connection in OCTO_S3__*. It prints `request`
before every request, `work INDEX` before it does one, and at the end the address of the artifact.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from octo.scratch import scratch_folder
from octo.settings.base import S3Settings
from octo.storage.artifacts import IndexResult, Output, SpanId
from octo.storage.store import connect

NUM_INDEXES = 10


def work(index: int, scratch: Path) -> IndexResult:
    text = f"document {index}\n".encode() * 1000
    (scratch / "tokens").write_bytes(text[::-1])
    return IndexResult(
        parts={"documents": text, "tokens": scratch / "tokens"}, rows={"documents": 1000}, counters={"kept": index}
    )


def main(address: str, digest: str, attempt: str) -> None:
    def say_request(**_: object) -> None:
        print("request", flush=True)

    s3 = S3Settings.model_validate(
        {name: os.environ[f"OCTO_S3__{name.upper()}"] for name in ("endpoint", "access_key", "secret_key")}
    )
    store = connect(address, s3)
    store.client.meta.events.register("before-send.s3", say_request)
    output = Output(store, job="curation", digest=digest, attempt=attempt)
    started_at = datetime.now(UTC)
    committed = output.committed()
    with scratch_folder("committer") as scratch:
        for index in range(NUM_INDEXES):
            if index not in committed:
                print(f"work {index}", flush=True)
                output.commit(index, work(index, scratch))
    artifact = output.finish(
        range(NUM_INDEXES),
        stage="curation",
        code_version=1,
        settings={"threshold": 0.5},
        inputs={},
        versions={"octo": "0"},
        producer=SpanId(trace_id="1" * 32, span_id="2" * 16),
        started_at=started_at,
    )
    print(artifact.address, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
