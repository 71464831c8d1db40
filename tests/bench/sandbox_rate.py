"""What a verdict on a trivial program costs in a warm pool, beside an interpreter started for program and test alone.

CPU is that of the workers, of all that they have waited for, and of what calls them. A worker waits for both processes
of each test, so theirs is in its `children` times; in namespaces it is a grandchild of ours, seen like any other.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import psutil

from octo.sandbox.layers import offered
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Task, prints

WORKERS = 2
ROUNDS = 5
VERDICTS = 200
STARTS = 20
PROGRAM = "def add_one(x):\n    return x + 1\n"
TEST = "assert add_one(1) == 2\n"
TASK = Task(program=PROGRAM, tests=(TEST,))
PRINTING = Task(program="print(int(input()) + 1)\n", tests=(prints("1\n", "2\n"),))
"""A program that reads and prints, as those of contests do."""
KINDS = {"": (), "pod_": ("namespaces",)}
"""All layers that this machine gives; and those that a pod is sure to give, by what stands before the figure's name."""
BARE = {"bare": (), "lean": ("-I", "-S")}
"""The environment's interpreter as it is; and as fast as it starts, without any package."""


def measure() -> dict[str, float]:
    """Medians of rounds that take turns: verdicts a second, by the clock and by the CPU of two cores; CPU seconds."""
    rounds = [_round() for _ in range(ROUNDS)]
    return {"num_layers": len(offered().active)} | {name: median(each[name] for each in rounds) for name in rounds[0]}


def _round() -> dict[str, float]:
    figures = {}
    for name, options in BARE.items():
        _, figures[f"{name}_cpu_seconds"] = _cost(partial(_start, options=options), STARTS)
    for kind, without in KINDS.items():
        with Sandbox(workers=WORKERS, without=without) as sandbox:
            _judge(sandbox, 4 * WORKERS)
            rate, cpu = _cost(partial(_judge, sandbox), VERDICTS)
            _, printing_cpu = _cost(partial(_judge, sandbox, task=PRINTING), VERDICTS)
        figures |= {
            f"{kind}verdicts_per_second": rate,
            f"{kind}verdicts_per_two_cpu_seconds": 2 / cpu,
            f"{kind}cpu_seconds": cpu,
            f"{kind}printing_cpu_seconds": printing_cpu,
            f"{kind}ratio": cpu / figures["bare_cpu_seconds"],
            f"{kind}ratio_to_lean": cpu / figures["lean_cpu_seconds"],
        }
    return figures


def _judge(sandbox: Sandbox, number: int, task: Task = TASK) -> None:
    assert all(verdict.passed for verdict in sandbox.judge_all([task] * number))


def _start(number: int, *, options: tuple[str, ...]) -> None:
    for _ in range(number):
        subprocess.run([sys.executable, *options, "-c", PROGRAM + TEST], check=True, timeout=60)


def _cost(do: Callable[[int], None], number: int) -> tuple[float, float]:
    """How many are done in a second, and the CPU seconds of each."""
    cpu, began = _cpu_seconds(), time.perf_counter()
    do(number)
    seconds = time.perf_counter() - began
    return number / seconds, (_cpu_seconds() - cpu) / number


def _cpu_seconds() -> float:
    """Of this process, of all below it, and of those that any of them has waited for."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for process in psutil.Process().children(recursive=True):
        spent = process.cpu_times()
        total += spent.user + spent.system + spent.children_user + spent.children_system
    return total
