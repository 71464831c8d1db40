"""octo's own sampler in a worker: to the last bit the completions that the learner would sample itself."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from octo.errors import UsageError
from octo.ml.models import accelerator, load_model
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Chunk, sample
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact


class TorchEngine:
    """The model that the learner started from, and then whatever weights it is given."""

    def __init__(self, start: Artifact, _settings: RlSettings, _scratch: Path) -> None:
        self._model = load_model(start, on=accelerator())

    def load(self, weights: Path) -> None:
        """Take the weights of a safetensors file; UsageError when they are not of this model."""
        try:
            tensors = load_file(weights)
            for name, parameter in self._model.named_parameters():
                # As DeepSpeed converts the learner's: the weights alone, and not the buffers beside them.
                parameter.data = parameter.data.to(tensors[name].dtype)
            self._model.load_state_dict(tensors, strict=True)
        except (SafetensorError, RuntimeError, KeyError) as error:
            raise UsageError(f"these weights are not of this worker's model: {error}".partition("\n")[0]) from error

    def complete(self, chunk: Chunk) -> Completions:
        """The chunk's completions under the weights that were loaded last."""
        return sample(self._model, chunk)
