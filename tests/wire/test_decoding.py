"""The decoding job: the same completions however prompts are dealt out, and none decoded twice."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from octo.data import tokenizer as tokenizers
from octo.data.documents import Document, new_document, to_parquet
from octo.errors import UsageError
from octo.job import open_job, produce, stage_digest
from octo.ml.decoding import decode_shard
from octo.ml.diffusion.adaptation import adapt
from octo.ml.models import load_model, new_model, use_threads
from octo.report.drafts import findings_of_drafts
from octo.report.runs import span_lines
from octo.settings.decoding import DecodingSettings
from octo.settings.midtraining import ModelShape
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from octo.trace import load_spans
from tests.committing import commit, commit_model

SHAPE = ModelShape(hidden_size=16, intermediate_size=32, num_layers=1, num_heads=2, num_key_value_heads=2)
FUNCTION = "octo.ml.decoding:decode"
LENGTH = 6


def model_artifact(store: Store, *, diffusion: bool) -> Artifact:
    use_threads(1)
    words = tokenizers.train(["def f(x): return x", "a b c"] * 10, vocabulary_size=280)
    model = new_model(SHAPE, vocabulary_size=words.vocabulary_size, context=64, seed=0)
    model.lm_head.weight.data.mul_(40)
    if diffusion:
        words = words.with_mask()
        adapt(model, words, attention="bidirectional")
    return commit_model(store, model, words)


def prompts_artifact(store: Store) -> Artifact:
    documents = [
        *(
            new_document(f"q{n} = answer", source="evaluation", url=f"{n}", metadata={"question": f"q{n} ="})
            for n in range(5)
        ),
        new_document("a text to go on with", source="texts", url="text"),
    ]
    return commit(store, [{"documents.parquet": to_parquet(documents, Document)}])


@pytest.fixture(params=[True, False], ids=["diffusion", "causal"])
def settings(store: Store, embedded: EmbeddedStore, request: pytest.FixtureRequest) -> DecodingSettings:
    return DecodingSettings(
        store=store.address,
        s3=embedded.s3,
        model=model_artifact(store, diffusion=request.param).address,
        prompts=prompts_artifact(store).address,
        max_new_tokens=LENGTH,
        num_samples=2,
        temperature=0.8,
    )


def produced(settings: DecodingSettings, **changes: Any) -> Artifact:
    artifact = produce(settings.model_copy(update=changes), FUNCTION)
    assert isinstance(artifact, Artifact)
    return artifact


def records(artifact: Artifact) -> list[Mapping[str, Any]]:
    found = []
    for part in artifact.manifest.parts:
        if not part.name.startswith("completions"):
            continue
        body = artifact.read(part)
        if part.name.endswith(".jsonl"):
            found += [json.loads(line) for line in body.splitlines()]
        else:
            found += pq.read_table(io.BytesIO(body)).to_pylist()
    return sorted(found, key=lambda record: (record["prompt_id"], record["sample"]))


def written(artifact: Artifact) -> list[tuple[Any, ...]]:
    return [(each["prompt_id"], each["sample"], each["tokens"], each["order"]) for each in records(artifact)]


def test_a_record_says_what_was_written_and_how_it_came_to_be(settings: DecodingSettings, store: Store) -> None:
    artifact = produced(settings)
    found = records(artifact)
    assert len(found) == artifact.manifest.counters["completions"] == 10
    config = json.loads(artifact_of(store, settings).read_one("config.json"))
    for record in found:
        assert record["prompt"].startswith("q")
        assert record["prompt"].endswith("=")
        assert 0 < len(record["tokens"]) <= LENGTH
        assert sorted(record["order"]) == list(range(len(record["tokens"])))
        assert sorted(record["steps"]) == [record["steps"][place] for place in record["order"]]
        assert record["decoding"] == "exact"
        assert record["settings"] == artifact.manifest.digest
        [weights] = artifact_of(store, settings).parts("model.safetensors")
        assert record["weights"] == weights.sha256
        if "mask_token_id" not in config:
            assert record["order"] == record["steps"] == list(range(len(record["tokens"])))
    assert any(record["finished"] != (len(record["tokens"]) == LENGTH) for record in found)
    assert len({tuple(record["tokens"]) for record in found}) > 5


def artifact_of(store: Store, settings: DecodingSettings) -> Artifact:
    return open_artifact(store, settings.model)


def test_shards_workers_and_formats_change_no_completion(settings: DecodingSettings) -> None:
    whole = written(produced(settings, prompts_per_shard=5))
    assert whole == written(produced(settings, prompts_per_shard=1, workers=2))
    assert whole == written(produced(settings, prompts_per_shard=2, output_format="jsonl"))
    assert whole != written(produced(settings, seed=1))


def test_a_model_decodes_in_half_the_bits_where_that_is_asked_for(
    settings: DecodingSettings, store: Store, tmp_path: Path
) -> None:
    whole, half = produced(settings), produced(settings, precision="bfloat16")
    assert whole.manifest.digest != half.manifest.digest
    assert [each[:2] for each in written(half)] == [each[:2] for each in written(whole)]
    assert written(half) != written(whole)
    model = load_model(artifact_of(store, settings), scratch=tmp_path, precision="bfloat16")
    assert {each.dtype for each in model.parameters()} == {torch.bfloat16}
    # Angles of rotary positions, which half the bits would turn.
    assert {each.dtype for each in model.buffers()} == {torch.float32}


def test_greedy_samples_are_all_the_same(settings: DecodingSettings) -> None:
    found = written(produced(settings, temperature=0.0))
    assert all(first[2:] == second[2:] for first, second in zip(found[::2], found[1::2], strict=True))


def test_a_text_without_a_question_is_gone_on_with(settings: DecodingSettings) -> None:
    found = records(produced(settings, source="texts"))
    assert [record["prompt"] for record in found] == ["a text to go on with"] * 2


@pytest.mark.parametrize("settings", [True], indirect=True, ids=["diffusion"])
def test_drafts_change_no_token(settings: DecodingSettings) -> None:
    artifact, drafted = produced(settings), produced(settings, draft_length=2)
    assert written(artifact) == written(drafted)
    assert drafted.manifest.counters["forward_passes"] < artifact.manifest.counters["forward_passes"]


@pytest.mark.parametrize("settings", [True], indirect=True, ids=["diffusion"])
def test_what_drafts_take_is_found_in_the_spans_of_the_run_and_in_no_artifact(
    settings: DecodingSettings, store: Store
) -> None:
    drafted = produced(settings, draft_length=2, run_id="drafts", stage="drafted")
    spans = load_spans(span_lines(store, "drafts"))
    stages = [{"name": "drafted", "settings": {"draft_length": 2}}, {"name": "found", "settings": {"draft_length": 2}}]
    here, elsewhere = findings_of_drafts(stages, spans)
    assert here.outcome != "not measured"
    assert "steps are" in here.sentence
    assert "the machine of drafted" in here.sentence
    assert elsewhere.sentence == (
        "Whether drafts of 2 steps are faster than plain decoding on the machine of found was not measured."
    )
    again = produced(settings, draft_length=2, store=f"{settings.store}/again")
    assert again.manifest.content == drafted.manifest.content


@pytest.mark.parametrize("settings", [True], indirect=True, ids=["diffusion"])
def test_an_approximate_mode_says_so_everywhere_and_how_far_it_agrees(settings: DecodingSettings) -> None:
    exact = produced(settings, prompts_per_shard=5)
    threshold = settings.denoising.model_copy(update={"confidence_threshold": 0.05})
    artifact = produced(settings, denoising=threshold, prompts_per_shard=5, agreement_prompts=5)
    assert {record["decoding"] for record in records(artifact)} == {"approximate"}
    assert [each["decoding"] for each in analyses(artifact)] == ["approximate"]
    assert artifact.manifest.counters["forward_passes"] < exact.manifest.counters["forward_passes"]
    pairs = list(zip(written(artifact), written(exact), strict=True))
    counters = {name.removeprefix("agreement."): count for name, count in artifact.manifest.counters.items()}
    assert counters["texts"] == len(pairs) == 10
    assert counters["texts_equal"] == sum(one[2] == other[2] for one, other in pairs) < 10
    assert counters["tokens"] == sum(max(len(one[2]), len(other[2])) for one, other in pairs)
    equal = sum(here == there for one, other in pairs for here, there in zip(one[2], other[2], strict=False))
    assert counters["tokens_equal"] == equal > 0
    assert not [name for name in exact.manifest.counters if name.startswith("agreement")]


@pytest.mark.parametrize("settings", [True], indirect=True, ids=["diffusion"])
def test_analyses_of_shards_add_up_to_those_of_the_whole(settings: DecodingSettings) -> None:
    [whole] = analyses(produced(settings, prompts_per_shard=5))
    shards = analyses(produced(settings, prompts_per_shard=2))
    assert len(shards) == 3
    for variant, of_whole in enumerate(whole["ar_ness"]):
        for k, sums in of_whole["local_by_k"].items():
            assert sums["total"] == pytest.approx(
                sum(each["ar_ness"][variant]["local_by_k"][k]["total"] for each in shards)
            )
    for position, sums in enumerate(whole["entropy_sink"]["entropies_by_position"]):
        parts = [each["entropy_sink"]["entropies_by_position"][position] for each in shards]
        assert sums["count"] == sum(part["count"] for part in parts) == 5
        assert sums["total"] == pytest.approx(sum(part["total"] for part in parts))
    assert [each["entropy_picture"] is None for each in shards] == [False, True, True]
    assert shards[0]["entropy_picture"] == whole["entropy_picture"]
    assert not analyses(produced(settings, analyses=False))


def analyses(artifact: Artifact) -> list[Mapping[str, Any]]:
    parts = sorted(artifact.parts("analyses.json"), key=lambda part: part.index)
    return [json.loads(artifact.read(part)) for part in parts]


@pytest.mark.parametrize("settings", [False], indirect=True, ids=["causal"])
def test_what_a_causal_model_cannot_do_is_refused(settings: DecodingSettings) -> None:
    with pytest.raises(UsageError, match="--draft-length=2 is for diffusion models"):
        produced(settings, draft_length=2)
    with pytest.raises(UsageError, match="has no documents of source 'nothing'; it has evaluation, texts"):
        produced(settings, source="nothing")
    with pytest.raises(UsageError, match="give --model and --prompts"):
        produced(settings, model="")


def test_a_decoding_that_was_stopped_keeps_every_prompt_that_it_had_done(settings: DecodingSettings) -> None:
    by_prompt = settings.model_copy(update={"prompts_per_shard": 1})
    with open_job(by_prompt, stage_digest(by_prompt), "stopped", None) as job:
        for index in (0, 3):
            job.commit(decode_shard, index)
    artifact = produced(by_prompt)
    assert [index for index, attempt in artifact.manifest.attempts.items() if attempt == "stopped"] == [0, 3]
    assert len(artifact.manifest.attempts) == 5
    assert written(artifact) == written(produced(settings, prompts_per_shard=5))
