"""DeepSpeed: one optimizer step from a batch, on one process or many.

The only module that imports deepspeed, but for the process group that it needs.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import deepspeed
import torch
from torch import Tensor, distributed

from octo.errors import InputError, InvariantError, UsageError
from octo.ml.adamw import AdamW
from octo.ml.numbers import culprit, first_without_numbers
from octo.ml.partitions import own_share, ranks_needed
from octo.ml.process_group import AS_USUAL, collective, join_process_group
from octo.ml.zero import bucket_size, hold_once
from octo.processes import local_rank, rank, world_size
from octo.settings.midtraining import GangSettings, OptimizerSettings

if TYPE_CHECKING:
    # It takes seconds to import, which a rank that trains another module need not wait for.
    from transformers import PreTrainedModel

logging.getLogger("DeepSpeed").setLevel(logging.ERROR)

Loss = Callable[[torch.nn.Module], Tensor]
"""Of a micro-batch, under the model that it is given."""
# At stage 3 the other ranks would not take part in computing anything again.
_UNTOLD = "run with another --optimizer.zero-stage, or on one rank, to be told the first tensor that holds none"


@dataclass(frozen=True)
class StepResult:
    """One optimizer update: the sum of its micro-batches' losses, and the gradient's norm before clipping."""

    loss: float
    gradient_norm: float


class Engine:
    """A model being trained. The learning rate is an argument of each step: schedules are pure functions."""

    def __init__(
        self,
        model: "PreTrainedModel",
        *,
        settings: OptimizerSettings,
        micro_batches: int,
        gang: GangSettings = AS_USUAL,
    ) -> None:
        """Wrap the model.

        Args:
            model: trained in place.
            settings: AdamW's settings, clipping, precision and the ZeRO stage.
            micro_batches: backward passes per step, of all ranks together.
            gang: how its ranks work together; the first engine of a process decides.
        """
        if micro_batches % world_size():
            raise UsageError(
                f"{micro_batches} micro-batches a step cannot be dealt evenly to {world_size()} ranks: "
                "change --batch-size or --micro-batch-size, or the number of ranks"
            )
        join_process_group(gang)
        self.micro_batches = micro_batches
        self._settings = settings
        self._num_weights = sum(getattr(each, "ds_numel", each.numel()) for each in model.parameters())
        if settings.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self._optimizer = AdamW(
            model.parameters(), lr=0.0, betas=(settings.beta1, settings.beta2), weight_decay=settings.weight_decay
        )
        with collective():
            self._engine, *_ = deepspeed.initialize(
                model=model,
                optimizer=self._optimizer,
                dist_init_required=False,
                config=_configuration(settings, micro_batches // world_size()),
            )
        if settings.precision == "float32" and settings.zero_stage in (1, 2) and settings.offload_optimizer == "none":
            hold_once(self._engine.optimizer)
        if settings.zero_stage == 0 and world_size() == 1:
            # There is nobody to add gradients up with, and DeepSpeed would copy all of them for it.
            self._engine.enable_backward_allreduce = False

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self._engine.device
        return device

    def step(self, losses: Sequence[Loss], *, learning_rate: float) -> StepResult:
        """One update from the sum of the micro-batches' losses, each computed by a function of the model.

        Every rank passes the losses of the whole batch and computes its own: those whose place leaves its rank when
        divided by the number of ranks. Each loss is already its share of the batch's mean.

        Raises:
            InvariantError: not as many losses as micro-batches, or a loss or a gradient that is not a finite number.
            PreemptedError: another rank is gone.
        """
        if len(losses) != self.micro_batches:
            raise InvariantError(f"a step takes {self.micro_batches} micro-batches, got {len(losses)}")
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        total = 0.0
        norm = math.nan
        for compute in losses[rank() :: world_size()]:
            loss = compute(self._engine)
            total += loss.item()
            if not math.isfinite(total):
                raise InvariantError(
                    f"the loss is {total} at learning rate {learning_rate:g}, lower it (--learning-rate): "
                    f"{self._culprit(compute)}"
                )
            with collective():
                # DeepSpeed means over micro-batches and ranks; these losses are shares of one mean already.
                self._engine.backward(loss * self.micro_batches)
                if _is_plain(self._settings) and self._engine.is_gradient_accumulation_boundary():
                    norm = float(_clip(self._engine.module, self._settings.gradient_clipping))
                    # Before a weight is changed by it.
                    self._check_norm(norm, losses, learning_rate)
                self._engine.step()
        if not _is_plain(self._settings):
            norm = float(self._engine.get_global_grad_norm())
            self._check_norm(norm, losses, learning_rate)
        return StepResult(self.sum(total), norm)

    def _culprit(self, compute: Loss) -> str:
        """A clause about the first tensor that made a loss no number."""
        if self.weights_are_partitioned and world_size() > 1:
            return _UNTOLD
        with torch.no_grad():
            return culprit(self._engine.module, partial(compute, self._engine.module))

    def _check_norm(self, norm: float, losses: Sequence[Loss], learning_rate: float) -> None:
        """InvariantError where a gradient is no number; DeepSpeed gives the norm of such a one as -1."""
        if math.isfinite(norm) and norm >= 0:
            return
        named = list(self._engine.module.named_parameters())
        # Some ways of ZeRO have changed the weights by now.
        wrong = "" if self.weights_are_partitioned else first_without_numbers(named)
        if not wrong and not (self.weights_are_partitioned and world_size() > 1):
            wrong = self._wrong_gradient(losses)
        raise InvariantError(
            f"the gradient's norm is no number at learning rate {learning_rate:g}, lower it (--learning-rate): "
            + (f"the first tensor of it that holds none is that of {wrong}" if wrong else _UNTOLD)
        )

    def _wrong_gradient(self, losses: Sequence[Loss]) -> str:
        """The name of the first weight whose gradient is no number, computed once more, a micro-batch at a time."""
        module = self._engine.module
        # Without DeepSpeed, which would add up these gradients: the same numbers in other parameters.
        twins = {each: torch.nn.Parameter(each.detach()) for each in module.parameters()}
        for part in module.modules():
            for name, each in list(part.named_parameters(recurse=False)):
                setattr(part, name, twins[each])
        names, weights = zip(*module.named_parameters(), strict=True)
        for compute in losses[rank() :: world_size()]:
            gradients = torch.autograd.grad(compute(module), weights, allow_unused=True)
            found = ((name, each) for name, each in zip(names, gradients, strict=True) if each is not None)
            if wrong := first_without_numbers(found):
                return wrong
        return ""

    def sum(self, value: float) -> float:
        """The sum of every rank's value, on every rank."""
        return self._reduced(value, distributed.ReduceOp.SUM)

    def most(self, value: float) -> float:
        """The greatest of the ranks' values, on every rank."""
        return self._reduced(value, distributed.ReduceOp.MAX)

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """The model's tensors by name, those that are tied once. Rank 0 is given them, one at a time.

        Every rank must go through to the end: at ZeRO stage 3 each tensor is gathered on its way. A tensor is the
        model's own, and at stage 3 gone when the next one is asked for.
        """
        for name, tensor in self._tensors():
            with deepspeed.zero.GatheredParameters([tensor], enabled=hasattr(tensor, "ds_id")):
                if rank() == 0:
                    yield name, tensor.detach()

    def copy_weights_to(self, model: torch.nn.Module) -> None:
        """Give a model like the one being trained its weights, on every rank, which has them whole."""
        targets = model.state_dict()
        for name, tensor in self._tensors():
            targets[name].copy_(tensor.detach())

    @property
    def weights_are_partitioned(self) -> bool:
        """Whether each rank holds a share of the weights alone, which its partition has."""
        return self._settings.zero_stage == 3

    def partition(self) -> dict[str, Tensor]:
        """This rank's share of the optimizer: weights as AdamW updates them, and its running means, by name."""
        tensors = {}
        for number, master in enumerate(self._masters()):
            tensors[f"{number}.weights"] = master.data
            tensors |= {f"{number}.{name}": state for name, state in self._optimizer.state[master].items()}
        return tensors

    def ranks_needed(self, saved_by: int) -> range:
        """Whose partitions this rank needs to become what that many ranks were; none when it cannot.

        On another number of ranks the same updates are rounded otherwise.
        """
        if saved_by == world_size():
            return range(rank(), rank() + 1)
        if self._settings.zero_stage == 0:
            return range(1)
        if self.weights_are_partitioned:
            return range(0)
        return ranks_needed(self._num_weights, saved_by=saved_by, rank=rank(), ranks=world_size())

    def restore(
        self, weights: Mapping[str, Tensor], partitions: Mapping[int, Mapping[str, Tensor]], *, saved_by: int
    ) -> None:
        """Become what another engine was when it gave its weights and the partitions of the ranks that are needed.

        Tensors are looked up when it is their turn, so that mappings that read them hold one at a time. Weights that
        are partitioned need not be given.
        """
        dealt_anew = saved_by != world_size() and self._settings.zero_stage
        saved = next(iter(partitions.values()))
        masters = self._masters()
        for master in masters:
            self._optimizer.state[master] = {}
        for name in saved:
            number, _, kind = name.partition(".")
            master = masters[int(number)]
            if dealt_anew:
                tensor = own_share(
                    partitions, name, self._num_weights, saved_by=saved_by, rank=rank(), ranks=world_size()
                )
            else:
                tensor = saved[name]
            if kind == "weights":
                master.data.copy_(tensor)
            else:
                # The count of steps stays with the processor, where AdamW reads it.
                self._optimizer.state[master][kind] = tensor.to(master.device if tensor.dim() else "cpu", copy=True)
        if self.weights_are_partitioned:
            with collective():
                self._spread_masters()
        else:
            for name, target in self._tensors():
                target.data.copy_(weights[name])

    def exchange(self, text: str) -> list[str]:
        """The texts of all ranks, by rank, on every rank."""
        if world_size() == 1:
            return [text]
        body = text.encode()
        longest = int(self.most(len(body)))
        # A space ends no JSON and no name.
        cells = torch.tensor(list(body.ljust(longest)), dtype=torch.uint8, device=self.device)
        gathered = [torch.empty_like(cells) for _ in range(world_size())]
        with collective():
            distributed.all_gather(gathered, cells)
        return [bytes(each.tolist()).decode().rstrip(" ") for each in gathered]

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The module's own tensors by name, or what ZeRO stage 3 leaves of them; those that are tied once."""
        told = set()
        for name, tensor in self._engine.module.state_dict(keep_vars=True).items():
            if id(tensor) not in told:
                told.add(id(tensor))
                yield name, tensor

    def _masters(self) -> list[Tensor]:
        """The tensors that AdamW updates: parameters, or this rank's share of them in full precision."""
        if self.weights_are_partitioned:
            return list(self._engine.optimizer.fp32_partitioned_groups_flat)
        return [master for group in self._optimizer.param_groups for master in group["params"]]

    def _spread_masters(self) -> None:
        """At ZeRO stage 3, as DeepSpeed does when it loads a checkpoint: the model's shares follow the optimizer's."""
        zero = self._engine.optimizer
        for share, master in zip(zero.fp16_partitioned_groups_flat, self._masters(), strict=True):
            share.data.copy_(master.data)
        for shares, flat in zip(zero.fp16_partitioned_groups, zero.fp16_partitioned_groups_flat, strict=True):
            for share, fresh in zip(shares, zero.unflatten(flat, shares), strict=True):
                share.data = fresh.data
        if zero.persistent_parameters:
            zero.persistent_parameters[0].partition(zero.persistent_parameters)
            zero.persistent_parameters[0].all_gather(zero.persistent_parameters)

    def _reduced(self, value: float, operation: Any) -> float:
        if world_size() == 1:
            return value
        cell = torch.tensor(value, dtype=torch.float64, device=self.device)
        with collective():
            distributed.all_reduce(cell, op=operation)
        return cell.item()


