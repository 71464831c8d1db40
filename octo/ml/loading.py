"""The model that a training starts from, read so that no rank holds more of it than it keeps."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from torch.nn import Parameter
from transformers import PretrainedConfig, PreTrainedModel

from octo.ml.attention import attend_by_documents
from octo.ml.dropout import check_repeatable, without_dropout
from octo.ml.engine import gathering, partitioned
from octo.ml.models import empty_model, fetch_model, is_tied, keeps_stored_names, read_config, read_model
from octo.ml.products import multiply_fast
from octo.ml.tensor_files import StoredTensors, read_header
from octo.model_files import is_weights
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import GangSettings, OptimizerSettings
from octo.storage.artifacts import Artifact

ALL_WEIGHTS = LoraSettings()
"""No adapters."""


def load_to_train(
    artifact: Artifact,
    *,
    scratch: Path,
    settings: OptimizerSettings,
    gang: GangSettings,
    whole: Callable[[PretrainedConfig], bool] = lambda _config: False,
) -> PreTrainedModel:
    """The model of an artifact, its weights verified against the manifest; at ZeRO stage 3 shared out among the ranks.

    It has no dropout. At stage 3 rank 0 reads a tensor at a time, which every rank keeps its share of. What only
    transformers can make a model of, because its class has other tensors than are stored (experts, buffers), is first
    made whole on every rank.

    Args:
        artifact: of a pretrained, midtraining, tuning or rl job.
        scratch: where the files are for as long as they are read.
        settings: those that the model's engine will have.
        gang: likewise.
        whole: of which models the parameters are needed before there is an engine.

    Raises:
        InputError: see octo.ml.models.load_model.
        UsageError: in training it would leave something to chance all the same.
    """
    with TemporaryDirectory(dir=scratch, prefix="model-") as name:
        folder = Path(name)
        fetch_model(artifact, folder)
        config = without_dropout(read_config(folder, name=artifact.address), name=artifact.address)
        model = None
        if settings.zero_stage == 3 and not whole(config) and keeps_stored_names(config):
            empty = empty_model(config, name=artifact.address)
            files = [path for path in folder.iterdir() if is_weights(path.name)]
            if _fits(empty, files):
                model = partitioned(empty, StoredTensors(files), settings=settings, gang=gang)
        model = model or read_model(folder, name=artifact.address, config=config)
    with gathering(model):
        check_repeatable(model)
    return model


def make_ready(model: PreTrainedModel, *, lora: LoraSettings = ALL_WEIGHTS, seed: int = 0) -> None:
    """Have a model that is to be trained attend within documents, and multiply as fast as this machine can.

    Args:
        model: changed in place.
        lora: which adapters are to be trained instead of it, if any.
        seed: of what is random in these.

    Raises:
        UsageError: see octo.ml.attention.attend_by_documents, and octo.ml.lora.add_adapters.
    """
    with gathering(model):
        attend_by_documents(model)
    if lora.rank:
        # It takes seconds to import, which a training of all weights need not wait for.
        from octo.ml.lora import add_adapters  # noqa: PLC0415

        add_adapters(model, lora, seed=seed)
    multiply_fast(model)


def _fits(model: PreTrainedModel, files: list[Path]) -> bool:
    """Whether the stored tensors are the model's parameters, each of them once, and nothing else."""
    own = model.state_dict(keep_vars=True)
    asked = {name: tuple(each.shape) for name, each in own.items() if not is_tied(model.config, name)}
    stored = {
        name: entry.shape
        for path in files
        for name, entry in read_header(path).entries.items()
        if not is_tied(model.config, name)
    }
    names = {name for name, _ in model.named_parameters()}
    return asked == stored and names == asked.keys() and all(isinstance(each, Parameter) for each in own.values())
