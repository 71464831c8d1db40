"""octo's own sampler in a worker: to the last bit the completions that the learner would sample itself."""

from pathlib import Path

from safetensors import SafetensorError

from octo.data.tokenizer import read_tokenizer
from octo.errors import InputError, UsageError
from octo.ml.attention import attend_by_documents
from octo.ml.models import load_model, take_weights
from octo.ml.placement import device_of
from octo.ml.products import multiply_fast
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Chunk, sample
from octo.ml.stops import Stops
from octo.ml.tensor_files import read_tensors
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact


class TorchEngine:
    """The model that the learner started from, and then whatever weights it is given."""

    def __init__(self, start: Artifact, settings: RlSettings, scratch: Path) -> None:
        self._model = load_model(start, scratch=scratch, on=device_of(settings))
        attend_by_documents(self._model)
        # As the learner does, which would sample by other roundings otherwise.
        multiply_fast(self._model)
        self._stops = Stops(read_tokenizer(start), settings.stops) if settings.stops else None

    def load(self, weights: Path) -> None:
        """Take the weights of a safetensors file; UsageError when they are not of this model."""
        try:
            take_weights(self._model, read_tensors(weights))
        except (SafetensorError, InputError) as error:
            raise UsageError(f"these weights are not of this worker's model: {error}") from error

    def complete(self, chunk: Chunk) -> Completions:
        """The chunk's completions under the weights that were loaded last."""
        return sample(self._model, chunk, self._stops)
