"""Whether what a model holds and computes are numbers: no NaN and nothing infinite.

On an accelerator nothing here waits for the device but where it is waited for anyway. What is found is told by the name
of the first tensor that holds no number; only to find that name is anything computed again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from octo.errors import InvariantError

LARGEST = 1 << 28
"""Elements that are looked at together."""
_NARROW = 2
"""Bytes of the narrowest numbers that are looked at as they are."""
T = TypeVar("T")


class NoNumbersError(Exception):
    """Something that was computed is no number; where it came from is not known yet."""


class _FoundError(Exception):
    """The first tensor of a computation that holds no number."""


def are_numbers(tensor: Tensor) -> Tensor:
    """Whether all of a tensor's elements are finite, on its device; shape (). Two of its elements are made anew."""
    if not tensor.numel() or not tensor.is_floating_point():
        return torch.ones((), dtype=torch.bool, device=tensor.device)
    flat = tensor.detach().reshape(-1)
    # The extremes of what holds a NaN are NaN.
    extremes = [
        each
        for part in torch.split(flat, LARGEST)
        for each in torch.aminmax(part if part.element_size() >= _NARROW else part.float())
    ]
    return torch.stack(extremes).isfinite().all()


def are_lost(given: Tensor, made: Tensor) -> Tensor:
    """Which states a norm has lost: so large that their squares are infinite, they are divided to nothing.

    Of shapes (..., D), which are one: shape (...). Elsewhere nothing is.
    """
    if given.shape != made.shape or not given.is_floating_point() or not given.dim():
        return torch.zeros((), dtype=torch.bool, device=given.device)
    return (made == 0).all(dim=-1) & given.abs().amax(dim=-1).float().square().isinf()


def first_without_numbers(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """The name of the first tensor with an element that is no number; empty where there is none.

    The device is waited for once, and once more where there is one.
    """
    names: list[str] = []
    sound: list[Tensor] = []
    for name, tensor in tensors:
        names.append(name)
        sound.append(are_numbers(tensor).to(sound[0].device if sound else tensor.device))
    if not sound or bool(torch.stack(sound).all()):
        return ""
    return names[torch.stack(sound).tolist().index(False)]


def with_numbers(model: torch.nn.Module, work: Callable[[], T]) -> T:
    """What the work returns, which raises NoNumbersError where something that it computed with the model is none.

    Raises:
        InvariantError: it did; the work is done once more to name the first tensor that holds no number.
    """
    try:
        return work()
    except NoNumbersError as error:
        raise InvariantError(f"{error}: {culprit(model, work)}") from None


def culprit(model: torch.nn.Module, work: Callable[[], object]) -> str:
    """A clause about the first tensor that holds no number: a weight, else what a module makes when asked once more."""
    own = ((name, each) for name, each in model.named_parameters() if not hasattr(each, "ds_id"))
    if name := first_without_numbers(own):
        return f"the first tensor that holds no number is the weight {name}: take a model without such weights"

    def stop(name: str) -> None:
        raise _FoundError(name)

    try:
        with listening(model, stop):
            work()
    except _FoundError as found:
        return f"the first tensor that holds no number is what {found} makes, of weights that are all numbers"
    except NoNumbersError:
        pass
    return "all weights and all that the model's modules make are numbers"


@contextmanager
def listening(model: torch.nn.Module, told: Callable[[str], None]) -> Iterator[None]:
    """Within, the names of the model's modules that make something that is no number are told as they do."""

    def look(name: str, _module: torch.nn.Module, given: object, made: object) -> None:
        if not all(bool(are_numbers(each)) for each in _tensors(made)):
            told(name)
        if any(bool(are_lost(one, other).any()) for one, other in zip(_tensors(given), _tensors(made), strict=False)):
            told(f"{name}, zeros of a state whose square is infinite,")

    hooks = [
        module.register_forward_hook(partial(look, name))
        for name, module in model.named_modules()
        if name and not any(True for _ in module.children())
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _tensors(made: Any) -> Sequence[Tensor]:
    if isinstance(made, Tensor):
        return (made,)
    return [each for each in made if isinstance(each, Tensor)] if isinstance(made, tuple | list) else ()
