"""DeepSpeed, and the process group it needs: one optimizer step from a batch, on one process or many.

The only module that imports deepspeed, and the one place where the rank variables of torchrun are read.
"""

import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import deepspeed
import torch
from torch import Tensor, distributed
from transformers import PreTrainedModel

from octo.errors import InvariantError
from octo.settings.midtraining import OptimizerSettings

logging.getLogger("DeepSpeed").setLevel(logging.ERROR)


@dataclass(frozen=True)
class StepResult:
    """One optimizer update: the sum of its micro-batches' losses, and the gradient's norm before clipping."""

    loss: float
    gradient_norm: float


class Engine:
    """A model being trained. The learning rate is an argument of each step: schedules are pure functions."""

    def __init__(self, model: PreTrainedModel, *, settings: OptimizerSettings, micro_batches: int) -> None:
        """Wrap the model.

        Args:
            model: trained in place.
            settings: AdamW's settings, clipping and the ZeRO stage.
            micro_batches: backward passes per step.
        """
        _join_process_group()
        self.micro_batches = micro_batches
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=0.0, betas=(settings.beta1, settings.beta2), weight_decay=settings.weight_decay
        )
        self._engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=self._optimizer,
            dist_init_required=False,
            config={
                "train_micro_batch_size_per_gpu": 1,
                "gradient_accumulation_steps": micro_batches,
                "gradient_clipping": settings.gradient_clipping,
                "zero_optimization": {"stage": settings.zero_stage},
                # A plain torch optimizer is what ZeRO calls untested; it needs no compiler on the machine.
                "zero_allow_untested_optimizer": True,
                "steps_per_print": 10**9,
            },
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self._engine.parameters()).device
        return device

    def step(self, losses: Sequence[Callable[[torch.nn.Module], Tensor]], *, learning_rate: float) -> StepResult:
        """One update from the sum of the micro-batches' losses, each computed by a function of the model.

        Each loss is already its share of the batch's mean.

        Raises:
            InvariantError: not as many losses as micro-batches, or a loss that is not a finite number.
        """
        if len(losses) != self.micro_batches:
            raise InvariantError(f"a step takes {self.micro_batches} micro-batches, got {len(losses)}")
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        total = 0.0
        for compute in losses:
            loss = compute(self._engine)
            total += loss.item()
            if not math.isfinite(total):
                raise InvariantError(f"the loss is {total} at learning rate {learning_rate:g}: lower --learning-rate")
            # DeepSpeed divides by the micro-batches; these losses are shares of one mean already.
            self._engine.backward(loss * self.micro_batches)
            self._engine.step()
        return StepResult(total, float(self._engine.get_global_grad_norm()))


def _join_process_group() -> None:
    """Join torchrun's group, or be a group of one, which needs neither a port nor a launcher."""
    # The shared-memory operator serves inference only, and would be compiled here for a minute.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    if distributed.is_initialized():
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if "RANK" in os.environ:
        distributed.init_process_group(backend)
    else:
        os.environ["LOCAL_RANK"] = "0"  # DeepSpeed asks for it even where there is one process
        store = distributed.HashStore()  # type: ignore[attr-defined]  # exported, but not to type checkers
        distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False, verbose=False)
