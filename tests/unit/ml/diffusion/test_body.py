"""The body that decoding runs is that of transformers, for the columns that are asked about."""

import pytest
import torch

from octo.ml.diffusion.body import states
from octo.ml.diffusion.denoiser import hidden_states, sight_of
from octo.ml.models import new_model
from octo.settings.midtraining import ModelShape
from tests.unit.ml.diffusion.models import KINDS

SHAPE = ModelShape(hidden_size=32, intermediate_size=64, num_layers=3, num_heads=4, num_key_value_heads=2)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("padding", [0, 3])
def test_states_are_those_of_transformers(architecture: str, padding: int) -> None:
    torch.manual_seed(padding)
    shape = SHAPE.model_copy(update={"architecture": architecture})
    model = new_model(shape, vocabulary_size=50, context=64, seed=2).double().eval()
    with torch.no_grad():
        # Of new models the biases are zero, and nothing would show that they are left out.
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64))
        tokens_BS = torch.randint(0, 50, (2, 12))
        valid_BS = torch.ones(2, 12, dtype=torch.bool)
        valid_BS[0, :padding] = False
        asked_BS = torch.rand(2, 12) < 0.5
        asked_BS[0, :padding] = False
        asked_BS[1, 0] = True
        sight = sight_of(valid_BS, torch.zeros_like(valid_BS), KINDS["adapted"])
        whole_BSD = hidden_states(model, tokens_BS, sight=sight)
        found_ND = states(
            model, tokens_BS, positions_BC=sight.positions_BS, sees_BCS=valid_BS[:, None, :], asked_BC=asked_BS
        )
    assert torch.allclose(found_ND, whole_BSD[asked_BS], atol=1e-12, rtol=1e-10)
