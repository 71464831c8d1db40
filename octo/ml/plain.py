"""DeepSpeed's updates: as fast as it adds up, in an order that depends on how many ranks there are and on its buckets.

The only module that imports deepspeed, beside `octo.ml.ulysses`.
"""

import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import deepspeed
import torch
from deepspeed.runtime.zero.linear import zero3_linear_wrap
from torch import Tensor, distributed

from octo.errors import InputError
from octo.ml.adamw import AdamW
from octo.ml.numbers import are_numbers, first_without_numbers, listening
from octo.ml.partitions import own_share, ranks_needed
from octo.ml.process_group import collective, device_of_rank
from octo.ml.products import FastLinear
from octo.ml.recomputation import recompute
from octo.ml.sequence_parallel import SequenceGroup, compute_together
from octo.ml.ulysses import exchanged
from octo.ml.zero import bucket_size, hold_once
from octo.processes import rank, world_size
from octo.settings.midtraining import OptimizerSettings

if TYPE_CHECKING:
    # It takes seconds to import, which a rank that trains another module need not wait for.
    from transformers import PreTrainedModel

logging.getLogger("DeepSpeed").setLevel(logging.ERROR)

Loss = Callable[[torch.nn.Module], Tensor]
# At stage 3 the other ranks would not take part in computing anything again.
_UNTOLD = "run with another --optimizer.zero-stage to be told the first tensor that holds no number, a weight or other"


class _Piece(NamedTuple):
    """Where a part of a weight lies in what AdamW updates here."""

    name: str
    weight: Tensor
    master: Tensor
    first: int
    """Of the master's elements."""
    part: slice
    """Of the weight's elements, laid end to end."""


