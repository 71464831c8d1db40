"""Small models with random weights, made diffusion models, and prompts for them."""

from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.denoiser import Attention, Kind, become_diffusion
from octo.ml.models import new_model
from octo.randomness import generator
from octo.settings.midtraining import ModelShape

VOCABULARY_SIZE = 96
MASK_ID = VOCABULARY_SIZE - 1
PAD_ID = VOCABULARY_SIZE - 2
END_ID = 14
"""A token that the model likes to write."""


def small_model(*, attention: Attention = "bidirectional", spread: float = 70.0):
    """A model in float64: however its matrix products are cut, its logits are the same float32 numbers.

    Its logits are spread like a trained model's: with flat ones a nucleus would be the vocabulary.
    """
    shape = ModelShape(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=4, num_key_value_heads=2)
    model = new_model(shape, vocabulary_size=VOCABULARY_SIZE, context=128, seed=1)
    become_diffusion(model.config, Kind(MASK_ID, PAD_ID, attention))
    model.lm_head.weight.data.mul_(spread)
    model.train(mode=False)
    return model.double()


def some_requests(count: int, *, longest: int = 16) -> list[Request]:
    """Prompts and lengths of all sorts."""
    requests = []
    for number in range(count):
        random = generator(7, "requests", number)
        prompt = random.integers(0, 90, size=int(random.integers(1, 12))).tolist()
        requests.append(Request(prompt, int(random.integers(4, longest + 1)), ("test", number)))
    return requests
