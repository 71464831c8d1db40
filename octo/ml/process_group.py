"""The process group of a training's ranks, and what becomes of work in which all of them take part."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from octo.errors import PreemptedError
from octo.ml import marks
from octo.processes import local_rank, rank, world_size
from octo.settings.midtraining import GangSettings

SLACK_SECONDS = 60
_LOSSES = (
    "connection closed by peer",
    "connection reset by peer",
    "broken pipe",
    "timed out waiting",
    "ncclremoteerror",
    "ncclsystemerror",
    "remote process exited",
    "timeout",
    "communicator was aborted",
)
"""Words of gloo's and of NCCL's errors, which have no types, that a peer is not there, in lower case."""


class _Choice:
    """What this process computes on, once for all of its engines, as with the threads of a matrix product."""

    processor = False


AS_USUAL = GangSettings()
"""How ranks work together where nobody says otherwise."""


def join_process_group(gang: GangSettings) -> None:
    """Join torchrun's group, or be a group of one, which needs neither a port nor a launcher. The first call decides.

    Raises:
        PreemptedError: another rank is gone.
    """
    # DeepSpeed calls what this torch has new names for; nobody who trains can help it.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    if distributed.is_initialized():
        return
    backend = "gloo"
    if device_of_rank().type == "cuda":
        torch.cuda.set_device(local_rank())
        backend = "nccl"
        # What the settings say goes before the environment, as it does everywhere.
        os.environ.update({f"NCCL_{name}": value for name, value in gang.nccl.items()})
    # The launcher, which can tell who did not come, is to be first to lose patience.
    patience = timedelta(seconds=gang.collective_seconds + SLACK_SECONDS)
    marks.joining(gang.collective_seconds)
    with collective():
        if "RANK" in os.environ:
            distributed.init_process_group(backend, timeout=patience)
        else:
            store = distributed.HashStore()  # type: ignore[attr-defined]  # exported, but not to type checkers
            distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    marks.counting(num_collectives)


def num_collectives() -> int:
    """How many collectives this rank has begun, of all groups that every rank is in."""
    # Torch counts them for its own account of what ranks disagree on.
    whole: list[Any] = [each for each in _groups() if each.size() == world_size()]
    return sum(each._get_sequence_number_for_group() for each in whole)  # noqa: SLF001 - no public name either


def bound_collectives(gang: GangSettings) -> None:
    """Let every group wait as long as the settings say: those that a library makes for itself wait as it likes."""
    if world_size() > 1:
        patience = timedelta(seconds=gang.collective_seconds + SLACK_SECONDS)
        for group in _groups():
            distributed.distributed_c10d._set_pg_timeout(patience, group)  # noqa: SLF001 - no other name of it is stable


def _groups() -> list[distributed.ProcessGroup]:
    return list(distributed.distributed_c10d._world.pg_map)  # noqa: SLF001 - torch lists them by no public name


def compute_on_processor() -> None:
    """Have this process compute on its processor, whatever else there is."""
    _Choice.processor = True


def device_of_rank() -> torch.device:
    """What this rank computes on: its accelerator, where there is one and nobody chose otherwise."""
    has_accelerator = torch.cuda.is_available() and not _Choice.processor
    return torch.device("cuda", local_rank()) if has_accelerator else torch.device("cpu")


@contextmanager
def collective() -> Iterator[None]:
    """Work in which every rank takes part; a rank that is gone is told in a sentence, other errors as they are."""
    try:
        yield
    except RuntimeError as error:
        if world_size() > 1 and is_loss(error):
            raise PreemptedError(
                f"rank {rank()} lost another rank of its {world_size()}: run again, it resumes"
            ) from error
        raise


def is_loss(error: RuntimeError) -> bool:
    """Whether an error of a collective says that another rank is gone, or did not come for as long as it was to.

    A shape that does not fit, or memory that cannot be had, is this rank's own, whichever library says so.
    """
    if isinstance(error, distributed.DistNetworkError | distributed.DistStoreError):
        return True
    said = str(error).lower()
    return any(clause in said for clause in _LOSSES) and "out of memory" not in said
