"""What is trained does not depend on how its training is shared out: real ranks, packed documents, a store on S3."""

import json
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load
from transformers import AutoModelForCausalLM, GPT2Config, PreTrainedModel, Qwen2Config

from octo.data.tokenizer import train
from octo.job import produce
from octo.ml.loading import ALL_WEIGHTS
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit_model
from tests.ranks import run_ranks
from tests.token_shards import commit_tokens
from tests.wire.pretrained_models import TINY

WORDS = train([""], vocabulary_size=0)
# Tied embeddings, biases, fewer heads of keys; and an old model, which would drop a third of everything.
QWEN2 = Qwen2Config(**{**TINY, "tie_word_embeddings": True})
GPT2 = GPT2Config(
    vocab_size=320,
    n_embd=16,
    n_layer=2,
    n_head=2,
    n_positions=64,
    bos_token_id=None,
    eos_token_id=0,
    **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.3),
)
CASES = [
    {"zero_stage": stage, "gradient_checkpointing": again, "precision": precision}
    for stage, precision, again in product(range(4), ("float32", "bfloat16"), (False, True))
]
LORA = LoraSettings(rank=2, modules=("q_proj", "up_proj"))
ADAPTED: list[dict[str, Any]] = [
    {"zero_stage": 0, "precision": "float32"},
    {"zero_stage": 2, "precision": "float32"},
    {"zero_stage": 1, "precision": "bfloat16"},
    {"zero_stage": 3, "precision": "float32"},
]
"""Trained by adapters alone."""

Settings = Callable[..., MidtrainingSettings]


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> Settings:
    tokens = commit_tokens(store, tmp_path / "tokens", {"web": [6, 5], "math": [4]})

    def of(model: PreTrainedModel) -> Settings:
        address = commit_model(store, model, WORDS).address
        return lambda at, *, lora=ALL_WEIGHTS, **optimizer: MidtrainingSettings(
            store=at.address,
            s3=embedded.s3,
            probe=False,
            model=address,
            tokens=(tokens.address,),
            num_steps=2,
            batch_size=8,
            micro_batch_size=2,
            learning_rate=1e-3,
            gang={"checkpoint_every": 0},
            optimizer=optimizer,
            lora=lora,
        )

    return of


def new(config: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


def artifact_of(settings: MidtrainingSettings) -> Artifact:
    """The model that is committed, or is trained now by this process alone."""
    artifact = produce(settings, "octo.ml.midtraining:midtrain")
    assert isinstance(artifact, Artifact)
    return artifact


def weights_of(artifact: Artifact) -> dict[str, torch.Tensor]:
    return {name: each.float() for name, each in load(artifact.read_one("model.safetensors")).items()}


def test_content_is_that_of_one_rank_at_every_stage_in_either_precision_and_computed_twice(
    settings: Settings, store: Store
) -> None:
    alone = store.at(f"{store.address}/alone")
    # A stage belongs to no digest: in one store, the first would be all.
    shared = [store.at(f"{store.address}/shared-{number}") for number in range(len(CASES) + 1 + len(ADAPTED))]
    qwen2, gpt2 = new(QWEN2), new(GPT2)
    of_qwen2, of_gpt2 = settings(qwen2), settings(gpt2)
    trainings = [of_qwen2(at, **case) for at, case in zip(shared, CASES, strict=False)]
    trainings.append(of_gpt2(shared[len(CASES)], zero_stage=3))
    trainings += [of_qwen2(at, lora=LORA, **case) for at, case in zip(shared[len(CASES) + 1 :], ADAPTED, strict=True)]
    flags = [json.dumps(arguments_of(each)) for each in trainings]
    ended = run_ranks(2, "tests.wire.trainings_run", *flags, environment=secrets_of(trainings[0]))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("would leave parts of itself to chance") == 1
    committed = [len(list(at.list("artifacts/"))) for at in shared]

    found = [artifact_of(training) for training in trainings]
    found, adapted = found[: -len(ADAPTED)], found[-len(ADAPTED) :]
    before = qwen2.state_dict()
    one = {
        precision: artifact_of(of_qwen2(alone, zero_stage=0, precision=precision))
        for precision in ("float32", "bfloat16")
    }
    for case, artifact in zip(CASES, found[:-1], strict=True):
        expected = one[str(case["precision"])]
        # What ranks and stages change is the address of a store alone.
        if not case["gradient_checkpointing"]:
            assert artifact.manifest.digest == expected.manifest.digest, case
        assert artifact.manifest.content == expected.manifest.content, case
    exact, rounded = (weights_of(each) for each in one.values())
    # A tenth of what the training changed: bfloat16 rounds what it keeps.
    assert 0 < distance(rounded, exact) < 0.1 * distance(exact, before)
    assert found[-1].manifest.content == artifact_of(of_gpt2(alone, zero_stage=0)).manifest.content
    of_adapters = {
        precision: artifact_of(of_qwen2(alone, lora=LORA, zero_stage=0, precision=precision))
        for precision in ("float32", "bfloat16")
    }
    for case, artifact in zip(ADAPTED, adapted, strict=True):
        assert artifact.manifest.content == of_adapters[case["precision"]].manifest.content, case
        weights = weights_of(artifact)
        assert weights.keys() == exact.keys()
        for name, each in weights.items():
            if case["precision"] == "float32":
                changes = name.endswith(".weight") and any(part in name for part in LORA.modules)
                assert torch.equal(each, before[name]) != changes, name
    # All of them were there.
    assert [len(list(at.list("artifacts/"))) for at in shared] == committed


def distance(weights: Mapping[str, torch.Tensor], others: Mapping[str, torch.Tensor]) -> float:
    return (
        sum(float((weights[name] - others[name]).square().sum()) for name in weights if weights[name].ndim == 2) ** 0.5
    )
