"""Whole trainings of a tiny model in this process."""

import json
from pathlib import Path

import pytest

from octo.data.tokenizer import TextTokenizer, read_tokenizer, train
from octo.errors import InputError, IntegrityError, UsageError
from octo.job import produce
from octo.ml.midtraining import tokenizer_of_both
from octo.model_files import CHAT_TEMPLATE, GENERATION
from octo.pipelines.export_command import model_parts_of
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from octo.trainings import models_of
from tests.committing import commit
from tests.token_shards import VOCABULARY_SIZE, commit_tokens

TINY = ModelShape(hidden_size=16, intermediate_size=16, num_layers=1, num_heads=2, num_key_value_heads=2)


@pytest.fixture
def tokens(store: Store, tmp_path: Path) -> Artifact:
    return commit_tokens(store, tmp_path / "tokens", {"web": [20], "math": [5, 4]})


def trained(store: Store, embedded: EmbeddedStore, *tokens: Artifact, **changes: object) -> Artifact:
    settings = MidtrainingSettings(
        store=store.address,
        s3=embedded.s3,
        probe=False,
        progress="json",
        tokens=tuple(artifact.address for artifact in tokens),
        **({"shape": TINY, "batch_size": 4, "micro_batch_size": 2, "num_steps": 4} | changes),
    )
    made = produce(settings, "octo.ml.midtraining:midtrain")
    assert isinstance(made, Artifact)
    return made


def test_a_mixture_is_trained_on_and_told_whole_or_by_ranges(
    store: Store, embedded: EmbeddedStore, tokens: Artifact
) -> None:
    weights = {"web": 0.75, "math": 0.25}
    made = trained(store, embedded, tokens, weights=weights)
    mixture = json.loads(made.read_one("mixture.json"))
    assert [(each["source"], each["share"], each["sequences"]) for each in mixture["sources"]] == [
        ("math", "1/4", 4),
        ("web", "3/4", 12),
    ]
    assert sum(each["tokens"] for each in mixture["sources"]) > 15 * 16
    lines = [json.loads(line) for line in made.read_one("metrics.jsonl").splitlines()]
    # Steps of four sequences, one of which is of mathematics.
    for line in lines:
        assert {name for name in line if name.startswith("loss.")} == {"loss.web", "loss.math"}
        assert min(line["loss.web"], line["loss.math"]) < line["loss"] < max(line["loss.web"], line["loss.math"])
    ranged = trained(store.at(f"{store.address}/ranged"), embedded, tokens, weights=weights, cache_gib=0)
    assert ranged.manifest.content == made.manifest.content
    assert trained(store, embedded, tokens, weights={"web": 1.0}).manifest.content != made.manifest.content


def test_tokens_that_do_not_fit_are_said_before_a_step_is_done(
    store: Store, embedded: EmbeddedStore, tokens: Artifact, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"--weights names code, .* hold math \(9 sequences\), web \(20 sequences\)"):
        trained(store, embedded, tokens, weights={"code": 1.0})
    longer = commit_tokens(store, tmp_path / "longer", {"web": [2]}, length=32)
    with pytest.raises(UsageError, match=r"has sequences of 16 tokens and .* of 32, which cannot be mixed"):
        trained(store, embedded, tokens, longer)
    others = commit_tokens(store, tmp_path / "others", {"web": [2]}, vocabulary_size=50)
    with pytest.raises(UsageError, match="were made with two tokenizers, whose tokens cannot be mixed"):
        trained(store, embedded, tokens, others)
    short = commit_tokens(store, tmp_path / "short", {"web": [20]}, seed=3)
    [part] = (part for part in short.parts() if part.name.startswith("tokens-"))
    whole = store.get(part.key)
    store.put(part.key, whole[:-7])
    with pytest.raises(IntegrityError, match=rf"{part.key} has {len(whole) - 7} bytes, and its 20 sequences have"):
        trained(store, embedded, short)
    store.delete(part.key)
    with pytest.raises(IntegrityError, match=rf"{part.key} is gone, which holds 20 sequences: tokenize again"):
        trained(store, embedded, short)
    model = trained(store, embedded, tokens, num_steps=1)
    with pytest.raises(
        UsageError, match=rf"have ids below 50, and the model has embeddings for {VOCABULARY_SIZE}: tokenize the corpus"
    ):
        trained(store, embedded, others, model=model.address)
    with pytest.raises(UsageError, match="nothing to train on: give --tokens"):
        trained(store, embedded)


