"""Compiled layers compute what they computed before, to rounding, and the same bits whenever they are compiled."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from octo.errors import UsageError
from octo.ml import compiled
from octo.ml.batches import language_model_loss, packed_batch
from octo.ml.compiled import compile_layers
from octo.ml.loading import make_ready
from octo.ml.recomputation import recompute
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from tests.ranks import run_ranks
from tests.unit.ml.test_attention import SMALL
from tests.unit.ml.test_batches import packed

LAYERS = 10
"""More than torch compiles one function for, before it gives up."""


def ready() -> PreTrainedModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**{**SMALL, "num_hidden_layers": LAYERS})).train()
    make_ready(model)
    return model


def learnt(model: PreTrainedModel) -> list[torch.Tensor]:
    """A loss and its gradients."""
    model.zero_grad()
    loss = language_model_loss(model, packed_batch(packed()), num_predicted=30)
    loss.backward()
    return [loss.detach(), *(each.grad.clone() for each in model.parameters() if each.grad is not None)]


@pytest.mark.slow
def test_compiled_layers_learn_the_same_and_the_same_bits_when_they_are_compiled_anew(tmp_path: Path) -> None:
    exact = learnt(ready().double())
    found = []
    for name in ("one", "another"):
        torch._dynamo.reset()
        model = ready()
        compile_layers(model, scratch=tmp_path / name)
        found.append(learnt(model))
        assert any((tmp_path / name / "compiled").iterdir())
        again = deepcopy(found[-1])
        recompute(model, OptimizerSettings(gradient_checkpointing=True, checkpointed_layers=0.5))
        assert all(torch.equal(*pair) for pair in zip(learnt(model), again, strict=True))
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    for mine, theirs in zip(found[0], exact, strict=True):
        assert (mine.double() - theirs).norm() <= 1e-5 * theirs.norm()


def test_a_machine_without_a_compiler_is_told_of_it_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled.shutil, "which", lambda _name: None)
    with pytest.raises(UsageError, match="--compile layers needs a C\\+\\+ compiler on the machine that trains"):
        compile_layers(ready(), scratch=tmp_path)


def test_weights_that_are_gathered_between_layers_are_not_compiled_with_them() -> None:
    with pytest.raises(ValueError, match="expected zero_stage 0, 1 or 2 with compile layers, got 3"):
        MidtrainingSettings(compile="layers", optimizer=OptimizerSettings(zero_stage=3))


@pytest.mark.slow
def test_compiled_layers_learn_the_same_bits_in_every_process_and_on_two_ranks_and_keep_documents_apart(
    tmp_path: Path,
) -> None:
    found = []
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        ended = run_ranks(ranks, "tests.unit.ml.compiled_run", str(folder))
        assert ended.returncode == 0, ended.stderr
        found.append(json.loads((folder / "found.json").read_text()))
        # Each has compiled for itself.
        assert all(any((folder / str(rank) / "compiled").iterdir()) for rank in range(ranks))
    assert found[0]["digests"] == found[1]["digests"]
    assert len(set(found[0]["digests"].values())) == 2
    first, second, *others = found[0]["reached"]
    assert second > 0
    assert [first, *others] == [0.0] * len(found[0]["reached"][1:])
