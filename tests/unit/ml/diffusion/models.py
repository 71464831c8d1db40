"""Small models with random weights, made diffusion models, and prompts for them."""

from octo.ml.attention import attend_by_documents
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


KINDS = {
    "adapted": Kind(MASK_ID, PAD_ID),
    "apart": Kind(MASK_ID, PAD_ID, "prefix"),
    "unshifted": Kind(MASK_ID, PAD_ID, shift=False),
    "unshifted, apart": Kind(MASK_ID, PAD_ID, "prefix", shift=False),
    "blocks": Kind(MASK_ID, PAD_ID, "blocks", shift=False, block_length=4),
    "shifted blocks": Kind(MASK_ID, PAD_ID, "blocks", block_length=3),
}
"""In what published models differ: DiffuCoder and Dream are adapted, LLaDA is unshifted, SDAR is of blocks."""


def small_model(*, attention: Attention = "bidirectional", spread: float = 70.0, kind: Kind | None = None):
    """A model in float64: however its matrix products are cut, its logits are the same float32 numbers.

    Its logits are spread like a trained model's: with flat ones a nucleus would be the vocabulary.
    """
    shape = ModelShape(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=4, num_key_value_heads=2)
    model = new_model(shape, vocabulary_size=VOCABULARY_SIZE, context=128, seed=1)
    become_diffusion(model.config, kind or Kind(MASK_ID, PAD_ID, attention))
    model.lm_head.weight.data.mul_(spread)
    attend_by_documents(model)
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
