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
    # ZeRO 0 adds gradients up in the weights' own numbers, so it is refused with bfloat16.
    if stage or precision == "float32"
]
"""Stage 3 comes last: from then on DeepSpeed multiplies in a way of its own, everywhere in a process."""
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

    def of(model: PreTrainedModel, at: Store) -> Settings:
        address = commit_model(store, model, WORDS).address
        return lambda *, lora=ALL_WEIGHTS, **optimizer: MidtrainingSettings(
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


def weights_of(settings: MidtrainingSettings) -> dict[str, torch.Tensor]:
    """Of the model that is committed, or is trained now by this process alone."""
    artifact = produce(settings, "octo.ml.midtraining:midtrain")
    assert isinstance(artifact, Artifact)
    return {name: each.float() for name, each in load(artifact.read_one("model.safetensors")).items()}


def test_weights_are_those_of_one_rank_at_every_stage_in_either_precision_and_computed_twice(
    settings: Settings, store: Store
) -> None:
    alone, shared = (store.at(f"{store.address}/{name}") for name in ("alone", "shared"))
    qwen2, gpt2 = new(QWEN2), new(GPT2)
    trainings = [settings(qwen2, shared)(**case) for case in CASES] + [settings(gpt2, shared)(zero_stage=3)]
    trainings += [settings(qwen2, shared)(lora=LORA, **case) for case in ADAPTED]
    flags = [json.dumps(arguments_of(each)) for each in trainings]
    ended = run_ranks(2, "tests.wire.trainings_run", *flags, environment=secrets_of(trainings[0]))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("would leave parts of itself to chance") == 1
    committed = len(list(shared.list("artifacts/")))

    found = [weights_of(training) for training in trainings]
    found, adapted = found[: -len(ADAPTED)], found[-len(ADAPTED) :]
    one, before = weights_of(settings(qwen2, alone)(zero_stage=0)), qwen2.state_dict()
    rounded: dict[bool, dict[str, torch.Tensor]] = {}
    for case, weights in zip(CASES, found[:-1], strict=True):
        assert weights.keys() == one.keys()
        if case["precision"] == "float32":
            same = one
        else:
            same = rounded.setdefault(case["zero_stage"] == 3, weights)
            # A tenth of what the training changed: bfloat16 rounds what it keeps.
            assert distance(weights, one) < 0.1 * distance(one, before), case
        for name in one:
            torch.testing.assert_close(weights[name], same[name], rtol=1e-5, atol=2e-6, msg=f"{name} of {case}")
    for name, weights in weights_of(settings(gpt2, alone)(zero_stage=0)).items():
        torch.testing.assert_close(found[-1][name], weights, rtol=1e-5, atol=2e-6)
    of_adapters = weights_of(settings(qwen2, alone)(lora=LORA, zero_stage=0))
    for case, weights in zip(ADAPTED, adapted, strict=True):
        assert weights.keys() == one.keys()
        for name, each in weights.items():
            rounding = 1e-2 if case["precision"] == "bfloat16" else 2e-6
            torch.testing.assert_close(each, of_adapters[name], rtol=1e-5, atol=rounding, msg=f"{name} of {case}")
            if case["precision"] == "float32":
                changes = name.endswith(".weight") and any(part in name for part in LORA.modules)
                assert torch.equal(each, before[name]) != changes, name
    # All of them were there.
    assert len(list(shared.list("artifacts/"))) == committed


def distance(weights: Mapping[str, torch.Tensor], others: Mapping[str, torch.Tensor]) -> float:
    return (
        sum(float((weights[name] - others[name]).square().sum()) for name in weights if weights[name].ndim == 2) ** 0.5
    )
