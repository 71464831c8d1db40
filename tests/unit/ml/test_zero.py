"""What ZeRO no longer holds twice changes no update."""

from typing import Any

import pytest
import torch

from octo.memory_plain import BUCKET, bucket_elements
from octo.ml import plain as plain_module
from octo.ml.engine import Engine
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.engine_run import MICRO_BATCHES, Toy, engine_of, lists, train


def trained(engine: Engine) -> tuple[Any, ...]:
    steps = train(engine, range(3))
    return steps, lists(engine.weights()), lists(engine.partition().items())


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("size", [50, 1000, 2000])
def test_updates_are_what_deepspeed_makes_by_itself_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, stage: int, size: int
) -> None:
    # Buckets that no matrix fits in, that each fits in, and that hold more than one.
    monkeypatch.setattr(plain_module, "bucket_size", lambda: size)
    own = trained(engine_of(f"{stage}-float32"))
    monkeypatch.setattr(plain_module, "bucket_size", lambda: BUCKET)
    monkeypatch.setattr(plain_module, "hold_once", lambda _zero: None)
    assert own == trained(engine_of(f"{stage}-float32"))


@pytest.mark.parametrize("stage", [1, 2])
def test_what_is_updated_is_the_models_own_memory(stage: int) -> None:
    engine = engine_of(f"{stage}-float32")
    train(engine, range(2))
    [master] = [each for name, each in engine.partition().items() if name == "0.weights"]
    held = {tensor.untyped_storage().data_ptr() for _, tensor in engine.weights()}
    assert held == {master.untyped_storage().data_ptr()}


class WithUnused(Toy):
    """A model that does not use all of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.ones(3))


def test_without_zero_one_rank_sums_gradients_with_nobody_and_decays_what_it_did_not_use() -> None:
    found = []
    for enabled in (False, True):
        settings = OptimizerSettings(reduction="plain", zero_stage=0, weight_decay=0.5)
        engine = Engine(WithUnused(), settings=settings, micro_batches=MICRO_BATCHES)  # type: ignore[arg-type]  # enough of one
        inner: Any = engine._updates._engine
        assert inner.enable_backward_allreduce is False
        inner.enable_backward_allreduce = enabled
        found.append(trained(engine))
    assert found[0] == found[1]
    assert all(0 < each < 1 for each in found[0][1]["unused"])


def test_only_two_summands_may_be_added_in_any_order() -> None:
    assert bucket_elements(1) == bucket_elements(2) < bucket_elements(3) == bucket_elements(64) == BUCKET
    assert torch.equal(torch.tensor(0.1) + torch.tensor(0.7), torch.tensor(0.7) + torch.tensor(0.1))
