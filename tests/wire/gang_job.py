"""A job of ranks that do what their flags say: `python -m octo.ml.gang ... -m tests.wire.gang_job RANK=DEED...`."""

import os
import signal
import sys
import time
from collections.abc import Sequence

import torch
from torch import distributed

from octo.errors import InputError, PreemptedError, UsageError
from octo.outcome import concluded
from octo.processes import local_rank, rank, stoppable, world_size
from octo.settings.midtraining import GangSettings


def wait() -> None:
    print(f"rank {rank()} waits", file=sys.stderr)
    time.sleep(600)


def refuse() -> None:
    raise UsageError("the ranks are odd: give even ones")


def fail() -> None:
    raise InputError("a shard is empty")


def lose() -> None:
    raise PreemptedError("rank lost another")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def meet() -> None:
    _join()
    distributed.all_reduce(torch.ones(3))


def stop() -> None:
    _join()
    os.kill(os.getpid(), signal.SIGSTOP)
    distributed.all_reduce(torch.ones(3))


def _join() -> None:
    # Imported by those alone who meet: it takes seconds.
    from octo.ml.process_group import join_process_group  # noqa: PLC0415

    join_process_group(GangSettings(collective_seconds=2))
    distributed.all_reduce(torch.ones(3))


def crash() -> None:
    # As a library does, past Python.
    os.write(2, b"terminate called\n  what():  a shape is odd\n")
    os.abort()


def vanish() -> None:
    os.write(2, b"no device is left")
    os._exit(3)


def finish() -> None:
    print(f"rank {rank()} ({local_rank()} here) of {world_size()}: {sys.argv[1:]}")
    print("a warning", file=sys.stderr)


DEEDS = {deed.__name__: deed for deed in (wait, refuse, fail, lose, die, meet, stop, crash, vanish, finish)}


def run(arguments: Sequence[str]) -> int:
    deeds = dict(argument.split("=", 1) for argument in arguments if argument[0].isdigit())
    with stoppable("run again"):
        DEEDS[deeds.get(str(rank()), "finish")]()
    return 0


if __name__ == "__main__":
    sys.exit(concluded(run, sys.argv[1:]))
