"""Answers verified per CPU second with the sandbox, beside the bare comparison, and beside a fresh process for each."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import psutil

from octo.data.equivalence import equivalent
from octo.data.mathematics import Verifier

NUM_OF_EACH_KIND = 12
NUM_PROCESSES = 4
WORKERS = 2

Pairs = Sequence[tuple[str, str]]


def measure() -> dict[str, float]:
    """CPU of this process and all others it has started, with the sandbox's workers warm.

    Of five kinds of answers two take the values of formulas, and so a child of the sandbox. `ratio_to_process` is how
    many times as much a fresh process costs, `ratio` the share of the bare comparison's rate that is left: that one
    computes what a model wrote in the process that trains it.
    """
    with Verifier(WORKERS) as verifier:
        _verify(verifier, _pairs(0))
        began = time.monotonic()
        sandbox = _cpu_seconds(lambda: _verify(verifier, _pairs(1))) / len(_pairs(1))
        seconds = (time.monotonic() - began) / len(_pairs(1))
    _compare(_pairs(2))
    bare = _cpu_seconds(lambda: _compare(_pairs(3))) / len(_pairs(3))
    process = _cpu_seconds(lambda: _compare_in_processes(_pairs(4)[::NUM_OF_EACH_KIND][:NUM_PROCESSES])) / NUM_PROCESSES
    return {
        "verdicts_per_cpu_s": 1 / sandbox,
        "verdicts_per_s": 1 / seconds,
        "bare_verdicts_per_cpu_s": 1 / bare,
        "process_verdicts_per_cpu_s": 1 / process,
        "ratio": bare / sandbox,
        "ratio_to_process": process / sandbox,
    }


def _pairs(salt: int) -> Pairs:
    """Equal answers in other writings; another salt gives others, which no cache has seen."""
    numbers = range(2 + salt * NUM_OF_EACH_KIND, 2 + (salt + 1) * NUM_OF_EACH_KIND)
    return [
        pair
        for kind in (
            lambda n: (rf"\frac{{{2 * n + 1}}}{{2}}", f"{n}.5"),
            lambda n: (rf"{n}\sqrt{{3}}", rf"\sqrt{{{3 * n * n}}}"),
            lambda n: (rf"\{{{n},{n + 1}\}}", rf"\{{{n + 1},{n}\}}"),
            lambda n: (rf"[{n},\infty)", rf"\left[{n}, \infty\right)"),
            lambda n: (f"(x+{n})(x-1)", f"x^2+{n - 1}x-{n}"),
        )
        for pair in map(kind, numbers)
    ]


def _verify(verifier: Verifier, pairs: Pairs) -> None:
    assert all(verifier.verdicts([(gold, rf"\boxed{{{answer}}}") for gold, answer in pairs]))


def _compare(pairs: Pairs) -> None:
    assert all(equivalent(gold, answer) for gold, answer in pairs)


def _compare_in_processes(pairs: Pairs) -> None:
    for gold, answer in pairs:
        program = f"from octo.data.equivalence import equivalent; assert equivalent({gold!r}, {answer!r})"
        subprocess.run([sys.executable, "-c", program], check=True)


def _cpu_seconds(work: Callable[[], None]) -> float:
    before = _cpu()
    work()
    return _cpu() - before


def _cpu() -> float:
    """Of this process, of its children that ended, and of the workers with all that they have run."""
    own = psutil.Process()
    times = [own.cpu_times(), *(child.cpu_times() for child in own.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)