def partitioned(
    model: "PreTrainedModel",
    weights: Mapping[str, Tensor],
    *,
    settings: OptimizerSettings,
    gang: GangSettings = AS_USUAL,
) -> "PreTrainedModel":
    """A model for an engine at ZeRO stage 3, of which each rank has its share from the start. Every rank takes part.

    Args:
        model: its parameters are of no device, and are replaced; those that are tied stay so.
        weights: of its parameters, by name. Rank 0 looks them up, one at a time.
        settings: the engine's.
        gang: likewise.
    """
    join_process_group(gang)
    owners: dict[Tensor, list[tuple[torch.nn.Module, str]]] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            owners.setdefault(parameter, []).append((module, name))
    device = torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")
    for name, parameter in list(model.named_parameters()):
        whole = torch.empty(parameter.shape, dtype=getattr(torch, settings.precision), device=device)
        if rank() == 0:
            # As a model that is loaded whole: in float32 first.
            whole.copy_(weights[name].float())
            if first_without_numbers([(name, whole)]):
                raise InputError(f"the weight {name} holds a NaN or an infinity: take a model without")
        share = torch.nn.Parameter(whole, requires_grad=parameter.requires_grad)
        del whole
        with collective():
            # Spreads what rank 0 has, and leaves a share of it.
            deepspeed.zero.Init(module=torch.nn.ParameterList([share]), config_dict_or_path=_configuration(settings, 1))
        for module, own_name in owners[parameter]:
            setattr(module, own_name, share)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))
    return model


