"""Tests of programs that read standard input and print: what a test of that kind calls, in the judge."""

import math
from typing import Any

TOLERANCE = 1e-6
"""Relative, or absolute below one; of numbers that are expected with decimals."""
SHOWN = 80
_programs: list[Any] = []


def of_program(exchange: Any) -> None:
    """Say which program is asked from now on."""
    _programs[:] = [exchange]


def check_output(given: str, expected: str) -> None:
    """Run the program with an input; fail where it prints something else."""
    said = _programs[0].ask("run", given)
    if not isinstance(said, str) or not same_output(said, expected):
        raise AssertionError(f"printed {str(said)[:SHOWN]!r}, expected {expected[:SHOWN]!r}")


def same_output(said: str, expected: str) -> bool:
    """Whether two outputs are equal but for space at the ends of lines and of all, and the last digits of decimals."""
    lines, wanted = _lines(said), _lines(expected)
    if lines == wanted:
        return True
    if len(lines) != len(wanted):
        return False
    return all(_same_line(line, other) for line, other in zip(lines, wanted, strict=True))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _same_line(said: str, expected: str) -> bool:
    words, wanted = said.split(), expected.split()
    return len(words) == len(wanted) and all(map(_same_word, words, wanted))


def _same_word(said: str, expected: str) -> bool:
    if said == expected:
        return True
    if "." not in expected:
        return False
    try:
        one, other = float(said), float(expected)
    except ValueError:
        return False
    return math.isfinite(one) and abs(one - other) <= TOLERANCE * max(1.0, abs(other))
