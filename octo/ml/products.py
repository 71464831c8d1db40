"""Matrix products of float32 at the speed that a processor has.

torch leaves them to MKL, which takes its slower kernels on processors that are not Intel's: on one of AMD's with
AVX-512 105 billion operations a second, where oneDNN, which torch brings and uses for bfloat16, did 240. On Intel's,
and wherever torch has no MKL, they stay as they are. Which of the two computes depends on the machine alone, never on
what was measured.

Axes: N rows, D width of what is read, M width of what is made.
"""

from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_CPU_INFO = Path("/proc/cpuinfo")
_INTEL = "GenuineIntel"
# By name, for no function of torch's public interface lets one choose between its libraries.
_ONEDNN: Any = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001


def multiply_fast(model: torch.nn.Module) -> None:
    """Have the model's linear layers multiply by the faster library, where it is not torch's own choice."""
    if not onednn_is_faster():
        return
    for module in model.modules():
        # One of a kind of its own may do something else than multiply.
        if type(module) is torch.nn.Linear:
            # By its class, and not by a function of each layer's own: so what is compiled for one layer fits all.
            module.__class__ = FastLinear


def product(left_ND: Tensor, right_DM: Tensor) -> Tensor:
    """The two multiplied, without a gradient; it need not be contiguous."""
    if not _is_for_onednn(left_ND):
        return torch.mm(left_ND, right_DM)
    if not left_ND.is_contiguous() and left_ND.shape[0] > right_DM.shape[1]:
        # What stands to the left is laid out anew: rather the smaller of the two.
        return product(right_DM.t(), left_ND.t()).t()
    return _multiplied(left_ND, right_DM.t(), None)


@cache
def onednn_is_faster() -> bool:
    """Whether MKL would multiply float32 with less than the processor has."""
    libraries: tuple[Any, ...] = (torch.backends.mkl, torch.backends.mkldnn)
    if not (all(each.is_available() for each in libraries) and _CPU_INFO.exists()):
        return False
    vendors = {
        line.split(":")[1].strip() for line in _CPU_INFO.read_text().splitlines() if line.startswith("vendor_id")
    }
    return bool(vendors) and _INTEL not in vendors


class FastLinear(torch.nn.Linear):
    """A linear layer that multiplies by oneDNN what is float32 on a processor."""

    def forward(self, states: Tensor) -> Tensor:
        """What is anything else is multiplied as torch does it."""
        if not _may_be_for_onednn(states) or states.dtype != self.weight.dtype:
            return super().forward(states)
        made: Tensor = _Linear.apply(states, self.weight, self.bias)  # type: ignore[no-untyped-call]  # torch's
        return made


class _Linear(torch.autograd.Function):
    """States times a matrix, and a bias where there is one."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight_MD: Tensor, bias_M: Tensor | None) -> Tensor:
        ctx.save_for_backward(states, weight_MD)
        return _multiplied(states, weight_MD, bias_M)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        states, weight_MD = ctx.saved_tensors
        gradient_NM = gradients[0].reshape(-1, weight_MD.shape[0])
        of_states = of_weight_MD = of_bias_M = None
        if ctx.needs_input_grad[0]:
            of_states = product(gradient_NM, weight_MD).view(states.shape)
        if ctx.needs_input_grad[1]:
            of_weight_MD = product(gradient_NM.t(), states.reshape(-1, states.shape[-1])).contiguous()
        if ctx.needs_input_grad[2]:
            of_bias_M = gradient_NM.sum(dim=0)
        return of_states, of_weight_MD, of_bias_M


def _multiplied(states: Tensor, weight_MD: Tensor, bias_M: Tensor | None) -> Tensor:
    if torch.compiler.is_compiling():
        # The compiler takes the weights of oneDNN's products for constants, and lets one by another name be.
        return cast("Tensor", torch.ops.octo.linear(states, weight_MD, bias_M))
    return cast("Tensor", _ONEDNN(states, weight_MD, bias_M, "none", [], ""))


@torch.library.custom_op("octo::linear", mutates_args=())
def _opaque(states: Tensor, weight_MD: Tensor, bias_M: Tensor | None) -> Tensor:
    return cast("Tensor", _ONEDNN(states, weight_MD, bias_M, "none", [], ""))


@_opaque.register_fake
def _of_its_shape(states: Tensor, weight_MD: Tensor, _bias_M: Tensor | None) -> Tensor:
    return states.new_empty(*states.shape[:-1], weight_MD.shape[0])


def _is_for_onednn(tensor: Tensor) -> bool:
    return _may_be_for_onednn(tensor) and (torch.compiler.is_compiling() or onednn_is_faster())


def _may_be_for_onednn(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.numel() > 0