@contextmanager
def gathering(model: torch.nn.Module) -> Iterator[None]:
    """Within, a model that is partitioned and has no engine yet computes without gradients, in float32.

    Each of its modules is given its own parameters whole for as long as it computes. Every rank computes alike.
    """

    def gather(module: torch.nn.Module, _arguments: object) -> None:
        own: list[Any] = list(module.parameters(recurse=False))
        with collective():
            own[0].all_gather(own)
        for each in own:
            each.data = each.data.float()

    def release(module: torch.nn.Module, _arguments: object, _result: object) -> None:
        own: list[Any] = list(module.parameters(recurse=False))
        for each in own:
            each.data = each.data.to(each.ds_tensor.dtype)
        own[0].partition(own)

    hooks = []
    for module in model.modules():
        if any(hasattr(each, "ds_id") for each in module.parameters(recurse=False)):
            hooks += [module.register_forward_pre_hook(gather), module.register_forward_hook(release)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _is_plain(settings: OptimizerSettings) -> bool:
    """Whether DeepSpeed drives the torch optimizer as it is, and tells no gradient norm."""
    return settings.zero_stage == 0 and settings.precision == "float32"


def _clip(module: torch.nn.Module, longest: float) -> Tensor:
    for each in module.parameters():
        if each.requires_grad and each.grad is None:
            # As where gradients are added up: the weights of what was not used decay all the same.
            each.grad = torch.zeros_like(each)
    return torch.nn.utils.clip_grad_norm_(module.parameters(), longest)


def _configuration(settings: OptimizerSettings, micro_batches: int) -> dict[str, object]:
    """What DeepSpeed is told; `micro_batches` are those of one rank."""
    configuration: dict[str, object] = {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": micro_batches,
        "gradient_clipping": 0.0 if _is_plain(settings) else settings.gradient_clipping,
        "zero_optimization": {
            "stage": settings.zero_stage,
            "reduce_bucket_size": bucket_size(),
            "offload_optimizer": {"device": settings.offload_optimizer},
        },
        # A plain torch optimizer is what ZeRO calls untested; it needs no compiler on the machine.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 10**9,
    }
    if settings.precision == "bfloat16":
        configuration["bf16"] = {"enabled": True}
        # Gradients of many micro-batches and ranks are added in full precision.
        configuration["communication_data_type"] = "fp32"
        if settings.zero_stage:
            configuration["data_types"] = {"grad_accum_dtype": "fp32"}
    return configuration
