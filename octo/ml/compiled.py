"""A model's layers compiled: norms, angles and gates without their ways through memory.

Attention stays as it is, between what is compiled. All layers are alike, so they are compiled once. Sizes are
constants of what is compiled, so that it rounds alike whatever was computed before; a new size is compiled anew. What
was compiled is kept below the scratch folder of the process, which asks nothing of a network.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from octo.errors import UsageError
from octo.ml.attention import stay_out_of_graphs

MOST_SIZES = 64
"""Of micro-batches, that a layer is compiled for. More would be a mistake, and each takes seconds."""
_COMPILERS = ("g++", "c++", "clang++")


def compile_layers(model: PreTrainedModel, *, scratch: Path) -> None:
    """Have the model's layers compiled when they are first computed, which takes some 20 seconds of a processor.

    Raises:
        UsageError: this machine has no C++ compiler, or the model's layers cannot be told apart.
    """
    if not any(map(shutil.which, _COMPILERS)):
        raise UsageError(
            f"--compile layers needs a C++ compiler on the machine that trains, and there is none of "
            f"{', '.join(_COMPILERS)}: install one, or give --compile none"
        )
    layers: list[Any] = [each for each in model.modules() if isinstance(each, GradientCheckpointingLayer)]
    if not layers:
        raise UsageError(f"a {model.config.model_type} model cannot be compiled by layers: give --compile none")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "compiled")
    # Imported late: they take a second, which who compiles nothing need not wait for.
    dynamo, inductor = torch._dynamo.config, torch._inductor.config  # noqa: SLF001 - torch has no other way to say so
    settings: Any = inductor
    # No processes beside this one, which has its memory counted.
    settings.compile_threads = 1
    limits: Any = dynamo
    limits.recompile_limit = limits.accumulated_recompile_limit = MOST_SIZES
    # Going on without what is compiled would round otherwise.
    limits.fail_on_recompile_limit_hit = True
    stay_out_of_graphs()
    for layer in layers:
        layer.compile(dynamic=False)
