"""The decoding job: completions of prompts, and how each came to be. A few prompts are an index, committed once.

Random numbers are keyed by the prompt and the sample, so neither the shard nor the process that decodes it matters.
"""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from octo.data.documents import read_columns
from octo.data.tokenizer import end_of_text
from octo.data.tokenizer import load as load_tokenizer
from octo.errors import UsageError
from octo.job import Job
from octo.ml.diffusion.ar_ness import Rules, ar_ness
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.completing import Text, texts_of
from octo.ml.diffusion.denoiser import is_diffusion, kind_of
from octo.ml.models import accelerator, load_model, use_threads
from octo.ml.rl.rollout import Completions, complete
from octo.randomness import generator
from octo.settings.decoding import DecodingSettings
from octo.settings.rl import RlSettings, RolloutSettings
from octo.storage.artifacts import Artifact, IndexResult

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
class Prompt:
    """What is to be completed."""

    id: str
    text: str


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


Written = Callable[[Sequence[Prompt]], list[list[Text]]]
"""From prompts to the samples of each."""


def decode(job: Job[DecodingSettings]) -> None:
    """Decode every prompt, some of them an index."""
    settings = job.settings
    if not (settings.model and settings.prompts):
        raise UsageError("nothing to decode: give --model and --prompts, addresses of artifacts")
    prompts = read_prompts(job.input("prompts"), source=settings.source)
    num_shards = -(-len(prompts) // settings.prompts_per_shard)
    job.each(decode_shard, range(num_shards))


def decode_shard(job: Job[DecodingSettings], index: int) -> IndexResult:
    """The completions of one shard of the prompts."""
    settings = job.settings
    use_threads(settings.threads)
    artifact = job.input("model")
    tokenizer = load_tokenizer(artifact.read_one("tokenizer.json"), name=artifact.address)
    size = settings.prompts_per_shard
    prompts = read_prompts(job.input("prompts"), source=settings.source)[index * size : (index + 1) * size]
    with job.telemetry.span("octo.decoding.decode", {"octo.index": index, "octo.prompts": len(prompts)}) as span:
        written = _writer(job, artifact, tokenizer)(prompts)
        texts = [text for samples in written for text in samples]
        found = ar_ness([text.order for text in texts], local_ks=[1], global_ks=[1], rules=RULES)
        span.set_attribute("octo.decoding", settings.denoising.exactness)
        span.set_attribute("octo.ar_ness.local", found.local_by_k[1])
        span.set_attribute("octo.ar_ness.global", found.global_by_k[1])
    records = list(_records(job, artifact, tokenizer, prompts, written))
    name, body = _bodies(settings.output_format)(records)
    return IndexResult(
        parts={name: body},
        rows={name: len(records)},
        counters={
            "completions": len(records),
            "tokens": sum(len(record.tokens) for record in records),
            "forward_passes": sum(record.num_forward_passes for record in records),
            "cut": sum(not record.finished for record in records),
        },
    )


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


_LOADED: dict[tuple[str, str], Any] = {}
"""What this process decodes with, by engine and address: loaded once, however many shards it does."""


def _writer(job: Job[DecodingSettings], artifact: Artifact, tokenizer: Tokenizer) -> Written:
    """What completes prompts: the model's own kind decides."""
    settings = job.settings
    key = (settings.engine, artifact.address)
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = _loaded(job, artifact)
    if settings.engine == "vllm":
        return partial(_by_vllm, _LOADED[key], tokenizer, settings)
    model: PreTrainedModel = _LOADED[key]
    if is_diffusion(model.config):
        return partial(_by_denoising, model, tokenizer, settings)
    if settings.draft_length:
        raise UsageError(f"--draft-length={settings.draft_length} is for diffusion models, and this is a causal one")
    return partial(_by_sampling, model, tokenizer, settings)


def _loaded(job: Job[DecodingSettings], artifact: Artifact) -> object:
    if job.settings.engine == "torch":
        model = load_model(artifact, on=accelerator())
        model.train(mode=False)
        return model
    if "mask_token_id" in json.loads(artifact.read_one("config.json")):
        raise UsageError("--engine=vllm decodes causal models alone: take torch for a diffusion model")
    # Imported here: vLLM is in an image of its own.
    from octo.ml.rl.vllm_engine import VllmEngine  # noqa: PLC0415

    rollout = RolloutSettings(engine="vllm", tensor_parallel=max(1, job.settings.need.accelerators))
    return VllmEngine(artifact, RlSettings(seed=job.settings.seed, rollout=rollout), job.scratch)


def _by_denoising(
    model: PreTrainedModel, tokenizer: Tokenizer, settings: DecodingSettings, prompts: Sequence[Prompt]
) -> list[list[Text]]:
    requests = [
        Request(_encoded(tokenizer, prompt), settings.max_new_tokens, ("decoding", prompt.id, sample))
        for prompt in prompts
        for sample in range(settings.num_samples)
    ]
    texts = texts_of(
        model,
        requests,
        ends=(end_of_text(tokenizer), kind_of(model.config).pad_id),
        num_tokens=tokenizer.get_vocab_size(),
        settings=settings.denoising.model_copy(update={"temperature": settings.temperature}),
        seed=settings.seed,
        draft_length=settings.draft_length,
    )
    return _by_prompt(texts, settings)


def _by_sampling(
    model: PreTrainedModel, tokenizer: Tokenizer, settings: DecodingSettings, prompts: Sequence[Prompt]
) -> list[list[Text]]:
    draws = [
        generator(settings.seed, "decoding", prompt.id, sample).random(settings.max_new_tokens)
        for prompt in prompts
        for sample in range(settings.num_samples)
    ]
    completions = complete(
        model,
        [_encoded(tokenizer, prompt) for prompt in prompts],
        group_size=settings.num_samples,
        max_new_tokens=settings.max_new_tokens,
        end_id=end_of_text(tokenizer),
        temperature=settings.temperature or 1.0,
        draws_BT=np.stack(draws) if settings.temperature else None,
    )
    return _by_prompt(_from_left_to_right(completions), settings)


def _by_vllm(
    engine: Any, tokenizer: Tokenizer, settings: DecodingSettings, prompts: Sequence[Prompt]
) -> list[list[Text]]:
    each = [(prompt, sample) for prompt in prompts for sample in range(settings.num_samples)]
    completions = engine.generate(
        [_encoded(tokenizer, prompt) for prompt, _ in each],
        [int(generator(settings.seed, "decoding", prompt.id, sample).integers(2**31)) for prompt, sample in each],
        end_id=end_of_text(tokenizer),
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
    )
    return _by_prompt(_from_left_to_right(completions), settings)


def _from_left_to_right(completions: Completions) -> list[Text]:
    """A causal model's completions: a token a forward pass, each right of the one before."""
    return [
        Text(
            tokens,
            finished,
            order=list(range(len(tokens))),
            steps=list(range(len(tokens))),
            num_forward_passes=len(tokens),
        )
        for tokens, finished in zip(completions.tokens, completions.finished, strict=True)
    ]


def _by_prompt(texts: Sequence[Text], settings: DecodingSettings) -> list[list[Text]]:
    return [list(texts[row : row + settings.num_samples]) for row in range(0, len(texts), settings.num_samples)]


def _encoded(tokenizer: Tokenizer, prompt: Prompt) -> list[int]:
    return tokenizer.encode(prompt.text, add_special_tokens=False).ids


def _records(
    job: Job[DecodingSettings],
    artifact: Artifact,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    written: Sequence[Sequence[Text]],
) -> Iterable[Decoded]:
    [weights] = artifact.parts("model.safetensors")
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
                decoding=job.settings.denoising.exactness,
                settings=job.output.digest,
                weights=weights.sha256,
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
