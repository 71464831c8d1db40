"""A step of mid-training waits for nothing that it computes: on a device without numbers, as on an accelerator."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from octo.data.mixture import mixture_of
from octo.data.sequences import SequenceReader
from octo.data.token_shards import open_token_shards
from octo.ml import engine, exact
from octo.ml.attention import attend_by_documents
from octo.ml.diffusion.denoiser import Kind
from octo.ml.engine import Engine
from octo.ml.loop import Step
from octo.ml.midtraining import read_step, train_step
from octo.ml.models import new_model
from octo.ml.sequences import micro_batches
from octo.ml.source_losses import SourceLosses
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.storage.store import Store
from tests.token_shards import commit_tokens

SHAPE = ModelShape(hidden_size=16, intermediate_size=16, num_layers=2, num_heads=2, num_key_value_heads=1)


@pytest.mark.parametrize("objective", ["causal", "diffusion"])
@pytest.mark.parametrize("optimizer", [{}, {"precision": "bfloat16", "gradient_checkpointing": True, "zero_stage": 0}])
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_step_asks_nothing_of_the_device_that_computes_it(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ranks: int,
    objective: str,
    optimizer: Mapping[str, object],
) -> None:
    """Whatever waits for one of its numbers, or for how many there are, fails: a loss, a norm, a count of tokens."""
    shards = open_token_shards([commit_tokens(store, tmp_path / "tokens", {"web": [8], "math": [4]})])
    settings = MidtrainingSettings.model_validate(
        {"shape": SHAPE, "batch_size": 4, "micro_batch_size": 2, "objective": objective, "optimizer": optimizer}
    )
    mixture = mixture_of({}, shards.counts, seed=0)
    model = new_model(SHAPE, vocabulary_size=48, context=16, seed=3)
    attend_by_documents(model)
    elsewhere = torch.device("meta")
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    for collective in ("all_reduce", "all_gather", "all_gather_into_tensor", "all_to_all_single"):
        # There are no numbers that the other rank could have.
        monkeypatch.setattr(torch.distributed, collective, lambda *_, **__: None)
    for module in (engine, exact):
        monkeypatch.setattr(module, "device_of_rank", lambda: elsewhere)
    trained = Engine(model.train().to(elsewhere), settings=settings.optimizer, micro_batches=2)
    kind = Kind(47, 46, "open") if objective == "diffusion" else None
    with SequenceReader(shards, mixture, folder=tmp_path / "read", cache_bytes=1 << 20) as reader:
        for number in range(2):
            sums = SourceLosses(mixture, micro_batches(settings, number))
            batches = read_step(reader, settings, number)
            update = train_step(trained, batches, settings, step=Step(number, 1e-3), kind=kind, sums=sums)
    with pytest.raises(NotImplementedError, match="meta"):
        assert update.results[0].applied
