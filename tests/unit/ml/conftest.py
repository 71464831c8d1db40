import pytest
import torch
from transformers import PreTrainedModel

from octo.ml.attention import attend_by_documents
from octo.ml.models import new_model
from octo.settings.midtraining import ModelShape

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_layers": 2, "num_heads": 4, "num_key_value_heads": 2}


@pytest.fixture(params=["llama", "qwen2"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.set_num_threads(1)
    shape = ModelShape(architecture=request.param, **SMALL)
    model = new_model(shape, vocabulary_size=48, context=64, seed=3).eval()
    attend_by_documents(model)
    return model
