"""Numbers as people write them."""

from collections.abc import Iterable


def in_runs(numbers: Iterable[int]) -> str:
    """Numbers in their order, neighbours together: `0 to 2, 5 and 7`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    names = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def short(number: float) -> str:
    """A figure in three significant digits: `0.000123`, `2.31`, `45.6k`, `1.20G`."""
    for letter, size, least in (("T", 1e12, 1e12), ("G", 1e9, 1e9), ("M", 1e6, 1e6), ("k", 1e3, 1e4)):
        if abs(number) >= 0.9995 * least:
            return f"{number / size:.3g}{letter}"
    return f"{number:.4g}" if abs(number) >= 1000 else f"{number:.3g}"
