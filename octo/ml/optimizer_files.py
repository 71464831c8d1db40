"""An optimizer's states beside its model: kept by one training, and gone on with by another.

They cost two numbers of float32 a weight, and a third where weights are narrower. Each machine that goes on with them
fetches all of them once, to its scratch disk, from where its ranks read their shares, a tensor at a time.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import PreTrainedModel

from octo.errors import InputError, UsageError
from octo.ml.engine import Engine
from octo.ml.models import empty_model
from octo.ml.tensor_files import SHARD_BYTES, StoredTensors, read_header, write_tensors
from octo.model_files import OPTIMIZER, WEIGHTS_INDEX, is_optimizer
from octo.processes import local_rank, rank
from octo.settings.midtraining import OptimizerSettings
from octo.storage.artifacts import Artifact

_MEANS = "exp_avg."
_SAME = ("beta1", "beta2", "precision")
"""What running means are means by, and what they are beside."""


def optimizer_parts(engine: Engine, folder: Path, *, shard_bytes: int = SHARD_BYTES) -> dict[str, Path]:
    """The states as files, by the names of an artifact's parts; none on other ranks than the first, which help."""
    folder.mkdir()
    files = write_tensors(engine.optimizer_states(), folder, shard_bytes=shard_bytes)
    return {name.replace("model", OPTIMIZER, 1): path for name, path in files.items() if name != WEIGHTS_INDEX}


def check_optimizer(artifact: Artifact, settings: OptimizerSettings) -> None:
    """UsageError where there are no states beside a model, or none that a training with these settings goes on with."""
    if not any(is_optimizer(part.name) for part in artifact.parts()):
        raise UsageError(
            f"--continue-optimizer: {artifact.address} has no optimizer's states: train it with --keep-optimizer, or "
            "leave --continue-optimizer out"
        )
    given = artifact.manifest.settings.get("optimizer")
    for name in _SAME:
        theirs, mine = given.get(name) if isinstance(given, Mapping) else None, getattr(settings, name)
        if theirs != mine:
            raise UsageError(
                f"--continue-optimizer: the optimizer of {artifact.address} has {name} {theirs}, and this training "
                f"{mine}: give --optimizer.{name}={theirs}, or leave --continue-optimizer out"
            )


def continue_optimizer(artifact: Artifact, model: PreTrainedModel, engine: Engine, *, scratch: Path) -> None:
    """Have the engine go on with the states beside the model of an artifact. Every rank takes part.

    Raises:
        InputError: they are of another model.
    """
    with TemporaryDirectory(dir=scratch, prefix="optimizer-") as own:
        if local_rank() == 0:
            for part in artifact.parts():
                if is_optimizer(part.name):
                    artifact.fetch(part, Path(own) / part.name)
        folder = Path(engine.exchange(own)[rank() - local_rank()])
        files = sorted(folder.iterdir())
        _check_shapes(artifact, model, files)
        engine.take_optimizer_states(StoredTensors(files))
        # The files stay until the last rank of the machine has read them.
        engine.exchange("")


def _check_shapes(artifact: Artifact, model: PreTrainedModel, files: list[Path]) -> None:
    stored = {name: entry.shape for path in files for name, entry in read_header(path).entries.items()}
    theirs = {name.removeprefix(_MEANS): shape for name, shape in stored.items() if name.startswith(_MEANS)}
    # What is shared out among ranks has shapes of its own here.
    whole = dict(empty_model(model.config, name=artifact.address).named_parameters())
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    mine = {name: tuple(whole.get(name, each).shape) for name, each in trained.items()}
    different = next((name for name in sorted(theirs.keys() | mine.keys()) if theirs.get(name) != mine.get(name)), None)
    if different:
        raise InputError(
            f"the optimizer's states of {artifact.address} are of another model: of {different} they have "
            f"{_said(theirs.get(different))}, and the model has {_said(mine.get(different))}: leave "
            "--continue-optimizer out"
        )


def _said(shape: tuple[int, ...] | None) -> str:
    return "nothing" if shape is None else f"the shape {'x'.join(map(str, shape))}"
