"""Twins of published models, of random weights, their vocabulary whole and two of their layers, all the way round.

Each is taken in as its makers publish it, trained on two ranks and exported by the commands that people call, and then
computes in transformers and in vLLM what it computes here.
"""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PretrainedConfig, Qwen2Config, Qwen3Config

from octo.cli import main
from octo.data.documents import Document, new_document, to_parquet
from octo.data.tokenizer import read_tokenizer
from octo.job import produce
from octo.ml.models import load_model
from octo.settings.pretrained import PretrainedSettings
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.ports import free_port
from tests.wire.pretrained_models import tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

END = "<|endoftext|>"
QWEN = {"vocab_size": 151_936, "eos_token_id": 151_643, "rms_norm_eps": 1e-6}
TWINS: Mapping[str, Callable[[], PretrainedConfig]] = {
    "Llama-3.2-1B": lambda: LlamaConfig(
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=2,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        max_position_embeddings=131_072,
        rms_norm_eps=1e-5,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500_000.0,
            "factor": 32.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
        },
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=128_001,
    ),
    "Qwen2.5-0.5B": lambda: Qwen2Config(
        **QWEN,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=2,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
        bos_token_id=None,
    ),
    "Qwen3-0.6B": lambda: Qwen3Config(
        **QWEN,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=2,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=40_960,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
        bos_token_id=None,
    ),
}
LESS_MEMORY = {"Llama-3.2-1B": ["--optimizer.zero-stage=3", "--optimizer.precision=bfloat16"]}
"""The largest, whose ranks have half of everything each."""
LENGTH = 16
TOKENS_BS = torch.arange(2 * LENGTH).view(2, LENGTH) * 3 % 280


@dataclass(frozen=True)
class Trip:
    """What a twin was at each station."""

    source: Path
    taken: Artifact
    untrained: Path
    """The export of what was taken in."""
    trained: Artifact
    exported: Path
    """The export of what was trained."""


