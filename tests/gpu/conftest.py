"""Every test here compares a device with the processor in float32; on the processor itself it shows that it runs."""

from collections.abc import Callable

import pytest
import torch
from transformers import PreTrainedModel

from octo.ml.models import new_model
from octo.settings.midtraining import ModelShape

SHAPE = ModelShape(
    architecture="qwen2", hidden_size=128, intermediate_size=256, num_layers=2, num_heads=4, num_key_value_heads=2
)
"""Heads of 32: every kernel of attention has a size for that."""
VOCABULARY = 512
CPU = torch.device("cpu")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip(f"torch {torch.__version__} finds no GPU on this machine")
    return torch.device(request.param)


@pytest.fixture
def model_on() -> Callable[..., PreTrainedModel]:
    """The same weights wherever the model is."""

    def make(device: torch.device, precision: torch.dtype = torch.float32) -> PreTrainedModel:
        torch.set_num_threads(1)
        model = new_model(SHAPE, vocabulary_size=VOCABULARY, context=1024, seed=5).to(device)
        for parameter in model.parameters():
            parameter.data = parameter.data.to(precision)
        return model

    return make
