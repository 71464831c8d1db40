"""Artifacts for tests, committed through the store as a job commits them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from octo.storage.artifacts import Artifact, IndexResult, Output, SpanId
from octo.storage.store import Store


def commit(store: Store, indexes: Sequence[Mapping[str, bytes]], *, job: str = "ingestion") -> Artifact:
    """An artifact with these parts by index."""
    output = Output(store, job=job, digest=uuid.uuid4().hex * 2, attempt="test")
    for index, parts in enumerate(indexes):
        output.commit(index, IndexResult(parts=parts))
    return output.finish(
        stage=job,
        code_version=1,
        settings={},
        inputs={},
        versions={},
        producer=SpanId(trace_id="0" * 32, span_id="0" * 16),
        started_at=datetime.now(UTC),
    )
