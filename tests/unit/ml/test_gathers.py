"""How often a layer's weights are gathered where each rank has a share of them, and how many are whole at a time."""

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from octo.ml.batches import language_model_loss, num_predicted, packed_batch
from octo.ml.engine import Engine
from octo.ml.loading import make_ready
from octo.ml.sharded import Sharded
from octo.ml.units import Unit, layouts
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.test_attention import SMALL
from tests.unit.ml.test_batches import packed

LAYERS = 3


class Told(Unit):
    """A unit that tells when its weights are brought, and which layers' are here then."""

    def __init__(self, told: list["Told"], *layout: Any, **where: Any) -> None:
        super().__init__(*layout, **where)
        self.gathers, self.most = 0, 0
        self._told = told

    def gather(self) -> None:
        self.gathers += not self.is_whole
        super().gather()
        self.most = max(self.most, len({each.layout.layer for each in self._told if each.is_whole} - {""}))


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("again", [0.0, 0.5, 1.0])
def test_a_layer_is_gathered_on_the_way_there_and_back_and_not_once_more_where_it_is_computed_again(
    again: float, rank: int
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{**SMALL, "num_hidden_layers": LAYERS})).train()
    make_ready(model, lora=LoraSettings(rank=rank, modules=("q_proj",)))
    units: list[Told] = []
    for layout in layouts(model.named_parameters()):
        named = dict(model.named_parameters())
        weights = [named[name] for name in layout.shapes]
        unit = Told(units, layout, weights, dtype=torch.float32, device=torch.device("cpu"))
        unit.fill(named.__getitem__)
        units.append(unit)
    for unit in units:
        unit.keep_share()
    Sharded(model, [*units])
    settings = OptimizerSettings(zero_stage=3, gradient_checkpointing=again > 0, checkpointed_layers=again or 1)
    engine = Engine(model, settings=settings, micro_batches=2)
    batch, count = packed_batch(packed()), num_predicted(packed())
    engine.step([lambda model: language_model_loss(model, batch, num_predicted=2 * count)] * 2, learning_rate=1e-3)
    of_layers = [each for each in units if each.layout.layer]
    assert len({each.layout.layer for each in of_layers}) == LAYERS
    assert {each.gathers for each in of_layers} == {2 * 2}
    assert {each.gathers for each in units if not each.layout.layer} == {2}
    assert max(each.most for each in units) == 1
    assert not any(each.is_whole for each in units)
