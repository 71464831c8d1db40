"""Gangs of real ranks on this machine, started as pods start them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tests.ports import free_port

NOTHING: Mapping[str, str] = MappingProxyType({})


def run_ranks(
    num_ranks: int, module: str, *arguments: str, environment: Mapping[str, str] = NOTHING
) -> "subprocess.CompletedProcess[str]":
    """`python -m module arguments...` on every rank, a thread each, to its end."""
    how = _how(environment)
    return subprocess.run(_command(num_ranks, module, arguments), check=False, timeout=1500, **how)


def start_ranks(
    num_ranks: int, module: str, *arguments: str, environment: Mapping[str, str] = NOTHING
) -> "subprocess.Popen[str]":
    """The same, to be looked at on its way."""
    return subprocess.Popen(_command(num_ranks, module, arguments), **_how(environment))


def _command(num_ranks: int, module: str, arguments: tuple[str, ...]) -> list[str]:
    gang = ["octo.ml.gang", f"--nproc-per-node={num_ranks}", f"--master-port={free_port()}"]
    return [sys.executable, "-m", *gang, "-m", module, *arguments]


def _how(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "env": {**os.environ, "OMP_NUM_THREADS": "1", **environment},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