@pytest.fixture(scope="module", params=TWINS)
def trip(
    request: pytest.FixtureRequest,
    connection: Store,
    embedded: EmbeddedStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trip:
    store = connection.at(f"{connection.address}/{uuid.uuid4().hex}")
    place = {"store": store.address, "s3": embedded.s3, "probe": False}
    folder = tmp_path_factory.mktemp("twin")
    source = publish(TWINS[request.param](), folder / "source")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OCTO_S3__ACCESS_KEY", embedded.s3.access_key.get_secret_value())
        environment.setenv("OCTO_S3__SECRET_KEY", embedded.s3.secret_key.get_secret_value())
        flags = [f"--store={store.address}", f"--s3.endpoint={embedded.s3.endpoint}"]
        taken = produce(PretrainedSettings(**place, source=str(source)), "octo.ml.pretrained:take_in")
        tokens = produce(
            TokenizationSettings(
                **place, corpus=(corpus(store).address,), tokenizer=taken.address, sequence_length=LENGTH
            ),
            "octo.data.tokenization:tokenize",
        )
        trained = open_artifact(store, midtrain(taken, tokens, *flags, *LESS_MEMORY.get(request.param, [])))
        for artifact, name in ((taken, "untrained"), (trained, "exported")):
            assert main(["export", artifact.address, str(folder / name), *flags]) == 0
    return Trip(source, taken, folder / "untrained", trained, folder / "exported")


def publish(config: PretrainedConfig, folder: Path) -> Path:
    """A model of the configuration in several files, and a small tokenizer whose end is where the model's own is."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="300MB")
    small = tokenizer().files
    words = json.loads(small["tokenizer.json"])
    words["model"]["vocab"][END] = config.eos_token_id
    next(each for each in words["added_tokens"] if each["content"] == END)["id"] = config.eos_token_id
    (folder / "tokenizer.json").write_text(json.dumps(words))
    (folder / "tokenizer_config.json").write_bytes(small["tokenizer_config.json"])
    return folder


def corpus(store: Store) -> Artifact:
    documents = [new_document(f"def f(x): return x + {n}", source="code", url=str(n)) for n in range(40)]
    body = to_parquet(documents, Document)
    return commit(
        store,
        [{"documents.parquet": body}],
        job="curation",
        rows=[{"documents.parquet": len(documents)}],
    )


def midtrain(model: Artifact, tokens: Artifact, *flags: str) -> str:
    """The address of what three steps on two ranks make of a model, stopped after the first and gone on with."""
    job = ["-m", "jobs.midtraining", f"--model={model.address}", f"--tokens={tokens.address}", "--num-steps=3"]
    job += ["--batch-size=2", "--micro-batch-size=1", "--learning-rate=1e-4", "--gang.checkpoint-every=2", *flags]
    with gang(job) as stopped:
        if any("1 of 3 steps" in line for line in stopped.stdout):
            stopped.send_signal(signal.SIGTERM)
        said = stopped.communicate()[1]
    # Both ranks have saved what they have by then; a temporary failure, which says to run again.
    assert stopped.returncode == 75, said
    with gang(job) as resumed:
        printed, said = resumed.communicate()
    assert resumed.returncode == 0, said
    assert re.search("goes on after step [12] of 3", said)
    return printed.split()[-1]


def gang(job: list[str]) -> "subprocess.Popen[str]":
    port = free_port()
    command = [sys.executable, "-m", "octo.ml.gang", "--nproc-per-node=2", f"--master-port={port}", *job]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@torch.no_grad()
def logits_of(model: torch.nn.Module) -> torch.Tensor:
    return model.eval()(TOKENS_BS).logits


def tensors(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in sorted(file.keys()):
                yield name, file.get_tensor(name)


def test_import_and_export_alone_return_the_same_tensors_bit_for_bit(trip: Trip) -> None:
    assert len(list(trip.source.glob("*.safetensors"))) > 1
    pairs = zip(tensors(trip.source), tensors(trip.untrained), strict=True)
    assert all(
        name == other and before.dtype == after.dtype == torch.bfloat16 and torch.equal(before, after)
        for (name, before), (other, after) in pairs
    )


def test_what_was_trained_and_exported_computes_the_same_in_transformers(trip: Trip, tmp_path: Path) -> None:
    assert [json.loads(line)["step"] for line in trip.trained.read_one("metrics.jsonl").splitlines()] == [1, 2, 3]
    ours_BSV = logits_of(load_model(trip.trained, scratch=tmp_path))
    theirs_BSV = logits_of(AutoModelForCausalLM.from_pretrained(trip.exported, dtype=torch.float32))
    assert ours_BSV.shape[-1] > 128_000
    torch.testing.assert_close(ours_BSV, theirs_BSV, atol=1e-5, rtol=1e-5)
    before_BSV = logits_of(load_model(trip.taken, scratch=tmp_path))
    assert (ours_BSV - before_BSV).abs().max() > 0.01
    assert all(name != "lm_head.weight" for name, _ in tensors(trip.exported))


def test_the_tokenizer_comes_through_with_its_end_beyond_65_536(trip: Trip) -> None:
    words = AutoTokenizer.from_pretrained(trip.exported)
    ours = read_tokenizer(trip.trained)
    assert words.eos_token_id == ours.end_id > 1 << 16
    assert words("def f(x)", add_special_tokens=False).input_ids == ours.encode("def f(x)")


@pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed in this environment")
def test_what_was_trained_and_exported_computes_the_same_in_vllm(trip: Trip, tmp_path: Path) -> None:
    logprobs_BSV = logits_of(load_model(trip.trained, scratch=tmp_path)).log_softmax(-1)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.e2e.vllm_logprobs", str(trip.exported)],
        input=json.dumps(TOKENS_BS.tolist()),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    for logprobs_SV, choices_S in zip(logprobs_BSV, told, strict=True):
        for logprobs_V, choices in zip(logprobs_SV[:-1], choices_S, strict=True):
            theirs = torch.tensor(list(choices.values()))
            torch.testing.assert_close(logprobs_V[list(map(int, choices))], theirs, atol=5e-5, rtol=1e-5)
