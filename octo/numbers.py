"""Whole numbers as people write them."""

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
