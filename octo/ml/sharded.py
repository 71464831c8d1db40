"""ZeRO's stage 3: each rank has a share of the weights, and a layer's weights whole while it computes.

A layer's are gathered before it computes, forwards and on the way back, and released after. Those of no layer, as of
the embedding and the head, are whole for as long as a micro-batch takes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, distributed
from torch.nn import Module, Parameter
from torch.utils._pytree import tree_leaves

from octo.errors import InputError
from octo.ml.numbers import first_without_numbers
from octo.ml.process_group import collective
from octo.ml.units import Unit, layouts
from octo.processes import rank, world_size

_SHARED: "WeakKeyDictionary[Module, Sharded]" = WeakKeyDictionary()


class Sharded:
    """A model whose weights are shared out among the ranks."""

    def __init__(self, model: Module, units: list[Unit]) -> None:
        """Have its layers gather their weights from now on."""
        self.units = units
        self._on_the_way_back = False
        self._last: list[Unit] = []
        """Units of the layer that the way back came to last."""
        self._beside: list[Unit] = []
        self._of_layers: dict[Module, list[Unit]] = {}
        for unit in units:
            layer = unit.layout.layer
            beside = self._of_layers.setdefault(model.get_submodule(layer), []) if layer else self._beside
            beside.append(unit)
        for module, own in self._of_layers.items():
            module.register_forward_pre_hook(partial(self._before, own))
            module.register_forward_hook(partial(self._after, own))
        _SHARED[model] = self

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Within, the model computes."""
        try:
            for unit in self._beside:
                unit.gather()
            yield
        finally:
            for unit in self.units:
                unit.release()

    @contextmanager
    def going_back(self) -> Iterator[None]:
        """Within, and within `computing`, gradients are computed: what is gathered stays until `finished`."""
        self._on_the_way_back = True
        try:
            yield
        finally:
            self._on_the_way_back = False

    def finished(self, unit: Unit) -> None:
        """A unit's gradients are there: a layer that is trained as a whole is done with its weights."""
        own = next((own for own in self._of_layers.values() if unit in own), [])
        if own and all(each.is_trained for each in own):
            unit.release()

    def _before(self, own: list[Unit], _layer: Module, _given: object) -> None:
        _gather(own)

    def _after(self, own: list[Unit], _layer: Module, _given: object, made: object) -> None:
        if self._on_the_way_back:
            # What was not kept is computed again: its gradients are still to come.
            return
        leaves: list[Any] = tree_leaves(made)
        for each in leaves:
            if isinstance(each, Tensor) and each.requires_grad:
                each.register_hook(lambda _gradient: self._come_back(own))  # type: ignore[no-untyped-call]  # torch's
        _release(own)

    def _come_back(self, own: list[Unit]) -> None:
        """The way back has come to a layer, and left the one before, whatever of that is trained."""
        if self._last is not own:
            _release(self._last)
        self._last = own
        _gather(own)


def sharded(model: Module) -> Sharded | None:
    """What a model's weights are shared out by; None where each rank has all."""
    return _SHARED.get(model)


def share_out(model: Any, weights: Mapping[str, Tensor], *, dtype: torch.dtype, device: torch.device) -> None:
    """Give each rank its share of a model's weights, whose parameters are of no device. Every rank takes part.

    Rank 0 looks each weight up, one at a time; whole are those of one unit.

    Raises:
        InputError: a weight holds no number.
    """
    parameters = dict(model.named_parameters())
    fresh = _replaced(model, parameters, device)
    units = []
    for layout in layouts(parameters.items()):
        unit = Unit(layout, [fresh[name] for name in layout.shapes], dtype=dtype, device=device)
        unit.fill(partial(_from_rank_0, weights, layout.shapes, dtype=dtype, device=device))
        if world_size() > 1:
            unit.keep_share()
        units.append(unit)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))
    if world_size() > 1:
        Sharded(model, units)


def _replaced(model: Module, parameters: Mapping[str, Parameter], device: torch.device) -> dict[str, Parameter]:
    """Parameters on the device, and of no elements yet, in the places of those that are of none; tied ones stay so."""
    fresh = {
        each: Parameter(torch.empty(0, device=device), requires_grad=each.requires_grad) for each in parameters.values()
    }
    for module in model.modules():
        for name, each in list(module.named_parameters(recurse=False)):
            setattr(module, name, fresh[each])
    return {name: fresh[each] for name, each in parameters.items()}


def _from_rank_0(
    weights: Mapping[str, Tensor],
    shapes: Mapping[str, torch.Size],
    name: str,
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    whole = torch.empty(shapes[name], dtype=dtype, device=device)
    if rank() == 0:
        whole.copy_(weights[name])
        if first_without_numbers([(name, whole)]):
            raise InputError(f"the weight {name} holds a NaN or an infinity: take a model without")
    if world_size() > 1:
        with collective():
            distributed.broadcast(whole.view(torch.uint8), src=0)
    return whole


def _gather(units: list[Unit]) -> None:
    for unit in units:
        unit.gather()


def _release(units: list[Unit]) -> None:
    for unit in units:
        unit.release()
