"""The process group of a training's ranks, and what becomes of work in which all of them take part."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import deepspeed
import torch
from torch import distributed

from octo.errors import PreemptedError
from octo.processes import local_rank, rank, world_size
from octo.settings.midtraining import GangSettings

AS_USUAL = GangSettings()
"""How ranks work together where nobody says otherwise."""


def join_process_group(gang: GangSettings) -> None:
    """Join torchrun's group, or be a group of one, which needs neither a port nor a launcher. The first call decides.

    Raises:
        PreemptedError: another rank is gone.
    """
    # The shared-memory operator serves inference only, and would be compiled here for a minute.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # DeepSpeed calls what this torch has new names for; nobody who trains can help it.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    if distributed.is_initialized():
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank())
        backend = "nccl"
        # What the settings say goes before the environment, as it does everywhere.
        os.environ.update({f"NCCL_{name}": value for name, value in gang.nccl.items()})
    patience = timedelta(seconds=gang.collective_seconds)
    with collective():
        if "RANK" in os.environ:
            distributed.init_process_group(backend, timeout=patience)
        else:
            os.environ["LOCAL_RANK"] = "0"  # DeepSpeed asks for it even where there is one process
            store = distributed.HashStore()  # type: ignore[attr-defined]  # exported, but not to type checkers
            distributed.init_process_group(backend, store=store, rank=0, world_size=1)
        deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False, verbose=False, timeout=patience)


@contextmanager
def collective() -> Iterator[None]:
    """Work in which every rank takes part; a rank that is gone is told in a sentence."""
    try:
        yield
    except RuntimeError as error:
        if world_size() > 1 and (isinstance(error, distributed.DistError) or "gloo" in str(error).lower()):
            raise PreemptedError(
                f"rank {rank()} lost another rank of its {world_size()}: run again, it resumes"
            ) from error
        raise
