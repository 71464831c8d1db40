"""Artifacts for tests, committed through the store as a job commits them."""

import tempfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from octo.storage.artifacts import Artifact, IndexResult, InputRef, Output, SpanId
from octo.storage.store import Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from octo.data.tokenizer import TextTokenizer


def commit(
    store: Store,
    indexes: Sequence[Mapping[str, bytes | Path]],
    *,
    job: str = "ingestion",
    rows: Sequence[Mapping[str, int]] = (),
    settings: Mapping[str, object] = MappingProxyType({}),
    inputs: Mapping[str, Sequence[Artifact]] | None = None,
    digest: str = "",
) -> Artifact:
    """An artifact with these parts by index, and how many rows they have where that is said."""
    output = Output(store, job=job, digest=digest or uuid.uuid4().hex * 2, attempt="test")
    for index, parts in enumerate(indexes):
        output.commit(index, IndexResult(parts=parts, rows=rows[index] if rows else {}))
    return output.finish(
        range(len(indexes)),
        stage=job,
        code_version=1,
        settings=settings,
        inputs={field: [InputRef.of(each) for each in given] for field, given in (inputs or {}).items()},
        versions={},
        producer=SpanId(trace_id="0" * 32, span_id="0" * 16),
        started_at=datetime.now(UTC),
    )


def commit_model(store: Store, model: "PreTrainedModel", tokenizer: "TextTokenizer") -> Artifact:
    """A model and its tokenizer, as a training commits them."""
    from octo.ml.models import model_parts  # noqa: PLC0415 - most who commit need no torch

    with tempfile.TemporaryDirectory() as folder:
        parts = model_parts(model.config, model.state_dict().items(), Path(folder))
        return commit(store, [{**parts, **tokenizer.files}], job="midtraining")