class PlainUpdates:
    """A model under DeepSpeed. What its methods promise is said in `octo.ml.engine.Engine`."""

    def __init__(
        self, model: "PreTrainedModel", *, settings: OptimizerSettings, micro_batches: int, sequence_parallel: int = 1
    ) -> None:
        """Wrap the model, once the process group is there."""
        _join()
        self._together = sequence_parallel
        if sequence_parallel > 1:
            compute_together(model, SequenceGroup(sequence_parallel, exchanged))
        self._micro_batches = micro_batches
        self._settings = settings
        trained = [each for each in model.parameters() if each.requires_grad]
        self._num_weights = sum(map(_size, trained))
        recompute(model, settings)
        if settings.zero_stage == 3:
            _lend_weights(model)
        self._optimizer = AdamW(
            trained, lr=0.0, betas=(settings.beta1, settings.beta2), weight_decay=settings.weight_decay
        )
        with collective():
            self._engine, *_ = deepspeed.initialize(
                model=model,
                optimizer=self._optimizer,
                dist_init_required=False,
                config=_configuration(settings, micro_batches * sequence_parallel // world_size()),
            )
        if settings.precision == "float32" and settings.zero_stage in (1, 2) and settings.offload_optimizer == "none":
            hold_once(self._engine.optimizer)
        if settings.zero_stage == 0 and world_size() == 1:
            # There is nobody to add gradients up with, and DeepSpeed would copy all of them for it.
            self._engine.enable_backward_allreduce = False
        self._sound = torch.ones((), dtype=torch.bool, device=self.device)
        for each in self._engine.module.parameters():
            if each.requires_grad:
                each.register_hook(self._look)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self._engine.device
        return device

    def step(self, losses: Sequence[Loss], *, learning_rate: float, most_loss: float) -> Tensor:
        """One update from this rank's micro-batches: the loss, the gradient's norm, and 1 where it was applied."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        norm = total
        self._sound.fill_(True)  # noqa: FBT003 - torch's own
        for left, compute in zip(reversed(range(len(losses))), losses, strict=True):
            loss = compute(self._engine)
            # Ranks that compute a sequence together have one loss, and each the gradients of its own part of it.
            total += loss.detach() * (rank() % self._together == 0)
            with collective():
                # DeepSpeed means over micro-batches and ranks; these losses are shares of one mean already.
                self._engine.backward(loss * (self._micro_batches * self._together))
                if not left:
                    if self._is_clipped_here:
                        norm = _clip(self._engine.module, self._settings.gradient_clipping).double()
                    total, sound = self._agreed(total, norm)
                    self._optimizer.skip_where(~(sound & (total <= most_loss)))
                self._engine.step()
        if not self._is_clipped_here:
            norm = torch.as_tensor(self._engine.get_global_grad_norm(), dtype=torch.float64, device=self.device)
        sound &= norm.isfinite() & (norm >= 0)
        return torch.stack((total, norm.where(sound, math.nan), (sound & (total <= most_loss)).double()))

    def wrong_weight(self) -> str:
        """The name of the first weight without numbers of those that this rank has; empty where there is none."""
        return "" if self.weights_are_partitioned else first_without_numbers(self._tensors())

    def culprit(self, losses: Sequence[Loss]) -> str:
        """A clause about the first tensor without numbers that this rank makes of weights that are all numbers."""
        module = self._engine.module
        if self.weights_are_partitioned:
            return _UNTOLD
        found: list[str] = []
        for compute in losses:
            heard: list[str] = []
            with torch.no_grad(), listening(module, heard.append):
                loss = compute(module)
            found += [] if are_numbers(loss) else heard
        # Ranks that compute sequences together take part in all that one of them does.
        wrong = self._wrong_gradient(losses) if self._together > 1 or not found else ""
        if found:
            return f"the first tensor that holds no number is what {found[0]} makes, of weights that are all numbers"
        return f"the first tensor that holds no number is the gradient of {wrong}" if wrong else ""

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """The model's tensors, of which rank 0 is given one at a time."""
        for name, tensor in self._tensors():
            with deepspeed.zero.GatheredParameters([tensor], enabled=hasattr(tensor, "ds_id")):
                if rank() == 0:
                    yield name, tensor.detach()

    def optimizer_states(self) -> Iterator[tuple[str, Tensor]]:
        """AdamW's, whole."""
        for kind in self._kinds:
            for piece in self._pieces():
                whole = torch.zeros(_size(piece.weight), device=self.device)
                if not self._is_whole or rank() == 0:
                    length = piece.part.stop - piece.part.start
                    whole[piece.part] = self._held(piece.master, kind).view(-1)[piece.first :][:length]
                with collective():
                    # Where one rank has a number the others have zero.
                    distributed.all_reduce(whole)
                if rank() == 0:
                    yield f"{kind}.{piece.name}", whole.view(_shape(piece.weight))
        if rank() == 0:
            yield "step", self._state(self._masters()[0])["step"].cpu()

    def take_optimizer_states(self, states: Mapping[str, Tensor]) -> None:
        """Put this rank's share of each in its place."""
        for master in self._masters():
            self._state(master)["step"].copy_(states["step"])
        for kind in self._kinds:
            for piece in self._pieces():
                length = piece.part.stop - piece.part.start
                given = states[f"{kind}.{piece.name}"].reshape(-1)[piece.part]
                self._held(piece.master, kind).view(-1)[piece.first :][:length].copy_(given)

    def held_weights(self) -> dict[str, Tensor]:
        """The model's tensors, where every rank holds them."""
        return {} if self.weights_are_partitioned else {name: each.detach() for name, each in self._tensors()}

    def copy_weights_to(self, model: torch.nn.Module) -> None:
        """Of a model that every rank has whole."""
        targets = model.state_dict()
        for name, tensor in self._tensors():
            targets[name].copy_(tensor.detach())

    @property
    def weights_are_partitioned(self) -> bool:
        """Whether each rank holds a share of the weights alone, which its partition has."""
        return self._settings.zero_stage == 3

    @property
    def partitions_are_alike(self) -> bool:
        """Whether every rank updates all weights."""
        return self._is_whole

    def partition(self) -> dict[str, Tensor]:
        """What AdamW updates on this rank, and its states."""
        tensors = {}
        for number, master in enumerate(self._masters()):
            tensors[f"{number}.weights"] = master.data
            tensors |= {f"{number}.{name}": state for name, state in self._optimizer.state[master].items()}
        return tensors

    def ranks_needed(self, saved_by: int) -> range:
        """On another number of ranks the same updates are rounded otherwise."""
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
        """Take the partitions, or what of them is this rank's now."""
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
                self._optimizer.state[master][kind] = tensor.to(master.device, copy=True)
        if self.weights_are_partitioned:
            with collective():
                self._spread_masters()
        else:
            for name, target in self._tensors():
                target.data.copy_(weights[name])

    @property
    def _kinds(self) -> tuple[str, ...]:
        """Of states; narrow weights alone do not say what AdamW updates."""
        return ("exp_avg", "exp_avg_sq", *(() if self._settings.precision == "float32" else ("weights",)))

    def _held(self, master: Tensor, kind: str) -> Tensor:
        return master.data if kind == "weights" else self._state(master)[kind]

    @property
    def _is_clipped_here(self) -> bool:
        """Whether DeepSpeed drives the torch optimizer as it is, and tells no gradient norm."""
        return self._settings.zero_stage == 0 and self._settings.precision == "float32"

    @property
    def _is_whole(self) -> bool:
        """Whether every rank updates all weights."""
        return self._settings.zero_stage == 0

    def _look(self, gradient: Tensor) -> None:
        """Note a gradient that is no number; not all ways of ZeRO tell, and each rank sees its own alone."""
        self._sound &= are_numbers(gradient)

    def _agreed(self, loss: Tensor, norm: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the ranks' losses, and whether all that any of them knows of is a number."""
        sound = self._sound & loss.isfinite() & norm.isfinite()
        if world_size() == 1:
            return loss, sound
        both = torch.stack((loss, (~sound).double()))
        distributed.all_reduce(both)
        return both[0], both[1] == 0

    def _wrong_gradient(self, losses: Sequence[Loss]) -> str:
        """The name of the first weight whose gradient is no number, computed once more, a micro-batch at a time."""
        module = self._engine.module
        # Without DeepSpeed, which would add up these gradients: the same numbers in other parameters.
        own = {(part, name): each for part in module.modules() for name, each in part.named_parameters(recurse=False)}
        twins = {each: torch.nn.Parameter(each.detach()) for each in module.parameters()}
        try:
            for (part, name), each in own.items():
                setattr(part, name, twins[each])
            names, weights = zip(*module.named_parameters(), strict=True)
            wrong = ""
            for compute in losses:
                gradients = torch.autograd.grad(compute(module), weights, allow_unused=True)
                found = ((name, each) for name, each in zip(names, gradients, strict=True) if each is not None)
                wrong = wrong or first_without_numbers(found)
            return wrong
        finally:
            for (part, name), each in own.items():
                setattr(part, name, each)

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

    def _state(self, master: Tensor) -> dict[str, Tensor]:
        """AdamW's of what it updates, as it begins where there was no step yet."""
        state: dict[str, Tensor] = self._optimizer.state[master]
        if not state:
            state["step"] = torch.zeros((), device=master.device)
            state |= {kind: torch.zeros_like(master) for kind in ("exp_avg", "exp_avg_sq")}
        return state

    def _pieces(self) -> Iterator[_Piece]:
        """The weights, as far as this rank updates them."""
        named = {each: name for name, each in self._engine.module.named_parameters() if each.requires_grad}
        if self._is_whole:
            for master, (weight, name) in zip(self._masters(), named.items(), strict=True):
                yield _Piece(name, weight, master, 0, slice(0, weight.numel()))
        elif self.weights_are_partitioned:
            for group, master in zip(self._engine.optimizer.fp16_groups, self._masters(), strict=True):
                first = 0
                for weight in group:
                    share = weight.partition_numel()
                    start, stop = (min((rank() + each) * share, _size(weight)) for each in (0, 1))
                    yield _Piece(named[weight], weight, master, first, slice(start, stop))
                    first += share
        else:
            [master], at, zero = self._masters(), 0, self._engine.optimizer
            # DeepSpeed's optimizer for bfloat16 at stage 1 has another name for them.
            for weight in (zero.bf16_groups if hasattr(zero, "bf16_groups") else zero.bit16_groups)[0]:
                share, size = master.numel() * rank(), weight.numel()
                start, stop = (min(max(share + each - at, 0), size) for each in (0, master.numel()))
                yield _Piece(named[weight], weight, master, max(at - share, 0), slice(start, stop))
                at += size

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


def partition(model: torch.nn.Module, weights: Mapping[str, Tensor], *, settings: OptimizerSettings) -> None:
    """As `octo.ml.engine.partitioned`, for DeepSpeed."""
    _join()
    owners: dict[Tensor, list[tuple[torch.nn.Module, str]]] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            owners.setdefault(parameter, []).append((module, name))
    device = device_of_rank()
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


@contextmanager
def gathering(model: torch.nn.Module) -> Iterator[None]:
    """As `octo.ml.engine.gathering`, in float32: each module has its own parameters whole while it computes."""

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


def _join() -> None:
    """Have DeepSpeed know of the process group that there is."""
    # The shared-memory operator serves inference only, and would be compiled here for a minute.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # It asks for it even where there is one process.
    os.environ.setdefault("LOCAL_RANK", "0")
    with collective():
        deepspeed.init_distributed(dist_backend=distributed.get_backend(), auto_mpi_discovery=False, verbose=False)


class _LentLinear(torch.nn.Linear):
    """A linear layer that keeps no copy of weights that it has only while it computes, until its gradients are due."""

    def forward(self, states: Tensor) -> Tensor:
        made: Tensor = zero3_linear_wrap(states, self.weight, self.bias)
        return made


class _FastLentLinear(FastLinear, _LentLinear):
    """The same, but where the faster library multiplies, which keeps none either."""


def _lend_weights(model: torch.nn.Module) -> None:
    """What DeepSpeed would do to the function of torch that all linear layers of the process call, from then on.

    It rounds bfloat16 otherwise: a model that the process computes with later would not be told from one that it lends
    its weights.
    """
    kinds: dict[type, type] = {torch.nn.Linear: _LentLinear, FastLinear: _FastLentLinear}
    for module in model.modules():
        module.__class__ = kinds.get(type(module), type(module))


def _size(weight: Any) -> int:
    """Elements of a weight, of which a rank may have a share."""
    return int(getattr(weight, "ds_numel", weight.numel()))


def _shape(weight: Any) -> torch.Size:
    shape: torch.Size = getattr(weight, "ds_shape", weight.shape)
    return shape


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
        "gradient_clipping": 0.0
        if settings.zero_stage == 0 and settings.precision == "float32"
        else settings.gradient_clipping,
        "zero_optimization": {
            "stage": settings.zero_stage,
            "reduce_bucket_size": bucket_size(),
            "offload_optimizer": {"device": settings.offload_optimizer},
            # It would change a function of torch for the whole process.
            "memory_efficient_linear": False,
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
