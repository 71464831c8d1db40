"""What programs and their tests say without any sandbox: for programs that are known to be harmless.

As a script it answers each line of standard input, a JSON list of sources, with a line: the outcome, and what was
raised.
"""

import json
import os
import random
import resource
import subprocess
import sys
import traceback
from collections.abc import Iterable
from multiprocessing import Pipe
from typing import NamedTuple

CPU_SECONDS = 2
"""Twenty times what the longest of those that end takes."""
WALL_SECONDS = 300.0
MEMORY = 2 << 30


class Plain(NamedTuple):
    """What plain execution says."""

    outcome: str
    detail: str


def outcomes(programs: Iterable[tuple[str, ...]]) -> list[Plain]:
    """Execute the sources of each program one after the other as one module, each program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", __file__],
        input="".join(json.dumps(sources) + "\n" for sources in programs),
        env={"PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Plain(*json.loads(line)) for line in done.stdout.splitlines()]


def main() -> None:
    sys.set_int_max_str_digits(0)
    for line in sys.stdin.readlines():
        print(json.dumps(_in_a_child(json.loads(line))), flush=True)


def _in_a_child(sources: list[str]) -> tuple[str, str]:
    ours, theirs = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        theirs.send(_execute(sources))
        os._exit(0)
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = ("timeout", "")
    os.waitpid(child, 0)
    return answer


def _execute(sources: list[str]) -> tuple[str, str]:
    random.seed(0)
    module = type(sys)("program")
    sys.modules["program"] = module
    try:
        for source in sources:
            exec(compile(source, "<test>", "exec"), module.__dict__)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
        said = "".join(traceback.format_exception_only(error)).strip()
        return ("fail" if isinstance(error, AssertionError) else "error", said)
    return ("pass", "")


if __name__ == "__main__":
    main()