def test_a_token_that_no_model_of_these_tokens_has_an_embedding_for_is_named_with_its_shard(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    lying = commit_tokens(store, tmp_path / "lying", {"web": [20]}, vocabulary_size=VOCABULARY_SIZE - 8)
    with pytest.raises(
        InputError,
        match=rf"token 4\d is in {lying.address}/0/tokens-web-00000.bin rows .*, and the tokenizer of {lying.address} "
        "has tokens below 40: tokenize again",
    ):
        trained(store, embedded, lying)


def test_at_stage_3_a_model_is_continued_from_shares_and_becomes_a_diffusion_model_whole(
    store: Store, embedded: EmbeddedStore, tokens: Artifact
) -> None:
    causal = {"model": trained(store, embedded, tokens, num_steps=1).address, "num_steps": 2}
    shared = {"optimizer": {"zero_stage": 3}}
    adapted = trained(store, embedded, tokens, **{**causal, **shared, "objective": "diffusion"})
    for asked in (causal, {**causal, "objective": "diffusion", "model": adapted.address}):
        losses = [
            [json.loads(line)["loss"] for line in made.read_one("metrics.jsonl").splitlines()]
            for made in (trained(store, embedded, tokens, **{**asked, **changes}) for changes in ({}, shared))
        ]
        assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_tokens_of_another_tokenizer_than_the_models_are_refused(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    # As many tokens, of which the last differs.
    first, second = (
        commit_tokens(store, tmp_path / text, {"web": [4]}, tokenizer=train([text], vocabulary_size=259))
        for text in ("uuu", "vvv")
    )
    model = trained(store, embedded, first, num_steps=1)
    with pytest.raises(
        UsageError,
        match=f"the tokens of {second.address} are of another tokenizer than the model {model.address}: "
        f"token 258 is 'vv' to one and 'uu' to the other: tokenize the corpus with --tokenizer {model.address}",
    ):
        trained(store, embedded, second, model=model.address)


def test_a_mask_behind_all_other_tokens_makes_no_other_tokenizer(store: Store) -> None:
    plain = train(["uuu"], vocabulary_size=259)
    bare, masked, none = (commit(store, [files]) for files in (plain.files, plain.with_mask().files, {"a": b""}))
    assert tokenizer_of_both(masked, bare).mask_id == 259
    assert tokenizer_of_both(bare, masked).vocabulary_size == 260
    assert tokenizer_of_both(none, bare).files == plain.files
    other = commit(store, [train(["vvv"], vocabulary_size=259).with_mask().files])
    with pytest.raises(UsageError, match="of another tokenizer than the model"):
        tokenizer_of_both(other, bare)


def of_chats(plain: TextTokenizer) -> dict[str, bytes]:
    """The files of a tokenizer whose model was tuned on chats, and that says more of what ends a completion."""
    ends = {"eos_token_id": [0, 1], "pad_token_id": 1, "temperature": 0.6}
    return {**plain.files, CHAT_TEMPLATE: b"{{ messages }}", GENERATION: json.dumps(ends).encode()}


@pytest.mark.parametrize("objective", ["causal", "diffusion"])
def test_a_models_own_chat_template_and_ends_are_kept_whoever_tokenized_the_corpus(
    store: Store, embedded: EmbeddedStore, tmp_path: Path, objective: str
) -> None:
    plain = train(["uuu"], vocabulary_size=259)
    tokens = commit_tokens(store, tmp_path / "tokens", {"web": [4]}, tokenizer=plain)
    start = trained(store, embedded, tokens, num_steps=1)
    weights = {part.name: start.read_one(part.name) for part in start.parts() if part.name not in plain.files}
    model = commit(store, [{**weights, **of_chats(plain)}], job="pretrained")
    made = trained(store, embedded, tokens, model=model.address, objective=objective, num_steps=1)
    assert made.read_one(CHAT_TEMPLATE) == b"{{ messages }}"
    assert json.loads(made.read_one(GENERATION))["temperature"] == 0.6
    assert read_tokenizer(made).ends == (0, 1)


def test_tokens_with_more_tokens_than_the_models_leave_it_its_template(store: Store) -> None:
    plain = train(["uuu"], vocabulary_size=259)
    model, tokens = (commit(store, [files]) for files in (of_chats(plain), plain.with_mask().files))
    both = tokenizer_of_both(model, tokens)
    assert (both.vocabulary_size, both.ends) == (260, (0, 1))
    assert both.files[CHAT_TEMPLATE] == b"{{ messages }}"


def weights_of(artifact: Artifact) -> str:
    return artifact.parts("model.safetensors")[0].sha256


def test_trainings_of_several_seeds_are_those_that_each_seed_alone_would_make(
    store: Store, embedded: EmbeddedStore, tokens: Artifact
) -> None:
    both = trained(store, embedded, tokens, num_seeds=2, seed=5)
    alone = [trained(store, embedded, tokens, seed=seed) for seed in (5, 6)]
    assert list(map(weights_of, models_of(both))) == list(map(weights_of, alone))
    assert weights_of(alone[0]) != weights_of(alone[1])
    assert both.indexes == (0, 1)
    assert both.manifest.counters["steps"] == 8
    # Each goes on from its own, and all from one where there is one.
    continued = trained(store, embedded, tokens, num_seeds=2, seed=5, model=both.address)
    again = trained(store, embedded, tokens, seed=6, model=alone[1].address)
    assert weights_of(models_of(continued)[1]) == weights_of(again)
    shared = trained(store, embedded, tokens, num_seeds=2, seed=5, model=alone[0].address)
    assert weights_of(models_of(shared)[0]) == weights_of(models_of(continued)[0])
    with pytest.raises(UsageError, match=r"holds 2 trainings, and this is to start from number 3 of them"):
        trained(store, embedded, tokens, num_seeds=3, model=both.address)


def test_where_one_model_is_wanted_an_artifact_of_several_trainings_gives_its_first(
    store: Store, embedded: EmbeddedStore, tokens: Artifact
) -> None:
    one = trained(store, embedded, tokens)
    assert models_of(one) == (one,)
    both = trained(store, embedded, tokens, num_seeds=2)
    assert [part.name for part in model_parts_of(both)] == [part.name for part in model_parts_of(one)]
    second = {part.key for part in model_parts_of(both, training=1)}
    assert second < {part.key for part in models_of(both)[1].parts()}
    assert not second & {part.key for part in model_parts_of(both)}
    with pytest.raises(UsageError, match=r"expected --training of 1 at most, got 2: .* the first is 0"):
        model_parts_of(both, training=2)
