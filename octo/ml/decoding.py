"""The decoding job: completions of prompts, and how each came to be. A few prompts are an index, committed once.

Random numbers are keyed by the prompt and the sample, so neither the shard nor the process that decodes it matters.
"""

import io
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from octo.data.documents import read_columns
from octo.data.tokenizer import TextTokenizer, read_tokenizer
from octo.errors import UsageError
from octo.findings import DRAFTS_MEASURED, ESTIMATE_ATTRIBUTES
from octo.job import Job
from octo.ml.decoders import Decoder, Prompt, decoder_of
from octo.ml.diffusion.ar_ness import Rules, ar_ness
from octo.ml.diffusion.completing import Text
from octo.ml.draft_times import said
from octo.ml.models import use_threads, weights_digest
from octo.settings.decoding import DecodingSettings
from octo.storage.artifacts import Artifact, IndexResult
from octo.trainings import models_of

logger = logging.getLogger(__name__)
ANALYSES = "analyses.json"
"""The part with the sums of a shard's analyses, of diffusion models."""
RULES = Rules(variant="ordered", history="left out", counted="text")
"""Of the AR-ness that a span and the progress show."""
SCHEMA = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("sample", pa.int32()),
        ("prompt", pa.string()),
        ("text", pa.string()),
        ("tokens", pa.list_(pa.int32())),
        ("finished", pa.bool_()),
        ("order", pa.list_(pa.int32())),
        ("steps", pa.list_(pa.int32())),
        ("num_forward_passes", pa.int32()),
        ("tokens_per_pass", pa.float64()),
        ("decoding", pa.string()),
        ("settings", pa.string()),
        ("weights", pa.string()),
    ]
)


@dataclass(frozen=True)
class Decoded:
    """A completion, and how it came to be; a record of the output."""

    prompt_id: str
    sample: int
    prompt: str
    text: str
    tokens: list[int]
    """With the token that ends it, if one does."""
    finished: bool
    """False where it was cut at its length."""
    order: list[int]
    """Its positions in the order in which they were written."""
    steps: list[int]
    """By position, the denoising step that wrote it; of a causal model, the position itself."""
    num_forward_passes: int
    tokens_per_pass: float
    decoding: str
    """exact, or approximate."""
    settings: str
    """Digest of the decoding stage, over all of its settings and inputs."""
    weights: str
    """sha256 of the model's weights."""


def decode(job: Job[DecodingSettings]) -> None:
    """Decode every prompt, some of them an index."""
    settings = job.settings
    prompts = read_prompts(job.input("prompts"), source=settings.source)
    num_shards = -(-len(prompts) // settings.prompts_per_shard)
    job.each(decode_shard, range(num_shards))


def decode_shard(job: Job[DecodingSettings], index: int) -> IndexResult:
    """The completions of one shard of the prompts."""
    settings = job.settings
    use_threads(settings.threads)
    artifact = models_of(job.input("model"))[0]
    tokenizer = read_tokenizer(artifact)
    size = settings.prompts_per_shard
    prompts = read_prompts(job.input("prompts"), source=settings.source)[index * size : (index + 1) * size]
    decoder = decoder_of(job, artifact, tokenizer)
    with job.telemetry.span("octo.decoding.decode", {"octo.index": index, "octo.prompts": len(prompts)}) as span:
        written = decoder.write(prompts)
        texts = [text for samples in written for text in samples]
        found = ar_ness([text.order for text in texts], local_ks=[1], global_ks=[1], rules=RULES)
        agreement = decoder.agreement(prompts, written)
        span.set_attribute("octo.decoding", decoder.exactness)
        span.set_attribute("octo.ar_ness.local", found.local_by_k[1])
        span.set_attribute("octo.ar_ness.global", found.global_by_k[1])
        if agreement:
            span.set_attribute("octo.decoding.agreement", agreement.share)
    if index == 0 and settings.draft_length:
        _say_what_drafts_take(job, decoder, prompts[0])
    records = list(_records(job, artifact, tokenizer, prompts, written, exactness=decoder.exactness))
    name, body = _bodies(settings.output_format)(records)
    analyses = decoder.analyses(prompts, texts, picture=index == 0)
    return IndexResult(
        parts={name: body} | ({ANALYSES: json.dumps(asdict(analyses)).encode()} if analyses else {}),
        rows={name: len(records)},
        counters={
            "completions": len(records),
            "tokens": sum(len(record.tokens) for record in records),
            "forward_passes": sum(record.num_forward_passes for record in records),
            "cut": sum(not record.finished for record in records),
            **(agreement.counters() if agreement else {}),
        },
    )


def _say_what_drafts_take(job: Job[DecodingSettings], decoder: Decoder, prompt: Prompt) -> None:
    """In the log and in a span, where the page of the run reads it: what is committed is the same on every machine."""
    with job.telemetry.span(DRAFTS_MEASURED) as span:
        if times := decoder.draft_times(prompt):
            for name, number in zip(ESTIMATE_ATTRIBUTES, times, strict=True):
                if number is not None:
                    span.set_attribute(name, number)
            logger.warning("%s", said(times, job.settings.draft_length))


def read_prompts(artifact: Artifact, *, source: str) -> list[Prompt]:
    """The prompts of a source, in the order of their ids.

    Raises:
        UsageError: the artifact has no such source.
    """
    prompts, sources = {}, set()
    for part in artifact.parts("documents.parquet"):
        rows = read_columns(artifact.read(part), ("id", "source", "text", "metadata"))
        for document, label, text, metadata in rows:
            sources.add(label)
            if label == source:
                prompts[document] = Prompt(document, json.loads(metadata).get("question", text))
    if not prompts:
        raise UsageError(
            f"{artifact.address} has no documents of source {source!r}; it has {', '.join(sorted(sources))}"
        )
    return [prompts[name] for name in sorted(prompts)]


def _records(
    job: Job[DecodingSettings],
    artifact: Artifact,
    tokenizer: TextTokenizer,
    prompts: Sequence[Prompt],
    written: Sequence[Sequence[Text]],
    *,
    exactness: str,
) -> Iterable[Decoded]:
    weights = weights_digest(artifact)
    for prompt, samples in zip(prompts, written, strict=True):
        for sample, text in enumerate(samples):
            yield Decoded(
                prompt_id=prompt.id,
                sample=sample,
                prompt=prompt.text,
                text=tokenizer.decode(text.tokens),
                tokens=text.tokens,
                finished=text.finished,
                order=text.order,
                steps=text.steps,
                num_forward_passes=text.num_forward_passes,
                tokens_per_pass=len(text.order) / max(1, text.num_forward_passes),
                decoding=exactness,
                settings=job.output.digest,
                weights=weights,
            )


def _bodies(output_format: str) -> Callable[[Sequence[Decoded]], tuple[str, bytes]]:
    return {"jsonl": _as_lines, "parquet": _as_parquet}[output_format]


def _as_lines(records: Sequence[Decoded]) -> tuple[str, bytes]:
    return "completions.jsonl", "".join(f"{json.dumps(asdict(record))}\n" for record in records).encode()


def _as_parquet(records: Sequence[Decoded]) -> tuple[str, bytes]:
    body = io.BytesIO()
    rows = [asdict(record) for record in records]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), body, compression="zstd")
    return "completions.parquet", body.getvalue()
